//! A crowd of IKEv2 initiators on one host, each with an address of its own: `causeway-ike` without a data plane.
//!
//! All of them share two sockets, for ports 500 and 4500: the host takes a whole network for its own, and each message leaves
//! from the address of its initiator. The server under load may try to reach them by itself as well; the crowd does not answer
//! such requests, so that each tunnel is set up once, and by the one who measures it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use causeway_crypto::{DhGroup, Encryption, Integrity, Prf, Secret, SystemRandom};
use causeway_ike::{
    ChildProposal, Endpoint, Identity, IkeProposal, IkeVersion, Limits, Output, TunnelConfig, TunnelKey,
    TunnelStatus,
};
use causeway_netlab::{Host, Lab};
use ipnet::Ipv4Net;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

use crate::gateway::PSK;

/// The initiators' network.
pub const NETWORK: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 99, 0, 0), 16);
/// The link between the server and the crowd.
const SERVER_END: &str = "198.51.100.1";
const CROWD_END: &str = "198.51.100.2";
/// RFC 3948, 2.2.
const NON_ESP_MARKER: [u8; 4] = [0; 4];
/// The largest group of messages that is received at once.
const RECEIVE_BYTES: usize = 65_536;
/// What the kernel holds for us while we compute.
const BUFFER_BYTES: usize = 16 << 20;
/// The exchange type of IKE_SA_INIT, and where a header has it and its flags (RFC 7296, 3.1).
const SA_INIT: u8 = 34;
const EXCHANGE_AT: usize = 18;
const FLAGS_AT: usize = 19;
const RESPONSE: u8 = 0x20;

/// Which tunnels to set up.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The server under load.
    pub server: Ipv4Addr,
    /// How many tunnels.
    pub count: u32,
    /// How many of them are being set up at any time.
    pub in_flight: u32,
    /// The group of the IKE SA.
    pub group: DhGroup,
    /// The cipher of the child SA, with HMAC-SHA-256 unless it authenticates by itself.
    pub child: Encryption,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The time from the decision to initiate until packets could pass, of each tunnel that came up.
    pub latencies: Vec<Duration>,
    /// From the first to the last.
    pub took: Duration,
}

/// The crowd on its host. It keeps its tunnels alive until it is dropped.
pub struct Crowd {
    plan: Plan,
    ports: Option<[Port; 2]>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    number: u16,
}

/// The thread that speaks for all initiators.
struct Speaker {
    plan: Plan,
    ports: [Port; 2],
    endpoint: Endpoint,
    start: Instant,
    begun: Vec<Duration>,
    outcome: Outcome,
}

impl Plan {
    /// The address of an initiator.
    pub fn address(number: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(NETWORK.network()) + 1 + number)
    }

    fn tunnel(&self, number: u32) -> TunnelConfig {
        let address = Self::address(number);
        TunnelConfig {
            local: address,
            remote: self.server,
            version: IkeVersion::V2,
            local_id: Identity::Ipv4(address),
            remote_id: Identity::Ipv4(self.server),
            psk: Secret::from(PSK.as_bytes()),
            certificates: None,
            ike: IkeProposal {
                encryption: Encryption::Aes128Cbc,
                integrity: Some(Integrity::HmacSha256_128),
                prf: Prf::HmacSha256,
                group: self.group,
            },
            ike_lifetime: Duration::ZERO,
            child: ChildProposal {
                encryption: self.child,
                integrity: (!self.child.is_aead()).then_some(Integrity::HmacSha256_128),
                pfs: None,
            },
            child_lifetime: Duration::ZERO,
            local_ts: vec![Ipv4Net::from(address)],
            remote_ts: vec![Ipv4Net::default()],
            dpd: false,
            dpd_interval: Duration::ZERO,
            nat_traversal: true,
            force_encapsulation: false,
            initiate: true,
        }
    }
}

impl Crowd {
    /// Adds the crowd's host to the lab and connects it to the server's.
    pub fn place(lab: &Lab, server: &Host, plan: Plan) -> Result<Self> {
        let host = lab.host("crowd")?;
        let ends = [format!("{SERVER_END}/24"), format!("{CROWD_END}/24")];
        lab.link((server, "crowd", &[&ends[0]]), (&host, "eth0", &[&ends[1]]))?;
        server.route(&NETWORK.to_string(), CROWD_END)?;
        host.route(&format!("{}/32", plan.server), SERVER_END)?;
        host.ip_batch(&[format!("route add local {NETWORK} dev lo table local")])?;
        let ports = host.enter(|| -> Result<[Port; 2]> { Ok([Port::bind(500)?, Port::bind(4500)?]) })??;
        Ok(Self { plan, ports: Some(ports), over: Arc::default(), thread: None })
    }

    /// Sets up all tunnels, at most `limit` long, and keeps them alive from then on.
    pub fn establish(&mut self, limit: Duration) -> Result<Outcome> {
        let ports = self.ports.take().context("the tunnels were set up already")?;
        let (tell, told) = channel();
        let (plan, over) = (self.plan, Arc::clone(&self.over));
        self.thread = Some(std::thread::spawn(move || Speaker::new(plan, ports).speak(limit, &tell, &over)));
        wait(&told, limit)
    }
}

fn wait(told: &Receiver<Outcome>, limit: Duration) -> Result<Outcome> {
    told.recv_timeout(limit + Duration::from_secs(10)).context("the initiators' thread died")
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Port {
    fn bind(number: u16) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, number))?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        setsockopt(&socket, RcvBufForce, &BUFFER_BYTES)?;
        Ok(Self { socket, state, number })
    }

    fn send(&self, from: Ipv4Addr, to: SocketAddrV4, contents: &[u8]) {
        let transmit = Transmit {
            destination: SocketAddr::V4(to),
            ecn: None,
            contents,
            segment_size: None,
            src_ip: Some(IpAddr::V4(from)),
        };
        // What is lost is sent again.
        let _full = self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
    }
}

impl Speaker {
    fn new(plan: Plan, ports: [Port; 2]) -> Self {
        // What is measured is the first negotiation, not that of the first rekey, which comes seconds later.
        let limits = Limits { first_rekey_after: Duration::ZERO, ..Limits::default() };
        let endpoint = Endpoint::new(Box::new(SystemRandom), limits);
        let begun = Vec::with_capacity(plan.count as usize);
        Self { plan, ports, endpoint, start: Instant::now(), begun, outcome: Outcome::default() }
    }

    fn speak(mut self, limit: Duration, tell: &Sender<Outcome>, over: &AtomicBool) {
        let mut storage = vec![0; BATCH_SIZE * RECEIVE_BYTES];
        let mut is_told = false;
        while !over.load(Ordering::Relaxed) {
            self.begin();
            self.apply_outputs();
            let is_done = self.outcome.latencies.len() >= self.plan.count as usize;
            if !is_told && (is_done || self.start.elapsed() > limit) {
                is_told = true;
                // Nobody listens any more when the bench gave up.
                let _nobody = tell.send(std::mem::take(&mut self.outcome));
            }
            self.hear(&mut storage);
            let now = self.start.elapsed();
            if self.endpoint.next_timeout().is_some_and(|due| due <= now) {
                self.endpoint.handle_timeout(now);
            }
        }
    }

    /// Begins as many as may be on the way.
    fn begin(&mut self) {
        while self.begun.len() < self.plan.count as usize
            && self.begun.len() - self.outcome.latencies.len() < self.plan.in_flight as usize
        {
            let number = self.begun.len() as u32;
            let now = self.start.elapsed();
            self.begun.push(now);
            self.endpoint.put_tunnel(TunnelKey(number.into()), self.plan.tunnel(number), now);
            self.apply_outputs();
        }
    }

    fn apply_outputs(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { local, remote, message } if local.port() == 500 => {
                    self.ports[0].send(*local.ip(), remote, &message);
                }
                Output::Transmit { local, remote, message } => {
                    self.ports[1].send(*local.ip(), remote, &[&NON_ESP_MARKER, message.as_slice()].concat());
                }
                Output::Status { tunnel, status: TunnelStatus::IpsecSaEstablished, .. } => {
                    let now = self.start.elapsed();
                    if let Some(begun) = self.begun.get(tunnel.0 as usize) {
                        self.outcome.latencies.push(now - *begun);
                        self.outcome.took = now;
                    }
                }
                _ => {}
            }
        }
    }

    /// Waits for messages, not longer than the next timer, and takes them.
    fn hear(&mut self, storage: &mut [u8]) {
        let now = self.start.elapsed();
        let patience =
            self.endpoint.next_timeout().map_or(Duration::from_millis(20), |due| due.saturating_sub(now));
        let patience = patience.clamp(Duration::from_millis(1), Duration::from_millis(20));
        let mut waiting =
            self.ports.each_ref().map(|port| PollFd::new(port.socket.as_fd(), PollFlags::POLLIN));
        let _interrupted = poll(&mut waiting, PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO));
        let ready = waiting.each_ref().map(|waiting| waiting.any().unwrap_or(false));
        for (at, is_ready) in ready.into_iter().enumerate() {
            if is_ready {
                self.take(at, storage);
            }
        }
    }

    fn take(&mut self, port: usize, storage: &mut [u8]) {
        let mut meta = [RecvMeta::default(); BATCH_SIZE];
        let Port { socket, state, number } = &self.ports[port];
        let (number, now) = (*number, self.start.elapsed());
        let groups = {
            let mut chunks = storage.chunks_mut(RECEIVE_BYTES);
            let mut buffers: [std::io::IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| std::io::IoSliceMut::new(chunks.next().unwrap_or_default()));
            state.recv(UdpSockRef::from(socket), &mut buffers, &mut meta).unwrap_or(0)
        };
        for (buffer, meta) in storage.chunks(RECEIVE_BYTES).zip(&meta[..groups]) {
            let (SocketAddr::V4(remote), Some(IpAddr::V4(local))) = (meta.addr, meta.dst_ip) else {
                continue;
            };
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                let message =
                    if number == 500 { Some(datagram) } else { datagram.strip_prefix(&NON_ESP_MARKER) };
                if let Some(message) = message.filter(|message| !is_first_request(message)) {
                    self.endpoint.on_datagram(SocketAddrV4::new(local, number), remote, message, now);
                }
            }
        }
    }
}

/// Whether the server begins an IKE SA of its own.
fn is_first_request(message: &[u8]) -> bool {
    message.get(EXCHANGE_AT) == Some(&SA_INIT)
        && message.get(FLAGS_AT).is_some_and(|flags| flags & RESPONSE == 0)
}
