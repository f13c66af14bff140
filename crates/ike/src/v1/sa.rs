//! One ISAKMP SA: how far it is, what it sends until it is answered, and when it has to do something.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use causeway_crypto::{Hash, KeyExchange, Secret};

use crate::config::{IkeProposal, Limits, TunnelConfig, TunnelKey};
use crate::failure::Failure;
use crate::nat::{Nat, Path};
use crate::outbox::Outbox;
use crate::v1::keys::{Exchanged, SaKeys};
use crate::v1::message::{ExchangeType, Header};
use crate::v1::quick_mode::QuickMode;
use crate::v1::resend::Resend;
use crate::v1::vendor::Abilities;

/// How many message ids of informational exchanges are remembered, so that none is taken twice.
const SEEN_MAX: usize = 64;

/// How far an ISAKMP SA is.
///
/// ```text
///   main mode, initiator:   MainSent1 -2-> MainSent3 -4-> MainSent5 -6-> Established
///   main mode, responder:   MainAnswered1 -3-> MainAnswered3 -5-> Established
///   aggressive, initiator:  AggressiveSent1 -2-> Established
///   aggressive, responder:  AggressiveAnswered1 -3-> Established
///
///   Established --another one takes its place--> Replaced --deleted, or time--> Gone
/// ```
///
/// The numbers are those of the messages received. Every state goes to `Gone` when it has waited long enough, and an established
/// one when the peer deletes it.
pub(crate) enum State {
    /// Nobody is authenticated yet.
    Handshake(Step, Box<Handshake>),
    /// The peer has authenticated, and phase 2 goes over this one.
    Established,
    /// Another ISAKMP SA of the tunnel is to be used; this one is about to be deleted.
    Replaced,
    /// To be forgotten.
    Gone,
}

/// What was last done in phase 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    MainSent1,
    MainAnswered1,
    MainSent3,
    MainAnswered3,
    MainSent5,
    AggressiveSent1,
    AggressiveAnswered1,
}

/// What is known during phase 1, as far as it is.
#[derive(Default)]
pub(crate) struct Handshake {
    pub exchanged: Exchanged,
    /// Our private value.
    pub exchange: Option<KeyExchange>,
    /// g^xy.
    pub shared: Option<Secret>,
    /// Body of the identification payload that the peer sent in the clear.
    pub peer_identity: Vec<u8>,
    /// The lifetime that the peer named, or answered with.
    pub lifetime_s: Option<u64>,
    /// We had no SA with the peer when we began.
    pub is_first: bool,
    /// What the peer, or somebody who read our messages, last refused us with.
    pub refusal: Option<Failure>,
}

/// One ISAKMP SA.
pub(crate) struct Phase1 {
    /// Our cookie.
    pub spi: u64,
    /// The peer's; zero until it has answered.
    pub peer_spi: u64,
    pub initiator: bool,
    /// None until the peer has said who it is.
    pub tunnel: Option<TunnelKey>,
    pub path: Path,
    pub nat: Nat,
    pub suite: IkeProposal,
    pub state: State,
    pub abilities: Abilities,
    pub keys: Option<SaKeys>,
    /// What the next message of phase 1 is encrypted with, and in the end what phase 2 begins with.
    pub vector: Vec<u8>,
    /// What is sent until the peer answers.
    pub resend: Option<Resend>,
    /// Exchanges of phase 2, by message id.
    pub exchanges: BTreeMap<u32, QuickMode>,
    /// The message ids of all quick modes there were, so that none is taken twice.
    pub spent: BTreeSet<u32>,
    pub liveness: Liveness,
    pub times: Times,
    /// What the peer sent last in phase 1, by its hash, and what we answered.
    last: Option<(Vec<u8>, Option<Vec<u8>>)>,
    seen: VecDeque<u32>,
}

/// Dead peer detection (RFC 3706).
#[derive(Clone, Default, Debug)]
pub(crate) struct Liveness {
    /// The number of our last question.
    pub asked: u32,
    /// How often we have asked without an answer, and when we ask again.
    pub waiting: Option<(u32, Duration)>,
    /// The number of the peer's last question.
    pub answered: Option<u32>,
}

/// When things happened and will.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub created: Duration,
    pub established: Duration,
    /// The last sign of life from the peer.
    pub heard: Duration,
    /// The last message to the peer.
    pub sent: Duration,
    pub rekey: Option<Duration>,
    pub expire: Option<Duration>,
}

impl Phase1 {
    pub(crate) fn new(spi: u64, peer_spi: u64, path: Path, suite: IkeProposal, now: Duration) -> Self {
        let times =
            Times { created: now, established: now, heard: now, sent: now, rekey: None, expire: None };
        Phase1 {
            spi,
            peer_spi,
            initiator: peer_spi == 0,
            tunnel: None,
            path,
            nat: Nat::default(),
            suite,
            state: State::Gone,
            abilities: Abilities::default(),
            keys: None,
            vector: Vec::new(),
            resend: None,
            exchanges: BTreeMap::new(),
            spent: BTreeSet::new(),
            liveness: Liveness::default(),
            times,
            last: None,
            seen: VecDeque::new(),
        }
    }

    /// The cookies in the order of the header.
    pub(crate) fn cookies(&self) -> (u64, u64) {
        if self.initiator { (self.spi, self.peer_spi) } else { (self.peer_spi, self.spi) }
    }

    pub(crate) fn header(&self, exchange: ExchangeType, encrypted: bool, id: u32) -> Header {
        let (cookie_initiator, cookie_responder) = self.cookies();
        Header { cookie_initiator, cookie_responder, exchange, encrypted, id }
    }

    pub(crate) fn hash(&self) -> Hash {
        self.suite.prf.hash()
    }

    /// Whether the peer has authenticated and nothing has taken its place.
    pub(crate) fn is_established(&self) -> bool {
        matches!(self.state, State::Established)
    }

    /// Whether it may yet become established by our doing, or is.
    pub(crate) fn is_live(&self) -> bool {
        match self.state {
            State::Handshake(..) => self.initiator,
            State::Established => true,
            State::Replaced | State::Gone => false,
        }
    }

    /// Whether a peer has begun it and not authenticated.
    pub(crate) fn is_half_open(&self) -> bool {
        !self.initiator && matches!(self.state, State::Handshake(..))
    }

    /// Whether phase 2 can be spoken under it.
    pub(crate) fn has_keys_of_phase2(&self) -> bool {
        matches!(self.state, State::Established | State::Replaced)
    }

    /// Whether of two that came up at once this is the one that stays. What began after the other was established always does.
    pub(crate) fn outranks(&self, other: &Phase1) -> bool {
        self.times.created >= other.times.established || self.cookies() > other.cookies()
    }

    /// Keeps what the peer has sent and what we say to it, for when it says the same again.
    pub(crate) fn keep_answer(&mut self, received: &[u8], answer: Option<&[u8]>) {
        self.last = Some((digest(received), answer.map(<[u8]>::to_vec)));
    }

    /// If this is what the peer sent last, says again what we said.
    pub(crate) fn answer_again(&self, received: &[u8], path: Path, out: &mut Outbox) -> bool {
        let Some((_, answer)) = self.last.as_ref().filter(|(last, _)| *last == digest(received)) else {
            return false;
        };
        if let Some(answer) = answer {
            let remote = if self.initiator { self.path.remote } else { path.remote };
            let local = if self.initiator { self.path.local } else { path.local };
            out.transmit(Path { local, remote }, answer.clone());
        }
        true
    }

    /// Whether a message id of an informational exchange is new; remembers it.
    pub(crate) fn is_new(&mut self, id: u32) -> bool {
        if self.seen.contains(&id) {
            return false;
        }
        if self.seen.len() == SEEN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(id);
        true
    }

    /// When something is due.
    pub(crate) fn deadline(&self, config: Option<&TunnelConfig>, limits: &Limits) -> Option<Duration> {
        let exchanges = self.exchanges.values().map(QuickMode::due).min();
        let own = [
            self.resend.as_ref().map(|resend| resend.due),
            self.liveness_due(config, limits),
            self.keepalive_due(limits),
            self.times.rekey,
            self.times.expire,
        ];
        own.into_iter().chain([exchanges]).flatten().min()
    }

    /// When to ask whether the peer is alive, if it stays silent.
    pub(crate) fn liveness_due(&self, config: Option<&TunnelConfig>, limits: &Limits) -> Option<Duration> {
        let interval = config?.dpd_interval(limits)?;
        let may_ask = self.is_established() && self.abilities.dead_peer_detection;
        let due = self.liveness.waiting.map_or(self.times.heard + interval, |(_, again)| again);
        may_ask.then_some(due)
    }

    /// When the translator in front of us may forget us, unless we send something.
    pub(crate) fn keepalive_due(&self, limits: &Limits) -> Option<Duration> {
        (self.is_established() && self.nat.local).then_some(self.times.sent + limits.keepalive_interval)
    }
}

fn digest(message: &[u8]) -> Vec<u8> {
    Hash::Sha256.digest(&[message])
}
