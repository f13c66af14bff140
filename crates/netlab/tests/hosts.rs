//! Hosts, links, wires, probes and captures, for real. Needs the rights to make network namespaces, and fails without.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use causeway_netlab::{
    CaptureOptions, Class, Host, Lab, PingOptions, Pinger, TcpOptions, ping, tcp_echo, tcp_throughput,
};

fn pair(prefix: &str) -> (Lab, Host, Host) {
    let lab = Lab::new(prefix).unwrap();
    let (left, right) = (lab.host("left").unwrap(), lab.host("right").unwrap());
    lab.link((&left, "eth0", &["10.0.0.1/24"]), (&right, "eth0", &["10.0.0.2/24"])).unwrap();
    (lab, left, right)
}

fn namespaces(lab: &str) -> BTreeSet<String> {
    let entries = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(lab))
        .collect()
}

#[test]
fn two_linked_hosts_reach_each_other_and_nobody_else() {
    let (_lab, left, _right) = pair("nltest-link");
    let answer = ping(&left, "10.0.0.2".parse().unwrap(), &PingOptions::default()).unwrap();
    assert_eq!((answer.sent, answer.received), (5, 5), "{answer:?}");
    assert_eq!(answer.round_trips.len(), 5);
    let start = Instant::now();
    let options = PingOptions { timeout: Duration::from_secs(60), ..PingOptions::default() };
    let answer = ping(&left, "10.9.9.9".parse().unwrap(), &options).unwrap();
    assert_eq!((answer.sent, answer.received), (5, 0));
    assert!(answer.send_error.is_some(), "without a route the kernel says so: {answer:?}");
    assert!(start.elapsed() < Duration::from_secs(30), "what cannot be sent is not waited for");
}

#[test]
fn a_router_that_cannot_deliver_is_heard_without_waiting() {
    let (lab, left, right) = pair("nltest-router");
    left.default_route("10.0.0.2").unwrap();
    let answer =
        ping(&left, "10.9.9.9".parse().unwrap(), &PingOptions { count: 1, ..PingOptions::default() })
            .unwrap();
    assert_eq!((answer.received, answer.unreachable), (0, 1), "{answer:?}");
    assert_eq!(right.label(), "right");
    drop(lab);
}

#[test]
fn dropping_a_lab_removes_its_hosts_and_ends_its_processes() {
    let (lab, left, _right) = pair("nltest-drop");
    let name = lab.name().to_owned();
    assert_eq!(namespaces(&name).len(), 2);
    let process = left.spawn(Command::new("sleep").arg("1000").stdin(Stdio::null())).unwrap();
    let shell =
        left.spawn(Command::new("sh").args(["-c", "trap '' TERM; sleep 1000 & wait; sleep 1000"])).unwrap();
    let pids = [process.pid(), shell.pid()];
    let folder = lab.folder().unwrap();
    assert!(folder.is_dir());
    drop(lab);
    assert!(!folder.exists());
    assert!(namespaces(&name).is_empty());
    assert!(process.try_wait().unwrap().is_some());
    assert!(shell.try_wait().unwrap().is_some());
    assert!(pids.iter().all(|pid| !Path::new("/proc").join(pid.to_string()).exists()));
    assert!(left.enter(|| ()).is_err(), "a host of a lab that is gone cannot be entered");
    assert!(left.spawn(&mut Command::new("true")).is_err());
}

#[test]
fn what_a_killed_run_left_behind_is_swept_and_nothing_else() {
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let stale = format!("nltest-sweep-{}-0-host", gone.id());
    let alive = format!("nltest-sweep-{}-9-host", std::process::id());
    let foreign = format!("nltest-sweeper-{}-0-host", gone.id());
    let ip = |arguments: &[&str]| assert!(Command::new("ip").args(arguments).status().unwrap().success());
    for name in [&stale, &alive, &foreign] {
        ip(&["netns", "add", name]);
    }
    let mut left_behind = Command::new("ip")
        .args(["netns", "exec", &stale, "sleep", "1000"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    while !String::from_utf8_lossy(
        &Command::new("ip").args(["netns", "pids", &stale]).output().unwrap().stdout,
    )
    .contains(&left_behind.id().to_string())
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    let stale_folder = std::env::temp_dir().join(format!("nltest-sweep-{}-0-AbCdEf", gone.id()));
    fs::create_dir_all(stale_folder.join("inside")).unwrap();
    let lab = Lab::new("nltest-sweep").unwrap();
    assert!(!stale_folder.exists());
    let remaining = namespaces("nltest-sweep");
    for name in [&alive, &foreign] {
        ip(&["netns", "del", name]);
    }
    drop(lab);
    assert!(!left_behind.wait().unwrap().success(), "the process of the stale host was ended");
    assert_eq!(remaining, BTreeSet::from([alive, foreign]));
}

#[test]
fn a_wire_connects_several_hosts_and_a_pulled_cable_stops_one() {
    let lab = Lab::new("nltest-wire").unwrap();
    let internet = lab.wire("internet").unwrap();
    // The same first letters, so that the switch has to tell their ports apart by more than the name.
    let hosts: Vec<Host> =
        (1..=3).map(|n| lab.host(&format!("a-host-with-a-long-name-{n}")).unwrap()).collect();
    for (number, host) in hosts.iter().enumerate() {
        internet.plug(host, "wan", &[&format!("203.0.113.{}/24", number + 1)]).unwrap();
    }
    let reaches = |from: &Host, to: &str| {
        let options = PingOptions { count: 2, timeout: Duration::from_millis(200), ..PingOptions::default() };
        ping(from, to.parse().unwrap(), &options).unwrap().received == 2
    };
    // The kernel may take a second to notice that a cable is back.
    let comes_to_reach = |from: &Host, to: &str| (0..50).any(|_| reaches(from, to));
    assert!(comes_to_reach(&hosts[0], "203.0.113.2") && comes_to_reach(&hosts[1], "203.0.113.3"));
    internet.set_plugged(&hosts[1], false).unwrap();
    assert!(!reaches(&hosts[0], "203.0.113.2") && comes_to_reach(&hosts[0], "203.0.113.3"));
    internet.set_plugged(&hosts[1], true).unwrap();
    assert!(comes_to_reach(&hosts[0], "203.0.113.2"));
}

#[test]
fn sockets_threads_and_settings_made_inside_belong_to_the_host() {
    let (_lab, left, right) = pair("nltest-enter");
    let listener = right.enter(|| TcpListener::bind("10.0.0.2:4242")).unwrap().unwrap();
    assert!(
        left.enter(|| TcpListener::bind("10.0.0.2:4242")).unwrap().is_err(),
        "not the left host's address"
    );
    assert_eq!(listener.local_addr().unwrap().port(), 4242);
    left.sysctl("net.ipv4.ip_forward", "0").unwrap();
    let forwards = |host: &Host| host.run(Command::new("cat").arg("/proc/sys/net/ipv4/ip_forward")).unwrap();
    assert_eq!((forwards(&left).trim(), forwards(&right).trim()), ("0", "1"));
    assert!(left.sysctl("net.ipv4.no_such_thing", "0").is_err());
}

#[test]
fn a_command_that_fails_or_hangs_is_an_error_that_says_so() {
    let (_lab, left, _right) = pair("nltest-run");
    let error = left.run(Command::new("sh").args(["-c", "echo first; echo oh no >&2; exit 3"])).unwrap_err();
    assert!(error.to_string().contains("oh no"), "{error:#}");
    let start = Instant::now();
    let error = left.output(Command::new("sleep").arg("1000"), Duration::from_millis(100)).unwrap_err();
    assert!(error.to_string().contains("took over"), "{error:#}");
    assert!(start.elapsed() < Duration::from_secs(30), "it was ended, not waited for");
    assert!(left.ip_batch(&["route add 10.5.0.0/16 via 192.0.2.1".into()]).is_err());
    assert!(left.address("eth0", "10.0.0.300/24").is_err());
}

#[test]
fn a_flow_knows_when_the_last_packet_got_through() {
    let lab = Lab::new("nltest-flow").unwrap();
    let wire = lab.wire("wire").unwrap();
    let (left, right) = (lab.host("left").unwrap(), lab.host("right").unwrap());
    wire.plug(&left, "eth0", &["10.0.0.1/24"]).unwrap();
    wire.plug(&right, "eth0", &["10.0.0.2/24"]).unwrap();
    let pinger = Pinger::start(&left, "10.0.0.2".parse().unwrap(), Duration::from_millis(2)).unwrap();
    while pinger.so_far().received() < 50 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let before = Instant::now();
    wire.set_plugged(&right, false).unwrap();
    let after = Instant::now();
    std::thread::sleep(Duration::from_millis(100));
    wire.set_plugged(&right, true).unwrap();
    let healed = Instant::now();
    std::thread::sleep(Duration::from_millis(50));
    let flow = pinger.stop(Duration::from_millis(50));
    let (received, sent) = flow.received_of_sent(after, after + Duration::from_millis(90));
    assert!(received == 0 && sent >= 20, "{received} of {sent} got through a pulled cable");
    assert!(flow.received_of_sent(healed, healed + Duration::from_millis(50)).0 > 0, "and again afterwards");
    assert!(flow.longest_outage() >= Duration::from_millis(90), "{:?}", flow.longest_outage());
    assert!(flow.last_through_after(before) > Duration::from_millis(100));
    assert_eq!(flow.last_through_after(Instant::now()), Duration::ZERO);
}

#[test]
fn streams_pass_whole_and_are_measured() {
    let (_lab, left, right) = pair("nltest-tcp");
    let at = "10.0.0.2:0".parse().unwrap();
    tcp_echo(&left, &right, at, 3_000_001, Duration::from_secs(3)).unwrap();
    for streams in [1, 3] {
        let options = TcpOptions { duration: Duration::from_millis(300), streams, ..TcpOptions::default() };
        let throughput = tcp_throughput(&left, &right, at, &options).unwrap();
        assert!(throughput.gbps() > 0.05, "{throughput:?}");
    }
    left.ip_batch(&["route add blackhole 10.0.0.2/32".into()]).unwrap();
    let error = tcp_echo(&left, &right, at, 10, Duration::from_millis(300)).unwrap_err();
    assert!(error.to_string().contains("connecting from left"), "{error:#}");
}

#[test]
fn a_capture_counts_each_frame_once_and_finds_clear_text() {
    let lab = Lab::new("nltest-capture").unwrap();
    let wire = lab.wire("internet").unwrap();
    let (left, right) = (lab.host("left").unwrap(), lab.host("right").unwrap());
    wire.plug(&left, "wan", &["203.0.113.1/24", "10.1.0.1/24"]).unwrap();
    wire.plug(&right, "wan", &["203.0.113.2/24", "10.1.0.2/24"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pcap = folder.path().join("wire.pcap");
    let inner = vec!["10.1.0.0/24".parse().unwrap()];
    let on_wire = wire
        .capture(CaptureOptions { inner, pcap: Some(pcap.clone()), ..CaptureOptions::default() })
        .unwrap();
    let no_marker = CaptureOptions { marker: Vec::new(), ..CaptureOptions::default() };
    let on_interface = causeway_netlab::Capture::start(&left, "wan", no_marker).unwrap();
    let ping = |to: &str| ping(&left, to.parse().unwrap(), &PingOptions::default()).unwrap().received;
    assert_eq!((ping("203.0.113.2"), ping("10.1.0.2")), (5, 5));
    let (on_wire, on_interface) = (on_wire.stop().unwrap(), on_interface.stop().unwrap());
    assert_eq!(on_wire.count(Class::Icmp), 20, "{on_wire:?}");
    assert_eq!((on_wire.clear_text_packets, on_wire.marker_packets, on_wire.dropped), (20, 20, 0));
    assert!(on_wire.arp_for_inner >= 1);
    assert_eq!(on_wire.leaks.len(), 20);
    assert_eq!((on_interface.count(Class::Icmp), on_interface.clear_text_packets), (20, 0));
    let file = fs::read(pcap).unwrap();
    assert_eq!(&file[..4], &0xa1b2_3c4d_u32.to_le_bytes());
    assert!(file.len() as u64 > on_wire.total() * 42);
}

#[test]
fn a_missing_interface_or_a_second_host_of_the_same_name_is_refused() {
    let (lab, left, _right) = pair("nltest-refuse");
    let error = causeway_netlab::Capture::start(&left, "eth7", CaptureOptions::default()).unwrap_err();
    assert!(format!("{error:#}").contains("no interface eth7"), "{error:#}");
    assert!(lab.host("left").is_err());
    assert!(lab.host("le ft").is_err());
    assert!(Lab::new("Not/This").is_err());
    let error = lab.link((&left, "an-interface-too-long", &[]), (&left, "x", &[])).unwrap_err();
    assert!(format!("{error:#}").contains("interface name"), "{error:#}");
}
