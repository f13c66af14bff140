//! One IKE SA: its state, its message ids, its outstanding request and the answer it last gave (RFC 7296, 2.1 to 2.3).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::child::{Child, ChildState};
use crate::config::{IkeProposal, Limits, TunnelConfig, TunnelKey};
use crate::exchange::auth::AuthSent;
use crate::exchange::create_child::ChildRequest;
use crate::exchange::init::InitSent;
use crate::exchange::rekey_ike::IkeRequest;
use crate::fragments::{Fragment, Reassembly};
use crate::gaps::Gaps;
use crate::keys::{Fresh, SaKeys};
use crate::message::payload::Payload;
use crate::message::{ExchangeType, Header};
use crate::nat::{Nat, Path};
use crate::outbox::Outbox;
use crate::protect::{self, NotAuthentic};
use crate::traffic::Traffic;

/// How far an IKE SA is.
///
/// ```text
///  initiator:  InitSent --IKE_SA_INIT--> AuthSent --IKE_AUTH--> Established
///  responder:  HalfOpen --IKE_AUTH--> Established                 |     |
///                                                    CREATE_CHILD_SA   Delete sent
///                                                  (IKE SA rekeyed)     |
///                                                                 v     v
///                                    Closed <--Delete-- Replaced --> Closing --answer--> Gone
/// ```
///
/// Every state goes to `Closed` when the peer closes it, and to `Gone` when it has waited long enough.
pub(crate) enum State {
    /// We sent IKE_SA_INIT.
    InitSent(Box<InitSent>),
    /// We answered IKE_SA_INIT.
    HalfOpen(Box<Handshake>),
    /// We sent IKE_AUTH.
    AuthSent(Box<AuthSent>),
    /// The peer has authenticated.
    Established,
    /// Another IKE SA has taken its place and its children; one side is about to delete it.
    Replaced,
    /// We sent a Delete, or are about to.
    Closing,
    /// Closed by the peer; kept for a while to answer retransmissions.
    Closed,
    /// To be forgotten.
    Gone,
}

/// What IKE_SA_INIT was, for AUTH to cover.
pub(crate) struct Handshake {
    pub request: Vec<u8>,
    pub response: Vec<u8>,
    pub fresh: Fresh,
}

/// A request that we sent and that is not answered.
pub(crate) struct Pending {
    pub id: u32,
    pub exchange: ExchangeType,
    /// One, or its fragments.
    pub messages: Vec<Vec<u8>>,
    pub request: Request,
    /// How often it was sent.
    pub sent: u32,
    /// How often it may be sent in all.
    pub sent_max: u32,
    /// When to send it again.
    pub due: Duration,
}

/// What an outstanding request is about.
pub(crate) enum Request {
    /// The state says the rest.
    Init,
    Auth,
    Child(Box<ChildRequest>),
    RekeyIke(Box<IkeRequest>),
    DeleteChildren(Vec<u32>),
    /// Closes the IKE SA, by a Delete or by a fatal notification.
    Close,
    Liveness,
}

/// A request to make as soon as no other is outstanding (our window is one request).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    NewChild,
    RekeyChild(u32),
    DeleteChild(u32),
    RekeyIke,
    Liveness,
    /// Delete the IKE SA.
    Close,
    /// Tell that the peer's authentication is refused, which closes the IKE SA as well (2.21.2).
    RefuseAuthentication,
}

/// The answer to the peer's last request, for when it asks again.
struct Answer {
    id: u32,
    /// One, or its fragments.
    messages: Vec<Vec<u8>>,
}

/// One IKE SA.
pub(crate) struct IkeSa {
    pub spi: u64,
    pub peer_spi: u64,
    /// We sent its first message.
    pub initiator: bool,
    /// None until the peer has said who it is, and when the tunnel was removed.
    pub tunnel: Option<TunnelKey>,
    pub path: Path,
    pub nat: Nat,
    pub state: State,
    pub suite: IkeProposal,
    pub keys: Option<SaKeys>,
    /// The lower nonce of the exchange that made it.
    pub lowest_nonce: Vec<u8>,
    pub children: BTreeMap<u32, Child>,
    /// The child that came with IKE_AUTH, which negotiates less than CREATE_CHILD_SA and may succeed where that does not.
    pub first_child: Option<u32>,
    /// What the peer did not want its children to carry.
    pub gaps: Gaps,
    /// Both sides rekeyed the IKE SA with this SPI at once; this one is the peer's, and it is open which of the two stays.
    pub rival_of: Option<u64>,
    pub pending: Option<Pending>,
    pub tasks: VecDeque<Task>,
    next_id: u32,
    expected_id: u32,
    answer: Option<Answer>,
    /// The peer takes signatures that name their algorithm (RFC 7427).
    pub named_signatures: bool,
    /// Both sides take messages in fragments.
    pub fragments: bool,
    /// What there is of the peer's next request, and of its next answer.
    pub request_parts: Reassembly,
    pub answer_parts: Reassembly,
    /// Messages sealed with our key.
    sealed: u64,
    pub times: Times,
}

/// When things happened and will.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub created: Duration,
    pub established: Duration,
    /// The last authentic message from the peer, or packet in one of the children.
    pub heard: Duration,
    /// The last message to the peer.
    pub sent: Duration,
    pub rekey: Option<Duration>,
    /// Deleted if established, forgotten otherwise.
    pub expire: Option<Duration>,
    /// When to try again to make a child, or to make another for what has none.
    pub child_retry: Option<Duration>,
    /// When to make another IKE SA in the place of this one, because the peer wants us to authenticate again.
    pub reauthenticate: Option<Duration>,
    /// When to see whether another IKE SA of the same tunnel makes this one redundant.
    pub redundant: Option<Duration>,
}

/// What an IKE SA begins as.
pub(crate) struct Beginning {
    pub spi: u64,
    pub peer_spi: u64,
    pub initiator: bool,
    pub tunnel: Option<TunnelKey>,
    pub path: Path,
    pub suite: IkeProposal,
    pub state: State,
    pub now: Duration,
}

impl IkeSa {
    pub(crate) fn new(beginning: Beginning) -> Self {
        let Beginning { spi, peer_spi, initiator, tunnel, path, suite, state, now } = beginning;
        let times = Times {
            created: now,
            established: now,
            heard: now,
            sent: now,
            rekey: None,
            expire: None,
            child_retry: None,
            reauthenticate: None,
            redundant: None,
        };
        IkeSa {
            spi,
            peer_spi,
            initiator,
            tunnel,
            path,
            nat: Nat::default(),
            state,
            suite,
            keys: None,
            lowest_nonce: Vec::new(),
            children: BTreeMap::new(),
            first_child: None,
            gaps: Gaps::default(),
            rival_of: None,
            pending: None,
            tasks: VecDeque::new(),
            next_id: 0,
            expected_id: 0,
            answer: None,
            named_signatures: false,
            fragments: false,
            request_parts: Reassembly::default(),
            answer_parts: Reassembly::default(),
            sealed: 0,
            times,
        }
    }

    /// The first message ids have been used by IKE_SA_INIT.
    pub(crate) fn begin_after_init(&mut self) {
        (self.next_id, self.expected_id) = if self.initiator { (1, 0) } else { (0, 1) };
    }

    /// The SPIs in the order of the header.
    pub(crate) fn spis(&self) -> (u64, u64) {
        if self.initiator { (self.spi, self.peer_spi) } else { (self.peer_spi, self.spi) }
    }

    /// Adds a task unless it waits already. Rekeying the IKE SA comes before what can be done in the next one.
    pub(crate) fn enqueue(&mut self, task: Task) {
        match task {
            _ if self.tasks.contains(&task) => {}
            Task::RekeyIke => self.tasks.push_front(task),
            _ => self.tasks.push_back(task),
        }
    }

    /// Whether the peer has authenticated and nothing has taken the IKE SA's place.
    pub(crate) fn is_established(&self) -> bool {
        matches!(self.state, State::Established)
    }

    /// Whether a peer has begun it and not authenticated; one that has failed to is kept for a while to say so again.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        match self.state {
            State::HalfOpen(_) => true,
            State::Closed => self.tunnel.is_none(),
            _ => false,
        }
    }

    /// Whether it may yet become established, or is.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, State::InitSent(_) | State::AuthSent(_) | State::Established)
    }

    /// The traffic of the tunnel that has no child here and is worth offering.
    pub(crate) fn gap(&self, config: &TunnelConfig, limits: &Limits) -> Option<Traffic> {
        let up = self.children.values().filter(|child| child.state == ChildState::Up);
        // Rekeying needs as many once more.
        let has_room = up.clone().count() * 2 < limits.children_per_ike_sa_max;
        has_room.then(|| self.gaps.next(config, up.map(|child| &child.traffic))).flatten()
    }

    /// Whether it has a child that packets can pass.
    pub(crate) fn has_child(&self) -> bool {
        self.children.values().any(|child| child.state == ChildState::Up)
    }

    fn header(&self, exchange: ExchangeType, id: u32, response: bool) -> Header {
        let (spi_initiator, spi_responder) = self.spis();
        Header { spi_initiator, spi_responder, exchange, from_initiator: self.initiator, response, id }
    }

    fn seal(&mut self, header: &Header, payloads: &[Payload], limits: &Limits) -> Vec<Vec<u8>> {
        let Some(keys) = &self.keys else { return Vec::new() };
        let protection = if self.initiator { &keys.from_initiator } else { &keys.from_responder };
        let max = limits.message_bytes_max(self.path).filter(|_| self.fragments);
        protect::seal(header, payloads, protection, &mut self.sealed, max)
    }

    /// Authenticates and decrypts a message from the peer.
    pub(crate) fn open(&self, first: u8, message: &[u8]) -> Result<(u8, Vec<u8>), NotAuthentic> {
        let keys = self.keys.as_ref().ok_or(NotAuthentic)?;
        let protection = if self.initiator { &keys.from_responder } else { &keys.from_initiator };
        protect::open(first, message, protection)
    }

    /// The same for a part of a message.
    pub(crate) fn open_fragment(&self, message: &[u8]) -> Result<Fragment, NotAuthentic> {
        let keys = self.keys.as_ref().filter(|_| self.fragments).ok_or(NotAuthentic)?;
        let protection = if self.initiator { &keys.from_responder } else { &keys.from_initiator };
        protect::open_fragment(message, protection)
    }

    /// How many bytes of messages that are not whole it keeps.
    pub(crate) fn parts_bytes(&self) -> usize {
        self.request_parts.bytes() + self.answer_parts.bytes()
    }

    /// Sends a protected request. Only when none is outstanding.
    pub(crate) fn request(
        &mut self,
        context: Sending<'_>,
        exchange: ExchangeType,
        payloads: &[Payload],
        request: Request,
    ) {
        let header = self.header(exchange, self.next_id, false);
        let messages = self.seal(&header, payloads, context.limits);
        self.send_request(context, exchange, messages, request);
    }

    /// Sends a request that is written already.
    pub(crate) fn send_request(
        &mut self,
        context: Sending<'_>,
        exchange: ExchangeType,
        messages: Vec<Vec<u8>>,
        request: Request,
    ) {
        debug_assert!(self.pending.is_none(), "our window is one request");
        let Sending { out, limits, now } = context;
        messages.iter().for_each(|message| out.transmit(self.path, message.clone()));
        let (due, sent_max) = (now + limits.retransmit_after, limits.retransmissions_max + 1);
        self.times.sent = now;
        self.pending =
            Some(Pending { id: self.next_id, exchange, messages, request, sent: 1, sent_max, due });
        self.next_id += 1;
    }

    /// Sends the outstanding request again; false if it was sent often enough.
    pub(crate) fn retransmit(&mut self, context: Sending<'_>) -> bool {
        let Sending { out, limits, now } = context;
        let Some(pending) = &mut self.pending else { return true };
        if pending.sent >= pending.sent_max {
            return false;
        }
        let wait = limits.retransmit_after.saturating_mul(1 << pending.sent.min(16));
        pending.sent += 1;
        pending.due = now + wait.min(limits.retransmit_after_max);
        self.times.sent = now;
        pending.messages.iter().for_each(|message| out.transmit(self.path, message.clone()));
        true
    }

    /// Answers the peer's request, and keeps the answer for when it asks again.
    pub(crate) fn respond(
        &mut self,
        context: Sending<'_>,
        path: Path,
        exchange: ExchangeType,
        payloads: &[Payload],
    ) {
        let id = self.expected_id;
        let header = self.header(exchange, id, true);
        let messages = self.seal(&header, payloads, context.limits);
        self.times.sent = context.now;
        messages.iter().for_each(|message| context.out.transmit(path, message.clone()));
        self.answer = Some(Answer { id, messages });
        self.expected_id = self.expected_id.wrapping_add(1);
    }

    /// Whether a request with this message id is the next one.
    pub(crate) fn expects(&self, id: u32) -> bool {
        id == self.expected_id
    }

    /// The answer given to the request with this message id, if it was the last one.
    pub(crate) fn answer_to(&self, id: u32) -> Option<Vec<Vec<u8>>> {
        self.answer.as_ref().filter(|answer| answer.id == id).map(|answer| answer.messages.clone())
    }

    /// When something is due.
    pub(crate) fn deadline(&self, config: Option<&TunnelConfig>, limits: &Limits) -> Option<Duration> {
        let pending = self.pending.as_ref().map(|pending| pending.due);
        let Times { rekey, expire, child_retry, reauthenticate, redundant, .. } = self.times;
        let times = [rekey, expire, child_retry, reauthenticate, redundant];
        let of_child = |child: &Child| [child.rekey_at, child.reauthenticate_at, Some(child.expire_at)];
        let children = self.children.values().flat_map(of_child);
        let own = [
            pending,
            self.liveness_due(config, limits),
            self.keepalive_due(limits),
            self.parts_expire(limits),
        ];
        own.into_iter().chain(times).chain(children).flatten().min()
    }

    /// When the parts of messages are forgotten that have not become whole.
    pub(crate) fn parts_expire(&self, limits: &Limits) -> Option<Duration> {
        let since = [self.request_parts.since(), self.answer_parts.since()].into_iter().flatten().min();
        since.map(|since| since + limits.fragments_timeout)
    }

    /// When to ask whether the peer is alive, if it stays silent.
    pub(crate) fn liveness_due(&self, config: Option<&TunnelConfig>, limits: &Limits) -> Option<Duration> {
        let interval = config?.dpd_interval(limits)?;
        let idle = self.is_established() && self.pending.is_none() && self.tasks.is_empty();
        idle.then_some(self.times.heard + interval)
    }

    /// When the translator in front of us may forget us, unless we send something.
    pub(crate) fn keepalive_due(&self, limits: &Limits) -> Option<Duration> {
        (self.is_established() && self.nat.local).then_some(self.times.sent + limits.keepalive_interval)
    }
}

/// What sending needs from outside of the IKE SA.
pub(crate) struct Sending<'a> {
    pub out: &'a mut Outbox,
    pub limits: &'a Limits,
    pub now: Duration,
}
