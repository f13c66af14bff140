//! Two endpoints, one of which does what a test says instead of what it would.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use causeway_crypto::{DhGroup, Encryption, Integrity, Prf, Secret, SeededRandom};

use crate::config::{ChildProposal, IkeProposal, IkeVersion, Limits, TunnelConfig, TunnelKey};
use crate::endpoint::Endpoint;
use crate::identity::Identity;
use crate::message::payload::Payload;
use crate::message::{ExchangeType, Header, parse_payloads};
use crate::output::Output;
use crate::protect::seal_chain;
use crate::sa::{Request, State};

pub const T: TunnelKey = TunnelKey(1);
const US: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 500);
const PEER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 500);

pub fn config() -> TunnelConfig {
    TunnelConfig {
        local: *US.ip(),
        remote: *PEER.ip(),
        version: IkeVersion::V2,
        local_id: Identity::Ipv4(*US.ip()),
        remote_id: Identity::Ipv4(*PEER.ip()),
        psk: Secret::new(b"puppet".to_vec()),
        certificates: None,
        ike: IkeProposal {
            encryption: Encryption::Aes128Cbc,
            integrity: Some(Integrity::HmacSha1_96),
            prf: Prf::HmacSha1,
            group: DhGroup::Curve25519,
        },
        ike_lifetime: Duration::ZERO,
        child: ChildProposal {
            encryption: Encryption::Aes128Cbc,
            integrity: Some(Integrity::HmacSha1_96),
            pfs: Some(DhGroup::Curve25519),
        },
        child_lifetime: Duration::ZERO,
        local_ts: vec!["192.168.1.0/24".parse().expect("a network")],
        remote_ts: vec!["192.168.2.0/24".parse().expect("a network")],
        dpd: false,
        dpd_interval: Duration::ZERO,
        nat_traversal: true,
        force_encapsulation: false,
        initiate: false,
    }
}

/// The other end of a configuration.
pub fn mirrored(config: &TunnelConfig) -> TunnelConfig {
    TunnelConfig {
        local: config.remote,
        remote: config.local,
        local_id: config.remote_id.clone(),
        remote_id: config.local_id.clone(),
        local_ts: config.remote_ts.clone(),
        remote_ts: config.local_ts.clone(),
        ..config.clone()
    }
}

/// Us, and the peer whose strings a test pulls.
pub struct Pair {
    pub us: Endpoint,
    pub peer: Endpoint,
    pub now: Duration,
    /// What we sent and the peer has not received, and the other way round.
    pub from_us: Vec<Vec<u8>>,
    pub from_peer: Vec<Vec<u8>>,
    /// How many messages we have sent.
    pub sent: usize,
    /// Everything else that we asked for.
    pub outputs: Vec<Output>,
}

/// Nothing is rekeyed before its time.
fn limits() -> Limits {
    Limits { first_rekey_after: Duration::ZERO, ..Limits::default() }
}

impl Pair {
    pub fn new(ours: TunnelConfig, theirs: TunnelConfig) -> Self {
        let endpoint = |seed| Endpoint::new(Box::new(SeededRandom::new(seed)), limits());
        let mut pair = Pair {
            us: endpoint(1),
            peer: endpoint(2),
            now: Duration::ZERO,
            from_us: Vec::new(),
            from_peer: Vec::new(),
            sent: 0,
            outputs: Vec::new(),
        };
        pair.us.put_tunnel(T, ours, pair.now);
        pair.peer.put_tunnel(T, theirs, pair.now);
        pair.collect();
        pair
    }

    /// A tunnel that we wait for and the peer initiates.
    pub fn peer_initiates() -> Self {
        Pair::new(config(), TunnelConfig { initiate: true, ..mirrored(&config()) })
    }

    /// A tunnel that we initiate and the peer waits for.
    pub fn we_initiate() -> Self {
        Pair::new(TunnelConfig { initiate: true, ..config() }, mirrored(&config()))
    }

    pub fn established() -> Self {
        let mut pair = Pair::peer_initiates();
        pair.run();
        assert!(pair.up());
        pair
    }

    pub fn up(&self) -> bool {
        self.us.shared.tunnels.get(&T).is_some_and(|tunnel| tunnel.has_child())
    }

    pub fn collect(&mut self) {
        while let Some(output) = self.us.poll_output() {
            match output {
                Output::Transmit { message, .. } => {
                    self.sent += 1;
                    self.from_us.push(message);
                }
                other => self.outputs.push(other),
            }
        }
        while let Some(output) = self.peer.poll_output() {
            if let Output::Transmit { message, .. } = output {
                self.from_peer.push(message);
            }
        }
    }

    /// Delivers what waits for us.
    pub fn deliver_to_us(&mut self) {
        for message in std::mem::take(&mut self.from_peer) {
            self.us.on_datagram(US, PEER, &message, self.now);
        }
        self.collect();
    }

    /// Delivers what waits for the peer.
    pub fn deliver_to_peer(&mut self) {
        for message in std::mem::take(&mut self.from_us) {
            self.peer.on_datagram(PEER, US, &message, self.now);
        }
        self.collect();
    }

    /// Delivers everything until nobody has anything to say.
    pub fn run(&mut self) {
        while !self.from_us.is_empty() || !self.from_peer.is_empty() {
            self.deliver_to_us();
            self.deliver_to_peer();
        }
    }

    /// Delivers everything, and lets time pass for both.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.run();
            let next = [&self.us, &self.peer].into_iter().filter_map(Endpoint::next_timeout).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            self.us.handle_timeout(self.now);
            self.peer.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    /// Our oldest IKE SA.
    pub fn our_spi(&self) -> u64 {
        let sas = self.us.shared.sas.values();
        sas.min_by_key(|sa| sa.times.created).map(|sa| sa.spi).expect("we have an IKE SA")
    }

    /// The peer's IKE SA of ours with this SPI.
    pub fn their_spi(&self, ours: u64) -> u64 {
        self.us.shared.sas[&ours].peer_spi
    }

    /// The peer's IKE SA that is up.
    pub fn spi_of_peer(&self) -> u64 {
        let sas = self.peer.shared.sas.values();
        sas.filter(|sa| sa.keys.is_some()).map(|sa| sa.spi).next().expect("the peer has an IKE SA")
    }

    /// Makes the peer send a request, whatever it is waiting for.
    pub fn peer_requests(&mut self, spi: u64, exchange: ExchangeType, payloads: &[Payload]) {
        self.peer.shared.with_sa(spi, |shared, sa| {
            sa.pending = None;
            // Not what a peer would do, but what it says is then up to the test.
            let state = std::mem::replace(&mut sa.state, State::Established);
            sa.request(shared.sending(), exchange, payloads, Request::Liveness);
            sa.state = state;
        });
        self.collect();
    }

    /// What we answer to a request of the peer.
    pub fn ask(&mut self, exchange: ExchangeType, payloads: &[Payload]) -> Vec<Payload> {
        let spi = self.spi_of_peer();
        self.peer_requests(spi, exchange, payloads);
        self.deliver_to_us();
        self.read_answer(spi)
    }

    /// Reads our last message as the peer does.
    pub fn read_answer(&mut self, spi: u64) -> Vec<Payload> {
        let message = std::mem::take(&mut self.from_us).pop().expect("we answered");
        let (header, first) = Header::parse(&message).expect("a message");
        assert!(header.response);
        let sa = &self.peer.shared.sas[&spi];
        let (kind, plain) = sa.open(first, &message).expect("authentic");
        parse_payloads(kind, &plain).expect("payloads")
    }

    /// A protected request of the peer with any bytes as its payloads.
    pub fn raw_request(&self, spi: u64, id: u32, exchange: ExchangeType, first: u8, plain: &[u8]) -> Vec<u8> {
        let sa = &self.peer.shared.sas[&spi];
        let (spi_initiator, spi_responder) = sa.spis();
        let from_initiator = sa.initiator;
        let header = Header { spi_initiator, spi_responder, exchange, from_initiator, response: false, id };
        self.seal(spi, &header, first, plain)
    }

    pub fn seal(&self, spi: u64, header: &Header, first: u8, plain: &[u8]) -> Vec<u8> {
        let sa = &self.peer.shared.sas[&spi];
        let keys = sa.keys.as_ref().expect("keys");
        let protection = if sa.initiator { &keys.from_initiator } else { &keys.from_responder };
        seal_chain(header, first, plain, protection, 1_000 + u64::from(header.id))
    }

    pub fn logged(&self, text: &str) -> bool {
        self.outputs
            .iter()
            .any(|output| matches!(output, Output::Log { text: line, .. } if line.contains(text)))
    }
}
