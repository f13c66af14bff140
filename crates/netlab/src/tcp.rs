//! TCP between two hosts: does a stream pass, and how fast?

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::MARKER;
use crate::host::Host;

/// How long a connection may stall at its end before it counts as dead.
const STALL: Duration = Duration::from_secs(5);

/// How to measure.
#[derive(Clone, Debug)]
pub struct TcpOptions {
    /// How long to send.
    pub duration: Duration,
    /// How many streams at once.
    pub streams: usize,
    /// How long the connection may take to be made.
    pub connect_timeout: Duration,
}

impl Default for TcpOptions {
    /// One stream, two seconds, three seconds to connect.
    fn default() -> Self {
        Self { duration: Duration::from_secs(2), streams: 1, connect_timeout: Duration::from_secs(3) }
    }
}

/// What arrived.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    /// Bytes of payload that arrived, over all streams.
    pub bytes: u64,
    /// From the first byte to the end of the last stream.
    pub elapsed: Duration,
}

impl Throughput {
    /// Gigabits of payload per second.
    #[must_use]
    pub fn gbps(&self) -> f64 {
        if self.elapsed.is_zero() { 0.0 } else { self.bytes as f64 * 8.0 / self.elapsed.as_secs_f64() / 1e9 }
    }
}

/// Sends from one host to another as fast as it goes. `at` is the receiver's address; port 0 takes a free one.
///
/// # Errors
/// When the connection cannot be made or dies.
pub fn tcp_throughput(from: &Host, to: &Host, at: SocketAddrV4, options: &TcpOptions) -> Result<Throughput> {
    let listener = listen(to, at)?;
    let at = listener.local_addr()?;
    let streams = options.streams.max(1);
    let receiver = std::thread::spawn(move || receive_all(&listener, streams));
    let mut senders = Vec::new();
    for _ in 0..streams {
        let stream = connect(from, to, at, options.connect_timeout);
        match stream {
            Ok(stream) => senders.push(send_for(stream, options.duration)),
            Err(error) => {
                unblock(to, at, streams);
                return Err(error);
            }
        }
    }
    for sender in senders {
        joined(sender)?;
    }
    joined(receiver)
}

/// Sends `bytes` through a TCP connection and has them echoed; checks each, and gives the time it took.
///
/// # Errors
/// When the connection cannot be made within `limit`, dies, or other bytes come back.
pub fn tcp_echo(from: &Host, to: &Host, at: SocketAddrV4, bytes: usize, limit: Duration) -> Result<Duration> {
    let listener = listen(to, at)?;
    let at = listener.local_addr()?;
    let server = std::thread::spawn(move || echo_once(&listener));
    let start = Instant::now();
    let stream = match connect(from, to, at, limit) {
        Ok(stream) => stream,
        Err(error) => {
            unblock(to, at, 1);
            return Err(error);
        }
    };
    let sent = pattern(bytes);
    let mut writing = stream.try_clone()?;
    let to_send = sent.clone();
    let writer = std::thread::spawn(move || {
        writing.write_all(&to_send)?;
        Ok(writing.shutdown(std::net::Shutdown::Write)?)
    });
    let mut echoed = Vec::with_capacity(bytes);
    (&stream).read_to_end(&mut echoed).context("reading the echo")?;
    joined(writer)?;
    joined(server)?;
    ensure!(echoed == sent, "{} of {} bytes came back, or others", echoed.len(), sent.len());
    Ok(start.elapsed())
}

/// Bytes that a capture would recognise in clear, and that tell each position from its neighbours.
fn pattern(bytes: usize) -> Vec<u8> {
    let lines = (0_u64..).flat_map(|line| MARKER.iter().copied().chain(line.to_be_bytes()));
    lines.take(bytes).collect()
}

fn listen(on: &Host, at: SocketAddrV4) -> Result<TcpListener> {
    on.enter(|| TcpListener::bind(at))?.with_context(|| format!("listening on {at} of {}", on.label()))
}

fn connect(from: &Host, to: &Host, at: SocketAddr, limit: Duration) -> Result<TcpStream> {
    let stream = from
        .enter(|| TcpStream::connect_timeout(&at, limit))?
        .with_context(|| format!("connecting from {} to {at} of {}", from.label(), to.label()))?;
    stream.set_write_timeout(Some(STALL))?;
    stream.set_read_timeout(Some(STALL))?;
    Ok(stream)
}

/// Makes the connections that a listener still waits for, from its own host, so that its thread ends.
fn unblock(to: &Host, at: SocketAddr, connections: usize) {
    let connect_all = || {
        for _ in 0..connections {
            drop(TcpStream::connect_timeout(&at, Duration::from_secs(1)));
        }
    };
    let _the_lab_is_gone = to.enter(connect_all);
}

fn send_for(mut stream: TcpStream, duration: Duration) -> JoinHandle<Result<()>> {
    std::thread::spawn(move || {
        let chunk = pattern(256 << 10);
        let until = Instant::now() + duration;
        while Instant::now() < until {
            match stream.write(&chunk) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    bail!("the stream stalled for {STALL:?}")
                }
                Err(error) => return Err(error).context("sending the stream"),
            }
        }
        Ok(())
    })
}

fn receive_all(listener: &TcpListener, streams: usize) -> Result<Throughput> {
    let mut readers = Vec::new();
    let mut start = None;
    for _ in 0..streams {
        let (stream, _) = listener.accept().context("accepting a stream")?;
        stream.set_read_timeout(Some(STALL))?;
        start.get_or_insert_with(Instant::now);
        readers.push(std::thread::spawn(move || drain(stream)));
    }
    let mut bytes = 0;
    for reader in readers {
        bytes += joined(reader)?;
    }
    Ok(Throughput { bytes, elapsed: start.map(|start| start.elapsed()).unwrap_or_default() })
}

fn drain(mut stream: TcpStream) -> Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer).context("receiving the stream")? {
            0 => return Ok(bytes),
            read => bytes += read as u64,
        }
    }
}

fn echo_once(listener: &TcpListener) -> Result<()> {
    let (stream, _) = listener.accept().context("accepting the echo's connection")?;
    stream.set_read_timeout(Some(STALL))?;
    stream.set_write_timeout(Some(STALL))?;
    std::io::copy(&mut &stream, &mut &stream).context("echoing")?;
    Ok(())
}

fn joined<T>(thread: JoinHandle<Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
