//! What every event does in every state of an ISAKMP SA, as a table.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::Duration;

use causeway_crypto::{DhGroup, Encryption, Integrity, Prf, Secret, SeededRandom};

use crate::config::{ChildProposal, IkeProposal, IkeVersion, Limits, Mode, TunnelConfig, TunnelKey};
use crate::endpoint::Endpoint;
use crate::identity::Identity;
use crate::output::Output;
use crate::v1::message::notify::{INITIAL_CONTACT, NO_PROPOSAL_CHOSEN, Notify};
use crate::v1::message::{ExchangeType, write_plain};
use crate::v1::sa::{Phase1, State};
use crate::v1::{informational, initiate, phase2};

const T: TunnelKey = TunnelKey(1);
const US: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 0, 0, 1), 500);
const PEER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 0, 0, 2), 500);

const EVENTS: [&str; 7] =
    ["next", "repeated", "garbage", "refusal", "peer asks", "peer deletes", "a day passes"];

/// For each state what each event makes of it; `+` says that something was sent.
#[rustfmt::skip]
const TABLE: [(&str, [&str; 7]); 9] = [
    //                       next                  repeated                garbage                refusal                peer asks              peer deletes           a day passes
    ("MainSent1",           ["MainSent3+",         "MainSent1",            "MainSent1",           "MainSent1",           "MainSent1",           "MainSent1",           "Gone+"]),
    ("MainAnswered1",       ["MainAnswered3+",     "MainAnswered1+",       "MainAnswered1",       "MainAnswered1",       "MainAnswered1",       "MainAnswered1",       "Gone"]),
    ("MainSent3",           ["MainSent5+",         "MainSent3+",           "MainSent3",           "MainSent3",           "MainSent3",           "MainSent3",           "Gone+"]),
    ("MainAnswered3",       ["Established+",       "MainAnswered3+",       "MainAnswered3+",      "MainAnswered3",       "MainAnswered3",       "MainAnswered3",       "Gone"]),
    ("MainSent5",           ["Established",        "MainSent5+",           "MainSent5",           "MainSent5",           "MainSent5",           "MainSent5",           "Gone+"]),
    ("AggressiveSent1",     ["Established+",       "AggressiveSent1",      "AggressiveSent1",     "AggressiveSent1",     "AggressiveSent1",     "AggressiveSent1",     "Gone+"]),
    ("AggressiveAnswered1", ["Established",        "AggressiveAnswered1+", "AggressiveAnswered1+","AggressiveAnswered1", "AggressiveAnswered1", "AggressiveAnswered1", "Gone+"]),
    ("Established",         ["Established",        "Established",          "Established",         "Established",         "Established+",        "Gone",                "Gone+"]),
    ("Replaced",            ["Replaced",           "Replaced",             "Replaced",            "Replaced",            "Replaced+",           "Gone",                "Gone+"]),
];

/// Two ends, and what is under way between them.
struct Pair {
    us: Endpoint,
    peer: Endpoint,
    from_us: Vec<Vec<u8>>,
    from_peer: VecDeque<Vec<u8>>,
    last: Vec<u8>,
    now: Duration,
}

fn config(mode: Mode, local: SocketAddrV4, remote: SocketAddrV4) -> TunnelConfig {
    let integrity = Some(Integrity::HmacSha1_96);
    TunnelConfig {
        local: *local.ip(),
        remote: *remote.ip(),
        version: IkeVersion::V1(mode),
        local_id: Identity::Ipv4(*local.ip()),
        remote_id: Identity::Ipv4(*remote.ip()),
        psk: Secret::new(b"secret".to_vec()),
        certificates: None,
        ike: IkeProposal {
            encryption: Encryption::Aes128Cbc,
            integrity,
            prf: Prf::HmacSha1,
            group: DhGroup::Curve25519,
        },
        ike_lifetime: Duration::from_secs(86_400),
        child: ChildProposal { encryption: Encryption::Aes128Cbc, integrity, pfs: None },
        child_lifetime: Duration::from_secs(3_600),
        local_ts: Vec::new(),
        remote_ts: Vec::new(),
        dpd: true,
        dpd_interval: Duration::ZERO,
        nat_traversal: true,
        force_encapsulation: false,
        initiate: false,
    }
}

impl Pair {
    fn new(mode: Mode, we_initiate: bool) -> Self {
        let ours = TunnelConfig { initiate: we_initiate, ..config(mode, US, PEER) };
        let theirs = TunnelConfig { initiate: !we_initiate, ..config(mode, PEER, US) };
        Pair::of(ours, theirs)
    }

    fn of(ours: TunnelConfig, theirs: TunnelConfig) -> Self {
        let endpoint = |seed| Endpoint::new(Box::new(SeededRandom::new(seed)), Limits::default());
        let mut pair = Pair {
            us: endpoint(1),
            peer: endpoint(2),
            from_us: Vec::new(),
            from_peer: VecDeque::new(),
            last: Vec::new(),
            now: Duration::ZERO,
        };
        pair.us.put_tunnel(T, ours, pair.now);
        pair.peer.put_tunnel(T, theirs, pair.now);
        pair.collect();
        pair
    }

    fn collect(&mut self) {
        while let Some(output) = self.us.poll_output() {
            if let Output::Transmit { message, .. } = output {
                self.from_us.push(message);
            }
        }
        while let Some(output) = self.peer.poll_output() {
            if let Output::Transmit { message, .. } = output {
                self.from_peer.push_back(message);
            }
        }
    }

    fn give_us(&mut self, message: &[u8]) {
        self.us.on_datagram(US, PEER, message, self.now);
        self.collect();
    }

    /// Everything that we have sent reaches the peer, and then one message of the peer reaches us.
    fn next(&mut self) {
        for message in std::mem::take(&mut self.from_us) {
            self.peer.on_datagram(PEER, US, &message, self.now);
        }
        self.collect();
        if let Some(message) = self.from_peer.pop_front() {
            self.last = message.clone();
            self.give_us(&message);
        }
    }

    /// Delivers everything, and lets time pass for both.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            while !self.from_us.is_empty() || !self.from_peer.is_empty() {
                self.next();
            }
            let next = [&self.us, &self.peer].into_iter().filter_map(Endpoint::next_timeout).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            self.us.handle_timeout(self.now);
            self.peer.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    fn sa(&self) -> Option<&Phase1> {
        self.us.shared.v1.sas.values().next()
    }

    fn name(&self) -> String {
        match self.sa().map(|sa| &sa.state) {
            Some(State::Handshake(step, _)) => format!("{step:?}"),
            Some(State::Established) => "Established".to_owned(),
            Some(State::Replaced) => "Replaced".to_owned(),
            Some(State::Gone) | None => "Gone".to_owned(),
        }
    }

    /// The peer's end says something under protection.
    fn peer_says(&mut self, what: fn(&mut crate::shared::Shared, &mut Phase1)) {
        self.from_peer.clear();
        let spis: Vec<u64> = self.peer.shared.v1.sas.keys().copied().collect();
        for spi in spis {
            self.peer.shared.with_phase1(spi, |shared, sa| {
                if sa.keys.is_some() {
                    what(shared, sa);
                }
            });
        }
        self.collect();
        while let Some(message) = self.from_peer.pop_front() {
            self.give_us(&message);
        }
    }
}

fn in_state(state: &str) -> Pair {
    let mode = if state.starts_with("Aggressive") { Mode::Aggressive } else { Mode::Main };
    let mut pair = Pair::new(mode, !state.contains("Answered"));
    let steps = match state {
        "MainSent1" | "AggressiveSent1" => 0,
        "MainSent3" | "MainAnswered1" | "AggressiveAnswered1" => 1,
        "MainSent5" | "MainAnswered3" => 2,
        _ => 3,
    };
    (0..steps).for_each(|_| pair.next());
    if state == "Replaced" {
        let spi = pair.sa().expect("it is established").spi;
        pair.us.shared.with_phase1(spi, |shared, sa| {
            sa.state = State::Replaced;
            sa.times.expire = Some(shared.now + Duration::from_secs(5));
        });
    }
    if steps > 0 && state != "Established" && state != "Replaced" {
        // What we have just said is under way.
        assert!(!pair.from_us.is_empty());
    }
    assert_eq!(pair.name(), state);
    pair
}

fn happen(pair: &mut Pair, event: &str) {
    match event {
        "next" => pair.next(),
        "repeated" => {
            let last = pair.last.clone();
            pair.from_us.clear();
            pair.give_us(&last);
        }
        "garbage" => {
            pair.from_us.clear();
            let sa = pair.sa().expect("there is one");
            let exchange = match pair.name().starts_with("Aggressive") {
                true => ExchangeType::Aggressive,
                false => ExchangeType::Main,
            };
            let mut message = sa.header(exchange, true, 0).write(5, 48);
            message.extend([0xa5; 48]);
            pair.give_us(&message);
        }
        "refusal" => {
            pair.from_us.clear();
            let sa = pair.sa().expect("there is one");
            let notify = Notify::about_isakmp(NO_PROPOSAL_CHOSEN, sa.cookies(), &[]);
            let message = write_plain(&sa.header(ExchangeType::Informational, false, 0), &[notify.payload()]);
            pair.give_us(&message);
        }
        "peer asks" => {
            pair.from_us.clear();
            pair.peer_says(|shared, sa| assert!(informational::ask(shared, sa)));
        }
        "peer deletes" => {
            pair.from_us.clear();
            pair.peer_says(informational::delete_isakmp);
        }
        _ => {
            pair.from_us.clear();
            let spi = pair.sa().expect("there is one").spi;
            while pair.us.shared.v1.sas.contains_key(&spi) {
                let at = pair.us.next_timeout().expect("something is due as long as there is one");
                assert!(at < Duration::from_secs(87_000), "it ends");
                pair.now = pair.now.max(at);
                pair.us.handle_timeout(pair.now);
                pair.collect();
                pair.us.put_tunnel(T, TunnelConfig { initiate: false, ..tunnel(pair) }, pair.now);
            }
        }
    }
}

fn tunnel(pair: &Pair) -> TunnelConfig {
    (*pair.us.shared.tunnels[&T].config).clone()
}

#[test]
fn every_event_in_every_state_does_what_the_table_says() {
    for (state, row) in TABLE {
        for (event, expected) in EVENTS.into_iter().zip(row) {
            let mut pair = in_state(state);
            happen(&mut pair, event);
            let sent = if pair.from_us.is_empty() { "" } else { "+" };
            assert_eq!(format!("{}{sent}", pair.name()), expected, "{event} in {state}");
            check_invariants(&pair, &format!("{event} in {state}"));
        }
    }
}

/// What holds whatever has happened.
fn check_invariants(pair: &Pair, when: &str) {
    let shared = &pair.us.shared;
    for sa in shared.v1.sas.values() {
        assert!(!matches!(sa.state, State::Gone), "what is gone is forgotten: {when}");
        let known = sa.tunnel.is_none_or(|key| shared.tunnels[&key].sas.contains(&sa.spi));
        assert!(known, "a tunnel knows its ISAKMP SAs: {when}");
        assert!(sa.deadline(None, &shared.limits).is_some(), "every ISAKMP SA ends some time: {when}");
    }
    for spi in &shared.tunnels[&T].sas {
        assert!(shared.v1.sas.contains_key(spi), "a tunnel knows none that is not there: {when}");
    }
    let half_open = shared.v1.sas.values().filter(|sa| sa.is_half_open()).count();
    assert_eq!(shared.v1.half_open.len(), half_open, "{when}");
    assert!(!phase2::has_children(shared, T), "{when}");
}

#[test]
fn a_flood_of_first_messages_costs_a_bounded_amount_of_memory() {
    for mode in [Mode::Main, Mode::Aggressive] {
        let mut pair = Pair::new(mode, false);
        let first = pair.from_peer.pop_front().expect("the peer has begun");
        let limits = Limits::default();
        for number in 0..2_000_u32 {
            let mut message = first.clone();
            message[..4].copy_from_slice(&number.to_be_bytes());
            pair.give_us(&message);
            assert!(pair.us.shared.v1.sas.len() <= limits.half_open_per_address_max);
        }
        // Aggressive mode costs a key exchange each, and answers only so many at a time.
        let held = if mode == Mode::Main { limits.half_open_per_address_max } else { 16 };
        assert_eq!(pair.us.shared.v1.half_open.len(), held);
        let heaviest = |sa: &Phase1| match &sa.state {
            State::Handshake(_, handshake) => {
                (handshake.exchanged.sa_body.len(), sa.keys.is_some(), handshake.shared.is_some())
            }
            _ => panic!("nobody has authenticated"),
        };
        let (body, keys, secret) = pair.us.shared.v1.sas.values().map(heaviest).max().expect("some");
        assert!(body < 100 && keys == (mode == Mode::Aggressive) && !secret);
    }
}

/// A peer that has restarted says so by INITIAL-CONTACT, in main mode or, as here, right after it. It need not ask itself for
/// all that it has forgotten.
#[test]
fn children_that_are_forgotten_because_the_peer_has_started_anew_are_asked_for_again() {
    let nets = |texts: [&str; 2]| texts.map(|text| text.parse().expect("a network")).to_vec();
    let (local_ts, remote_ts) = (nets(["10.1.0.0/24", "10.2.0.0/24"]), nets(["10.3.0.0/24", "10.4.0.0/24"]));
    let theirs = TunnelConfig {
        local_ts: remote_ts.clone(),
        remote_ts: local_ts.clone(),
        ..config(Mode::Main, PEER, US)
    };
    let ours = TunnelConfig { initiate: true, local_ts, remote_ts, ..config(Mode::Main, US, PEER) };
    let mut pair = Pair::of(ours, theirs);
    pair.pass(Duration::from_secs(10));
    assert_eq!(pair.us.shared.tunnels[&T].in_use().len(), 4);
    initiate(&mut pair.peer.shared, T, Mode::Main, None);
    pair.collect();
    pair.pass(Duration::from_secs(1));
    pair.peer_says(|shared, sa| {
        informational::notify(shared, sa, Notify::about_isakmp(INITIAL_CONTACT, sa.cookies(), &[]));
    });
    assert!(!phase2::has_children(&pair.us.shared, T), "the peer does not receive on them any more");
    pair.pass(Duration::from_secs(10));
    assert_eq!(pair.us.shared.tunnels[&T].in_use().len(), 4);
}
