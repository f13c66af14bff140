//! What a client may ask for over HTTP, at its bounds and beyond: each has a clear answer, and nobody else suffers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when something is wrong, its functions too"
)]

#[allow(dead_code, reason = "the binary's own client, of which these tests need a part")]
#[path = "../src/client.rs"]
mod client;
#[path = "support/stepped.rs"]
mod server;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use client::VPC;
use server::{PATIENCE, Server};

const CONFIG: &str = "[api]\nbody_bytes_max = 10000\nrequest_ms_max = 1500\nconnections_max = 200\n[metrics]\nenabled = false\n";

/// Far more than a read takes, also on a machine that is busy.
const LATENCY_MAX: Duration = Duration::from_secs(1);

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.credentials().endpoint).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Everything that the server sends until it closes; the client may be cut off while it still sends.
fn answer(server: &Server, request: &[u8]) -> String {
    let mut stream = connect(server);
    let _cut_off = stream.write_all(request);
    rest(&mut stream)
}

fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        bytes.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[test]
fn what_is_too_much_or_broken_is_refused_with_its_status() {
    let server = Server::start(CONFIG);
    let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let large_header = format!("{head}X-Large: {}\r\n\r\n", "x".repeat(64 * 1024));
    let many_headers = format!("{head}{}\r\n", "X-Many: 1\r\n".repeat(100));
    let large_body = format!("{head}Content-Length: 10001\r\n\r\n{}", "x".repeat(10_001));
    let large_chunks =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n2711\r\n{}\r\n0\r\n\r\n", "x".repeat(10_001));
    let bad_chunks = format!("{head}Transfer-Encoding: chunked\r\n\r\nwhat\r\n");
    let bad_length = format!("{head}Content-Length: -1\r\n\r\n");
    for (what, request, wanted, code) in [
        ("a header", large_header.as_str(), "431", ""),
        ("headers", &many_headers, "431", ""),
        ("a body", &large_body, "413", "RequestTooLarge"),
        ("a body in chunks", &large_chunks, "413", "RequestTooLarge"),
        ("bad chunks", &bad_chunks, "400", "ContentLengthDoesNotMatch"),
        ("a bad length", &bad_length, "400", ""),
        ("no HTTP", "what\r\n\r\n", "400", ""),
        (
            "a method",
            "DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "403",
            "UnsupportedHTTPMethod",
        ),
    ] {
        let answer = answer(&server, request.as_bytes());
        assert_eq!(status(&answer), wanted, "{what}: {answer}");
        assert!(answer.contains(code), "{what}: {answer}");
    }
    server.client().call(VPC, "DescribeRegions", &[]).unwrap();
}

#[test]
fn a_client_that_takes_too_long_is_let_go() {
    let server = Server::start(CONFIG);
    let began = Instant::now();
    let body =
        answer(&server, b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nab");
    assert_eq!(status(&body), "408", "{body}");
    assert!(body.contains("RequestTimeout"), "{body}");
    let _closed_or_answered = answer(&server, b"POST / HTTP/1.1\r\nHost: x\r\n");
    assert!(began.elapsed() < PATIENCE, "it was not let go");
}

#[test]
fn slow_clients_do_not_slow_others() {
    let server = Server::start(CONFIG);
    let mut slow: Vec<TcpStream> = (0..50).map(|_| connect(&server)).collect();
    let client = server.client();
    for letter in b"POST / HTTP/1.1\r\nHo" {
        for stream in &mut slow {
            let _let_go = stream.write_all(&[*letter]);
        }
        let began = Instant::now();
        client.call(VPC, "DescribeRegions", &[]).unwrap();
        assert!(began.elapsed() < LATENCY_MAX, "{:?} behind slow clients", began.elapsed());
    }
}

#[test]
fn no_bytes_get_an_answer_of_the_servers_own_fault() {
    let server = Server::start(CONFIG);
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let parts = [
        "POST",
        "GET",
        " ",
        "/",
        "?",
        "Action=DescribeRegions",
        "&",
        "=",
        "%",
        "%zz",
        " HTTP/1.1",
        "\r\n",
        "Host: x",
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
        "x-acs-action: DescribeRegions",
        "Authorization: ACS3-HMAC-SHA256 x",
        "\0",
        "é",
        "0",
    ];
    for _ in 0..300 {
        let count = next() % 12;
        let mut request = if next() % 2 == 0 {
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".to_owned()
        } else {
            String::new()
        };
        for _ in 0..count {
            request.push_str(parts[usize::try_from(next()).unwrap() % parts.len()]);
        }
        request.push_str("\r\n\r\n");
        let mut stream = connect(&server);
        let _cut_off = stream.write_all(request.as_bytes());
        // Nothing more comes, so that nobody waits for it.
        let _gone = stream.shutdown(std::net::Shutdown::Write);
        let answer = rest(&mut stream);
        assert!(!status(&answer).starts_with('5'), "{request:?}: {answer}");
    }
    let listed =
        server.client().call(VPC, "DescribeCustomerGateways", &[("RegionId", "eu-central-1")]).unwrap();
    assert_eq!(listed["TotalCount"], 0);
}

#[test]
fn one_connection_more_than_the_bound_waits_for_a_place() {
    let server =
        Server::start("[api]\nrequest_ms_max = 600000\nconnections_max = 2\n[metrics]\nenabled = false\n");
    let mut places: Vec<TcpStream> = (0..2).map(|_| connect(&server)).collect();
    for stream in &mut places {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        // It has its place once it is answered, and keeps it.
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
    }
    let mut more = connect(&server);
    more.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    more.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(more.read(&mut [0; 1024]).is_err(), "it was answered beyond the bound");
    drop(places.pop());
    more.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(status(&rest(&mut more)), "200");
}
