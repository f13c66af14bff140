//! Two endpoints with a tunnel between them, and somebody on the path who drops, delays, repeats, changes and invents
//! datagrams: nothing panics, everything stays bounded, no timer is due for ever, and children that belong together have
//! the same keys and the same traffic on both sides.
//!
//! The input is a script: what the tunnel is, and then steps of a byte and what belongs to it.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use causeway_crypto::{DhGroup, Encryption, Integrity, Prf, Secret, SeededRandom};
use causeway_ike::{
    ChildProposal, ChildSa, Endpoint, Identity, IkeProposal, IkeVersion, Limits, Mode, Output, TunnelConfig,
    TunnelKey,
};

use crate::script::Script;

const TUNNEL: TunnelKey = TunnelKey(1);
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

/// Steps of one script: enough for a tunnel, its rekeys and its end.
const STEPS_MAX: usize = 200;
/// What one call may ask for.
const OUTPUTS_MAX: usize = 200;
/// How often a side is asked at one time until nothing is due: what was due can make something else due.
const ROUNDS_MAX: usize = 4;
/// How long a child lives.
const CHILD_LIFETIME: Duration = Duration::from_secs(600);
/// When there is a tunnel again on a path that is left alone. By IKEv1 one side may count a child that the other gave up, if
/// somebody has kept from it that the peer can be asked whether it is alive. It learns of that when it replaces the child,
/// and that takes all repetitions of one message (79 s) before it begins anew.
const REST: Duration = Duration::from_secs(CHILD_LIFETIME.as_secs() + 120);
/// Datagrams that are kept to be sent again.
const SEEN_MAX: usize = 64;

struct Datagram {
    from: SocketAddrV4,
    to: SocketAddrV4,
    message: Vec<u8>,
}

struct Side {
    endpoint: Endpoint,
    children: BTreeMap<u32, ChildSa>,
}

struct Path {
    now: Duration,
    sides: [Side; 2],
    under_way: VecDeque<Datagram>,
    seen: VecDeque<(SocketAddrV4, SocketAddrV4, Vec<u8>)>,
    limits: Limits,
}

/// Plays a script.
///
/// # Panics
///
/// When something does not hold.
pub fn check(bytes: &[u8]) {
    let mut script = Script(bytes);
    let Some(kind) = script.byte() else { return };
    let mut path = Path::new(kind);
    for _ in 0..STEPS_MAX {
        if path.step(&mut script).is_none() {
            break;
        }
    }
    path.check_rest();
}

/// The tunnel as the first side has it. Bits of `kind` choose among what changes how messages look.
fn config(kind: u8) -> TunnelConfig {
    let pfs = (kind & 4 != 0).then_some(DhGroup::Curve25519);
    let version = match kind >> 6 {
        1 => IkeVersion::V1(Mode::Main),
        2 => IkeVersion::V1(Mode::Aggressive),
        _ => IkeVersion::V2,
    };
    // IKEv1 has no way to name an AEAD for itself.
    let (encryption, integrity) = match kind & 8 {
        0 if version == IkeVersion::V2 => (Encryption::Aes128Gcm16, None),
        _ => (Encryption::Aes128Cbc, Some(Integrity::HmacSha256_128)),
    };
    TunnelConfig {
        local: ADDRESSES[0],
        remote: ADDRESSES[1],
        version,
        local_id: Identity::Ipv4(ADDRESSES[0]),
        remote_id: Identity::Fqdn("b.example.com".to_owned()),
        psk: Secret::new(b"correct horse battery staple".to_vec()),
        certificates: None,
        ike: IkeProposal { encryption, integrity, prf: Prf::HmacSha256, group: DhGroup::Curve25519 },
        ike_lifetime: Duration::from_secs(3_600),
        child: ChildProposal { encryption, integrity, pfs },
        child_lifetime: CHILD_LIFETIME,
        local_ts: vec!["192.168.1.0/24".parse().expect("a network")],
        remote_ts: vec!["192.168.2.0/24".parse().expect("a network")],
        dpd: true,
        dpd_interval: Duration::ZERO,
        nat_traversal: kind & 16 == 0,
        force_encapsulation: kind & 32 != 0,
        initiate: true,
    }
}

fn mirrored(config: TunnelConfig, initiate: bool) -> TunnelConfig {
    TunnelConfig {
        local: config.remote,
        remote: config.local,
        local_id: config.remote_id,
        remote_id: config.local_id,
        local_ts: config.remote_ts,
        remote_ts: config.local_ts,
        initiate,
        ..config
    }
}

impl Path {
    fn new(kind: u8) -> Self {
        let limits = Limits {
            half_open_max: 8,
            half_open_per_address_max: 4,
            cookie_threshold: 3,
            ..Limits::default()
        };
        let side = |seed| Side {
            endpoint: Endpoint::new(Box::new(SeededRandom::new(seed)), limits.clone()),
            children: BTreeMap::new(),
        };
        let sides = [side(1), side(2)];
        let mut path =
            Self { now: Duration::ZERO, sides, under_way: VecDeque::new(), seen: VecDeque::new(), limits };
        let other = mirrored(config(kind), kind & 1 != 0);
        path.on(1, |endpoint, now| endpoint.put_tunnel(TUNNEL, other, now));
        path.on(0, |endpoint, now| endpoint.put_tunnel(TUNNEL, config(kind), now));
        path
    }

    fn step(&mut self, script: &mut Script<'_>) -> Option<()> {
        match script.byte()? % 10 {
            0..=2 => {
                let datagram = self.under_way.pop_front()?;
                self.deliver(datagram);
            }
            3 => {
                self.under_way.pop_front();
            }
            4 => {
                let datagram = self.under_way.pop_front()?;
                self.under_way.push_back(datagram);
            }
            5 => {
                let mut datagram = self.under_way.pop_front()?;
                let at = script.number()? % datagram.message.len().max(1);
                if let Some(byte) = datagram.message.get_mut(at) {
                    *byte ^= script.byte()?;
                }
                self.deliver(datagram);
            }
            6 => {
                let which = usize::from(script.byte()?) % self.seen.len().max(1);
                let (from, to, message) = self.seen.get(which)?.clone();
                self.deliver(Datagram { from, to, message });
            }
            7 => self.invent(script)?,
            8 => self.wait(Duration::from_secs(u64::from(script.byte()?))),
            _ => {
                let due = self.sides.iter().filter_map(|side| side.endpoint.next_timeout()).min()?;
                self.wait(due.saturating_sub(self.now));
            }
        }
        Some(())
    }

    /// A datagram of the fuzzer's own, or with the SPIs of one that was seen.
    fn invent(&mut self, script: &mut Script<'_>) -> Option<()> {
        let flags = script.byte()?;
        let mut message = script.slice()?.to_vec();
        let to = usize::from(flags & 1);
        let from = if flags & 2 == 0 { ADDRESSES[1 - to] } else { STRANGER };
        let port = if flags & 4 == 0 { 500 } else { 4_500 };
        if let Some((_, _, seen)) = self.seen.get(usize::from(flags >> 4))
            && flags & 8 != 0
            && message.len() >= 16
            && seen.len() >= 16
        {
            message[..16].copy_from_slice(&seen[..16]);
        }
        let (from, to) = (SocketAddrV4::new(from, port), SocketAddrV4::new(ADDRESSES[to], port));
        self.deliver(Datagram { from, to, message });
        Some(())
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
        for side in 0..self.sides.len() {
            let mut rounds = 0;
            while self.sides[side].endpoint.next_timeout().is_some_and(|at| at <= self.now) {
                rounds += 1;
                assert!(rounds <= ROUNDS_MAX, "a timer is due for ever");
                self.on(side, Endpoint::handle_timeout);
            }
        }
    }

    fn deliver(&mut self, datagram: Datagram) {
        let Some(side) = ADDRESSES.iter().position(|address| address == datagram.to.ip()) else { return };
        let Datagram { from, to, message } = datagram;
        self.on(side, |endpoint, now| endpoint.on_datagram(to, from, &message, now));
    }

    /// Does something to an endpoint, and what it then asks for.
    fn on(&mut self, side: usize, act: impl FnOnce(&mut Endpoint, Duration)) {
        act(&mut self.sides[side].endpoint, self.now);
        let mut outputs = 0;
        while let Some(output) = self.sides[side].endpoint.poll_output() {
            outputs += 1;
            assert!(outputs <= OUTPUTS_MAX, "one call asks for too much");
            self.apply(side, output);
        }
        let children = self.limits.children_per_ike_sa_max * self.limits.ike_sas_per_tunnel_max * 2;
        assert!(self.sides[side].children.len() <= children, "more children than the limits allow");
    }

    fn apply(&mut self, side: usize, output: Output) {
        match output {
            Output::Transmit { local, remote, message } => {
                self.seen.push_back((local, remote, message.clone()));
                if self.seen.len() > SEEN_MAX {
                    self.seen.pop_front();
                }
                self.under_way.push_back(Datagram { from: local, to: remote, message });
            }
            Output::ChildUp { child, .. } => self.child_up(side, child),
            Output::ChildUse { inbound_spis, .. } => {
                let children = &self.sides[side].children;
                assert!(
                    inbound_spis.iter().all(|spi| children.contains_key(spi)),
                    "only installed children are used"
                );
            }
            Output::ChildMoved { inbound_spi, .. } => {
                assert!(
                    self.sides[side].children.contains_key(&inbound_spi),
                    "only an installed child moves"
                );
            }
            Output::ChildDown { inbound_spi, .. } => {
                let child = self.sides[side].children.remove(&inbound_spi);
                assert!(child.is_some(), "only an installed child is removed");
            }
            Output::Log { text, .. } => assert!(!text.contains('\n'), "a line is a line: {text:?}"),
            Output::Keepalive { .. } | Output::Status { .. } => {}
        }
    }

    /// Nobody on the path can make the two sides disagree about a child.
    fn child_up(&mut self, side: usize, child: ChildSa) {
        if let Some(other) = self.sides[1 - side].children.get(&child.outbound_spi)
            && other.outbound_spi == child.inbound_spi
        {
            assert_eq!(other.inbound_key, child.outbound_key);
            assert_eq!(other.outbound_key, child.inbound_key);
            assert_eq!((&other.local_ts, &other.remote_ts), (&child.remote_ts, &child.local_ts));
        }
        let before = self.sides[side].children.insert(child.inbound_spi, child);
        assert!(before.is_none(), "an inbound SPI is used once at a time");
    }

    /// Whatever happened before, a path that is left alone has a tunnel again after a while.
    fn check_rest(&mut self) {
        self.under_way.clear();
        let end = self.now + REST;
        while self.now < end {
            while let Some(datagram) = self.under_way.pop_front() {
                self.deliver(datagram);
            }
            if self.is_up() {
                return;
            }
            let due = self.sides.iter().filter_map(|side| side.endpoint.next_timeout()).min();
            self.wait(due.unwrap_or(end).saturating_sub(self.now));
        }
        panic!("{} s later there is no tunnel", REST.as_secs());
    }

    fn is_up(&self) -> bool {
        let [one, two] = &self.sides;
        one.children.values().any(|child| two.children.contains_key(&child.outbound_spi))
    }
}
