//! A network with a virtual clock: endpoints, and datagrams between them that are delayed, lost, doubled and reordered as
//! often as a scenario says, and always in the same way for one seed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use causeway_crypto::{DhGroup, Encryption, Integrity, Prf, Random, Secret, SeededRandom};
use causeway_ike::{
    ChildProposal, ChildSa, Endpoint, FailureKind, Identity, IkeProposal, IkeVersion, Level, Limits,
    NatDetected, Output, TunnelConfig, TunnelKey, TunnelStatus,
};

pub const T: TunnelKey = TunnelKey(1);
pub const A: usize = 0;
pub const B: usize = 1;
pub const ADDRESS_A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const ADDRESS_B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One endpoint and everything it has asked for.
pub struct Side {
    pub endpoint: Endpoint,
    pub children: BTreeMap<u32, (TunnelKey, ChildSa)>,
    /// The preferred child of each tunnel.
    pub in_use: BTreeMap<TunnelKey, u32>,
    pub all_in_use: BTreeMap<TunnelKey, Vec<u32>>,
    pub status: BTreeMap<TunnelKey, (TunnelStatus, Option<String>)>,
    pub failures: BTreeMap<TunnelKey, Option<FailureKind>>,
    pub nat: BTreeMap<TunnelKey, Option<NatDetected>>,
    pub logs: Vec<(Option<TunnelKey>, Level, String)>,
    pub keepalives: usize,
    pub children_made: usize,
    /// By IKEv1 a child may be received on that is never agreed on, and so never used.
    pub is_v1: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Datagram {
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    pub message: Vec<u8>,
}

/// What a translator in the middle does; `None` drops the datagram.
pub type Middle = Box<dyn FnMut(Datagram) -> Option<Datagram>>;

pub struct Sim {
    pub now: Duration,
    pub sides: Vec<(Ipv4Addr, Side)>,
    pub loss: f64,
    pub doubled: f64,
    /// Extra delay of a datagram, at most; what is delayed differently is reordered.
    pub jitter: Duration,
    pub middle: Option<Middle>,
    /// Everything sent, in order.
    pub wire: Vec<Datagram>,
    /// Everything asked for, in order.
    pub trace: Vec<(Duration, usize, Output)>,
    pub keep_trace: bool,
    under_way: BTreeMap<(Duration, u64), Datagram>,
    sequence: u64,
    dice: SeededRandom,
}

impl Sim {
    pub fn new(seed: u64) -> Self {
        Sim::with_limits(seed, Limits { first_rekey_after: Duration::ZERO, ..Limits::default() })
    }

    pub fn with_limits(seed: u64, limits: Limits) -> Self {
        let side = |n: u64| Side {
            endpoint: Endpoint::new(Box::new(SeededRandom::new(seed * 1_000 + n)), limits.clone()),
            children: BTreeMap::new(),
            in_use: BTreeMap::new(),
            all_in_use: BTreeMap::new(),
            status: BTreeMap::new(),
            failures: BTreeMap::new(),
            nat: BTreeMap::new(),
            logs: Vec::new(),
            keepalives: 0,
            children_made: 0,
            is_v1: false,
        };
        Sim {
            now: Duration::ZERO,
            sides: vec![(ADDRESS_A, side(1)), (ADDRESS_B, side(2))],
            loss: 0.0,
            doubled: 0.0,
            jitter: Duration::ZERO,
            middle: None,
            wire: Vec::new(),
            trace: Vec::new(),
            keep_trace: false,
            under_way: BTreeMap::new(),
            sequence: 0,
            dice: SeededRandom::new(seed),
        }
    }

    pub fn side(&self, side: usize) -> &Side {
        &self.sides[side].1
    }

    pub fn put(&mut self, side: usize, key: TunnelKey, config: TunnelConfig) {
        let now = self.now;
        self.sides[side].1.is_v1 = config.version != IkeVersion::V2;
        self.sides[side].1.endpoint.put_tunnel(key, config, now);
        self.collect(side);
    }

    pub fn remove(&mut self, side: usize, key: TunnelKey) {
        let now = self.now;
        self.sides[side].1.endpoint.remove_tunnel(key, now);
        // Of a tunnel that is gone nothing is told.
        self.sides[side].1.status.remove(&key);
        self.collect(side);
    }

    /// Has one side replace the child that it sends on.
    pub fn rekey_child(&mut self, side: usize, key: TunnelKey) {
        let (now, spi) = (self.now, self.sides[side].1.in_use[&key]);
        self.sides[side].1.endpoint.rekey_child(key, spi, now);
        self.collect(side);
    }

    /// Forgets everything that an endpoint knew, as a crash does.
    pub fn crash(&mut self, side: usize, seed: u64) {
        let fresh = Sim::new(seed).sides.remove(side).1;
        self.sides[side].1 = fresh;
    }

    /// Hands a datagram to whoever has its address, at once.
    pub fn deliver(&mut self, datagram: Datagram) {
        let now = self.now;
        if let Some(side) = self.sides.iter().position(|(address, _)| address == datagram.to.ip()) {
            self.sides[side].1.endpoint.on_datagram(datagram.to, datagram.from, &datagram.message, now);
            self.collect(side);
        }
    }

    /// Runs for a while; `check` looks at the world after each event.
    pub fn run_checked(&mut self, duration: Duration, mut check: impl FnMut(&Sim)) {
        let end = self.now + duration;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step();
            check(self);
        }
        self.now = end;
    }

    pub fn run(&mut self, duration: Duration) {
        self.run_checked(duration, |_| ());
    }

    fn next_event(&self) -> Option<Duration> {
        let datagram = self.under_way.keys().next().map(|(at, _)| *at);
        let timeouts = self.sides.iter().filter_map(|(_, side)| side.endpoint.next_timeout());
        timeouts.chain(datagram).min()
    }

    fn step(&mut self) {
        while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let datagram = entry.remove();
            self.deliver(datagram);
        }
        for side in 0..self.sides.len() {
            let now = self.now;
            if self.sides[side].1.endpoint.next_timeout().is_some_and(|at| at <= now) {
                self.sides[side].1.endpoint.handle_timeout(now);
                self.collect(side);
            }
        }
    }

    /// Takes what an endpoint asks for after it was called directly.
    pub fn collect(&mut self, side: usize) {
        while let Some(output) = self.sides[side].1.endpoint.poll_output() {
            if self.keep_trace {
                self.trace.push((self.now, side, output.clone()));
            }
            if let Output::Transmit { local, remote, message } = output {
                self.send(Datagram { from: local, to: remote, message });
            } else {
                self.sides[side].1.apply(output);
            }
        }
        self.sides[side].1.check();
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        let mut bytes = [0; 4];
        self.dice.fill(&mut bytes);
        f64::from(u32::from_be_bytes(bytes)) < probability * f64::from(u32::MAX)
    }

    fn send(&mut self, datagram: Datagram) {
        self.wire.push(datagram.clone());
        let Some(datagram) = (match &mut self.middle {
            Some(middle) => middle(datagram),
            None => Some(datagram),
        }) else {
            return;
        };
        let copies = 1 + usize::from(self.chance(self.doubled));
        for _ in 0..copies {
            let mut bytes = [0; 4];
            self.dice.fill(&mut bytes);
            let extra = self.jitter.mul_f64(f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX));
            if !self.chance(self.loss) {
                self.sequence += 1;
                let at = self.now + Duration::from_millis(10) + extra;
                self.under_way.insert((at, self.sequence), datagram.clone());
            }
        }
    }

    /// Whether what one side sends now arrives: the other has the child that it sends on, with the same keys.
    pub fn passes(&self, from: usize, from_tunnel: TunnelKey, to: usize) -> bool {
        let (from, to) = (self.side(from), self.side(to));
        let Some(spi) = from.in_use.get(&from_tunnel) else { return false };
        let (_, sent) = &from.children[spi];
        let received = to.children.get(&sent.outbound_spi).map(|(_, child)| child);
        received.is_some_and(|received| received.inbound_key == sent.outbound_key)
    }

    /// Asserts that the tunnel works both ways, on one and the same child with crosswise equal keys.
    pub fn assert_up(&self) {
        for (from, to) in [(A, B), (B, A)] {
            assert_eq!(self.status(from), TunnelStatus::IpsecSaEstablished, "{:#?}", self.side(from).logs);
            assert!(self.passes(from, T, to), "packets pass from {from} to {to}");
            let (_, ours) = &self.side(from).children[&self.side(from).in_use[&T]];
            let (_, theirs) = &self.side(to).children[&ours.outbound_spi];
            assert_eq!(ours.inbound_spi, theirs.outbound_spi);
            assert_eq!(ours.inbound_key, theirs.outbound_key);
            assert_eq!(ours.outbound_key, theirs.inbound_key);
            assert_ne!(ours.inbound_key, ours.outbound_key);
            assert_eq!(ours.extended_sequence_numbers, theirs.extended_sequence_numbers);
            assert_eq!((&ours.local_ts, &ours.remote_ts), (&theirs.remote_ts, &theirs.local_ts));
        }
    }

    pub fn status(&self, side: usize) -> TunnelStatus {
        self.side(side).status_of(T)
    }

    /// Whether a line of a side's log contains this text.
    pub fn logged(&self, side: usize, text: &str) -> bool {
        self.side(side).logs.iter().any(|(_, _, line)| line.contains(text))
    }
}

impl Side {
    pub fn status_of(&self, key: TunnelKey) -> TunnelStatus {
        self.status.get(&key).map_or(TunnelStatus::IkeSaNotEstablished, |(status, _)| *status)
    }

    /// A tunnel that is said to be up has a child that is sent on, and what is sent on is installed.
    fn check(&self) {
        for (key, (status, _)) in &self.status {
            let used = self.all_in_use.get(key).map_or(&[][..], Vec::as_slice);
            let up = *status == TunnelStatus::IpsecSaEstablished;
            assert!(!up || used.iter().all(|spi| self.children.contains_key(spi)));
            assert!(!up || !used.is_empty(), "the tunnel is up: {:#?}", self.logs);
        }
    }

    fn apply(&mut self, output: Output) {
        match output {
            Output::Transmit { .. } => unreachable!("sent before"),
            Output::Keepalive { .. } => self.keepalives += 1,
            Output::ChildUp { tunnel, child } => {
                self.children_made += 1;
                let before = self.children.insert(child.inbound_spi, (tunnel, child));
                assert!(before.is_none(), "an inbound SPI is used once at a time");
            }
            Output::ChildUse { tunnel, inbound_spis } => {
                assert!(!inbound_spis.is_empty(), "some child is used");
                for inbound_spi in &inbound_spis {
                    assert_eq!(self.children[inbound_spi].0, tunnel, "only an installed child is used");
                }
                self.in_use.insert(tunnel, inbound_spis[0]);
                self.all_in_use.insert(tunnel, inbound_spis);
            }
            Output::ChildMoved { inbound_spi, encapsulation, .. } => {
                let child = self.children.get_mut(&inbound_spi).expect("only an installed child moves");
                child.1.encapsulation = encapsulation;
            }
            Output::ChildDown { tunnel, inbound_spi } => {
                assert!(self.children.remove(&inbound_spi).is_some(), "only an installed child is removed");
                if self.all_in_use.get(&tunnel).is_some_and(|used| used.contains(&inbound_spi)) {
                    self.in_use.remove(&tunnel);
                    self.all_in_use.remove(&tunnel);
                }
            }
            Output::Status { tunnel, status, failure, nat } => {
                self.status.insert(tunnel, (status, failure.as_ref().map(|failure| failure.text.clone())));
                self.failures.insert(tunnel, failure.map(|failure| failure.kind));
                self.nat.insert(tunnel, nat);
            }
            Output::Log { tunnel, level, text } => self.logs.push((tunnel, level, text)),
        }
    }
}

/// A tunnel from A to B as A has it. Neither initiates.
pub fn config() -> TunnelConfig {
    TunnelConfig {
        local: ADDRESS_A,
        remote: ADDRESS_B,
        version: IkeVersion::V2,
        local_id: Identity::Ipv4(ADDRESS_A),
        remote_id: Identity::Ipv4(ADDRESS_B),
        psk: Secret::new(b"correct horse battery staple".to_vec()),
        certificates: None,
        ike: IkeProposal {
            encryption: Encryption::Aes128Cbc,
            integrity: Some(Integrity::HmacSha1_96),
            prf: Prf::HmacSha1,
            group: DhGroup::Curve25519,
        },
        ike_lifetime: secs(86_400),
        child: ChildProposal { encryption: Encryption::Aes128Gcm16, integrity: None, pfs: None },
        child_lifetime: secs(86_400),
        local_ts: vec!["192.168.1.0/24".parse().expect("a network")],
        remote_ts: vec!["192.168.2.0/24".parse().expect("a network")],
        dpd: true,
        dpd_interval: Duration::ZERO,
        nat_traversal: true,
        force_encapsulation: false,
        initiate: false,
    }
}

/// The same tunnel as the other end has it.
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

/// A initiates the tunnel, B waits.
pub fn put_both(sim: &mut Sim, config: &TunnelConfig) {
    sim.put(B, T, mirrored(config));
    sim.put(A, T, TunnelConfig { initiate: true, ..config.clone() });
}

/// The PRF that goes with an integrity algorithm.
pub fn prf_of(integrity: Integrity) -> Prf {
    match integrity {
        Integrity::HmacMd5_96 => Prf::HmacMd5,
        Integrity::HmacSha1_96 => Prf::HmacSha1,
        Integrity::HmacSha256_128 => Prf::HmacSha256,
        Integrity::HmacSha384_192 => Prf::HmacSha384,
        Integrity::HmacSha512_256 => Prf::HmacSha512,
    }
}
