//! One request, from its bytes to its answer: the first of the three flows.
//!
//! ```text
//! parameters -> claim -> clock -> access key -> signature -> nonce -> rate limit
//!     -> core::execute (operation, access, client token, plan) -> durable -> nudge -> answer
//! ```
//!
//! A change of a connection that is `updating` waits here for its turn and is planned again ([`crate::turns::Turns`]).

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use causeway_control::access_key::Status;
use causeway_control::account::Caller;
use causeway_control::catalogue;
use causeway_control::core::{self, CallContext, Outcome};
use causeway_control::error::{ApiError, Busy};
use causeway_control::ids::{AccessKeyId, RegionId, RequestId};
use causeway_control::observed::LogLine;
use causeway_control::operation::{self, Kind};
use causeway_control::role_session::RoleSession;
use causeway_control::state::AccountState;
use causeway_wire::{
    Claim, ErrorBody, Format, HttpRequest, NonceLimits, Nonces, Params, ParamsError, Scheme, SignatureError,
    check_clock, render_error, render_success,
};
use serde_json::Value;

use crate::config::Config;
use crate::ledger::{Durable, Head, Pending};
use crate::throttle::Throttle;
use crate::turns::{NoTurn, Turn};
use crate::world::World;

/// A request as it came off the wire.
#[derive(Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path of the target.
    pub path: String,
    /// The query of the target, without the question mark.
    pub query: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Who sent it.
    pub source: IpAddr,
}

/// What goes back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// The request's id, which the body carries too.
    pub request_id: String,
    /// After how long trying again may succeed.
    pub retry_after_ms: Option<u64>,
}

/// The API: everything a request needs on its way.
pub struct Api {
    world: Arc<World>,
    nonces: Mutex<Nonces>,
    throttle: Option<Throttle>,
    change_wait: Duration,
}

/// Why a request is refused, from the place where it is.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Parameters(#[from] ParamsError),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error("{0}")]
    Operation(#[from] ApiError),
    #[error("{message}")]
    Http { status: u16, code: &'static str, message: &'static str },
}

/// A request whose caller is known.
struct Authentic {
    claim: Claim,
    params: Params,
    caller: Caller,
    head: Arc<Head>,
    request_id: RequestId,
    source: IpAddr,
    host: String,
}

/// What one look at a request came to.
enum Look {
    /// A read, or a change that has no effect again.
    Read { body: Value, seen: Durable },
    /// A change on its way to the disk.
    Change { body: Value, pending: Pending, log_lines: Vec<LogLine> },
    /// Refused; `busy` in it says what may be waited for.
    Refused { refused: ApiError, seen: Durable },
}

impl Api {
    /// An API over the world; requests signed before now are refused, since their nonces are not known.
    pub fn new(world: Arc<World>, config: &Config) -> Self {
        // Without rate limits there may be more requests within the clock's window than the default expects.
        let limits = if config.api.rate_limits {
            NonceLimits::default()
        } else {
            NonceLimits { per_access_key_max: UNLIMITED_NONCES, total_max: UNLIMITED_NONCES }
        };
        let mut nonces = Nonces::new(limits);
        // Timestamps have whole seconds: one of this very second must pass.
        nonces.refuse_signed_before(world.now_ms() / 1_000 * 1_000);
        Self {
            nonces: Mutex::new(nonces),
            throttle: config.api.rate_limits.then(|| Throttle::new(&config.rate_limits)),
            change_wait: config.api.change_wait(),
            world,
        }
    }

    /// Answers a request.
    pub async fn call(&self, received: Received) -> Answer {
        let began = Instant::now();
        let request_id = new_request_id();
        let request = received.as_http();
        let host = request.header("host").unwrap_or_default().to_owned();
        let (format, params) = match decode(&request) {
            Ok(params) => (Format::of(&request, &params), Ok(params)),
            Err(refusal) => (Format::Json, Err(refusal)),
        };
        let action = params.as_ref().ok().and_then(|params| action_of(&request, params));
        let authentic = params
            .and_then(|params| self.authenticate(&request, params, request_id.clone(), received.source));
        let result = match authentic {
            Ok(authentic) => {
                let action = authentic.claim.action.clone();
                self.execute(authentic).await.map(|body| (action, body)).map_err(Refusal::from)
            }
            Err(refusal) => Err(refusal),
        };
        let answer = match result {
            Ok((action, body)) => {
                tracing::debug!(action, %request_id, "accepted");
                let (content_type, body) = render_success(&action, &body, format);
                Answer {
                    status: 200,
                    content_type,
                    body,
                    request_id: request_id.to_string(),
                    retry_after_ms: None,
                }
            }
            Err(refusal) => refuse(&refusal, &request_id, format, &host),
        };
        self.world.requests.answered(action.as_deref(), &answer, began.elapsed());
        answer
    }

    /// Finds out who calls, and that it is they who do.
    fn authenticate(
        &self,
        request: &HttpRequest<'_>,
        params: Params,
        request_id: RequestId,
        source: IpAddr,
    ) -> Result<Authentic, Refusal> {
        let now_ms = self.world.now_ms();
        let claim = Claim::read(request, &params)?;
        check_clock(&claim, now_ms)?;
        let (caller, head) = self.identify(&claim, now_ms)?;
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).remember(&claim, now_ms)?;
        let host = request.header("host").unwrap_or_default().to_owned();
        Ok(Authentic { claim, params, caller, head, request_id, source, host })
    }

    /// Whose AccessKey it is that signed. A session brings a token along, which holds the secret of its AccessKey.
    fn identify(&self, claim: &Claim, now_ms: i64) -> Result<(Caller, Arc<Head>), Refusal> {
        if claim.scheme == Scheme::Bearer {
            return Err(SignatureError::BearerUnsupported.into());
        }
        let unknown = || ApiError::new(&catalogue::ACCESS_KEY_NOT_FOUND);
        let id: AccessKeyId = claim.access_key_id.parse().map_err(|_malformed| unknown())?;
        if let Some(token) = &claim.security_token {
            let session = RoleSession::open(token, &id, &self.world.ledger)?;
            claim.verify(session.secret.expose())?;
            let head = self.world.ledger.head(&session.account).ok_or_else(unknown)?;
            let caller = session.caller(&head.read(), now_ms)?;
            return Ok((caller, head));
        }
        if id.is_temporary() {
            return Err(ApiError::new(&catalogue::MISSING_SECURITY_TOKEN).into());
        }
        let head = self.world.ledger.account_of(&id).and_then(|account| self.world.ledger.head(&account));
        let head = head.ok_or_else(unknown)?;
        let caller = {
            let state = head.read();
            let key = state.access_key(&id).ok_or_else(unknown)?;
            claim.verify(key.secret.expose())?;
            if key.status == Status::Inactive {
                return Err(ApiError::new(&catalogue::ACCESS_KEY_INACTIVE).into());
            }
            key.caller()
        };
        Ok((caller, head))
    }

    /// Carries out a request: at once, or when it is its turn.
    async fn execute(&self, request: Authentic) -> Result<Value, ApiError> {
        let kind = self.admit(&request)?;
        let in_line =
            named(&request.params).find(|named| kind == Kind::Write && self.world.turns.anybody_waits(named));
        let refused = match in_line {
            Some(busy) => ApiError::busy(busy),
            None => match self.attempt(&request, kind).await {
                Err(refused) => refused,
                done => return done,
            },
        };
        self.wait_for_turn(&request, kind, refused).await
    }

    /// Waits in the line of whatever keeps a change waiting, and in the next one, if that is not all, until its time is over.
    async fn wait_for_turn(
        &self,
        request: &Authentic,
        kind: Kind,
        mut refused: ApiError,
    ) -> Result<Value, ApiError> {
        let deadline = Instant::now() + self.change_wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(busy) = refused.busy.clone().filter(|_busy| !left.is_zero()) else {
                return Err(refused);
            };
            let turn = match self.world.turns.wait(&busy, left).await {
                Ok(turn) => turn,
                Err(NoTurn::Full) => {
                    let detail = format!("{busy} has as many waiting changes as are allowed.");
                    return Err(ApiError::new(&catalogue::QUOTA_FULL).detail(detail));
                }
                Err(NoTurn::TooLate) => return Err(refused),
            };
            refused = match self.take_turn(request, kind, &busy, &turn).await {
                // Something else keeps it waiting now, and nobody is to wait for it here.
                Err(refused) if refused.busy.as_ref().is_some_and(|other| *other != busy) => refused,
                done => return done,
            };
        }
    }

    /// At the front of a line: tries each time the gateway reports on what the line is for, until it works, something else is
    /// waited for, or time runs out.
    async fn take_turn(
        &self,
        request: &Authentic,
        kind: Kind,
        busy: &Busy,
        turn: &Turn<'_>,
    ) -> Result<Value, ApiError> {
        loop {
            match self.attempt(request, kind).await {
                Err(refused) if refused.busy.as_deref() == Some(busy) => {
                    turn.settled().await.map_err(|_too_late| refused)?;
                }
                done => return done,
            }
        }
    }

    /// Counts the request against the documented limit; says whether it may change anything.
    fn admit(&self, request: &Authentic) -> Result<Kind, ApiError> {
        let entry = operation::find(&request.claim.version, &request.claim.action)?;
        if let Some(throttle) = &self.throttle {
            let account = request.head.read().account_id().clone();
            // What is no region is refused later, and counted together: the keys of the limiters are bounded.
            let named = request.params.get("RegionId").unwrap_or_default();
            let regions = &self.world.settings.regions;
            let region =
                regions.iter().map(RegionId::as_str).find(|region| *region == named).unwrap_or_default();
            throttle.admit(entry, &account, region).map_err(|wait| {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
                ApiError { retry_after_ms: Some(wait_ms), ..ApiError::new(&catalogue::THROTTLING_USER) }
            })?;
        }
        Ok(entry.kind)
    }

    /// One try: plans, and waits until what was planned or read is durable.
    async fn attempt(&self, request: &Authentic, kind: Kind) -> Result<Value, ApiError> {
        loop {
            match self.look(request, kind) {
                // A refusal tells of what was read as well: nothing that could still be lost.
                Look::Refused { refused, seen } => {
                    if request.head.until_durable(seen).await {
                        return Err(refused);
                    }
                }
                Look::Read { body, seen } => {
                    if request.head.until_durable(seen).await {
                        return Ok(body);
                    }
                }
                Look::Change { body, pending, log_lines } => {
                    return self.settle(pending, log_lines).await.map(|()| body);
                }
            }
        }
    }

    /// Plans a request at the head of its account, and queues what it changes.
    fn look(&self, request: &Authentic, kind: Kind) -> Look {
        if kind == Kind::Read {
            let state = request.head.read();
            let outcome = self.plan(request, &state);
            let seen = request.head.seen(&state);
            return match outcome {
                Outcome::Answered { body, .. } => Look::Read { body, seen },
                Outcome::Refused(refused) => Look::Refused { refused, seen },
            };
        }
        let mut state = request.head.write();
        match self.plan(request, &state) {
            Outcome::Refused(refused) => Look::Refused { refused, seen: request.head.seen(&state) },
            Outcome::Answered { body, changes, .. } if changes.is_empty() => {
                Look::Read { body, seen: request.head.seen(&state) }
            }
            Outcome::Answered { body, changes, log_lines } => {
                let pending = self.world.ledger.submit(&request.head, &mut state, changes);
                Look::Change { body, pending, log_lines }
            }
        }
    }

    fn plan(&self, request: &Authentic, state: &AccountState) -> Outcome {
        let context = CallContext {
            caller: request.caller.clone(),
            request_id: request.request_id.clone(),
            now_ms: self.world.now_ms(),
            seed: self.world.random_bytes(),
            source_ip: request.source,
            secure_transport: false,
            host: &request.host,
            settings: &self.world.settings,
            observations: &self.world.observed,
            logs: &self.world.logs,
            sealer: &self.world.ledger,
        };
        core::execute(state, &context, &request.claim.action, &request.claim.version, &request.params)
    }

    /// Waits for the disk in a task of its own: a client that leaves must not leave the ledger halfway.
    async fn settle(&self, pending: Pending, log_lines: Vec<LogLine>) -> Result<(), ApiError> {
        let world = Arc::clone(&self.world);
        let settled = tokio::spawn(async move {
            world.ledger.settle(pending).await?;
            for line in log_lines {
                world.logs.append(line, world.now_ms());
            }
            world.nudge();
            Ok::<(), crate::ledger::LedgerError>(())
        });
        match settled.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "a change could not be stored");
                Err(ApiError::new(&catalogue::SERVICE_UNAVAILABLE).detail("Nothing was changed; try again."))
            }
            Err(error) => {
                tracing::error!(%error, "the task that stores a change failed");
                Err(ApiError::new(&catalogue::INTERNAL_ERROR))
            }
        }
    }
}

/// How many nonces are remembered where rate limits are off; at 30 bytes each this is the bound that is left.
const UNLIMITED_NONCES: usize = 64_000_000;

/// The answer to a request that HTTP itself had to refuse.
pub fn http_refusal(status: u16, code: &'static str, message: &'static str) -> Answer {
    refuse(&Refusal::Http { status, code, message }, &new_request_id(), Format::Json, "")
}

fn new_request_id() -> RequestId {
    RequestId::from_random(uuid::Uuid::new_v4().into_bytes())
}

fn decode(request: &HttpRequest<'_>) -> Result<Params, Refusal> {
    if !matches!(request.method, "GET" | "POST") {
        let message = "This http method is not supported.";
        return Err(Refusal::Http { status: 403, code: "UnsupportedHTTPMethod", message });
    }
    Ok(Params::decode(request)?)
}

/// What the sender calls the operation, whoever it is.
fn action_of(request: &HttpRequest<'_>, params: &Params) -> Option<String> {
    request.header("x-acs-action").or_else(|| params.get("Action")).map(str::to_owned)
}

/// The one place where a refusal becomes an answer.
fn refuse(refusal: &Refusal, request_id: &RequestId, format: Format, host: &str) -> Answer {
    let none = String::new;
    let (status, code, message, recommend, retry_after_ms, access_denied) = match refusal {
        Refusal::Parameters(error) => {
            (error.http_status(), error.code().into(), error.message(), none(), None, None)
        }
        Refusal::Signature(error) => {
            (error.http_status(), error.code().into(), error.message(), none(), None, None)
        }
        Refusal::Operation(error) => (
            error.status(),
            error.code(),
            error.message().into_owned(),
            error.recommend(),
            error.retry_after_ms,
            error.access_denied.clone(),
        ),
        Refusal::Http { status, code, message } => {
            (*status, std::borrow::Cow::from(*code), (*message).to_owned(), none(), None, None)
        }
    };
    tracing::debug!(%request_id, status, %code, %refusal, "refused");
    let body = ErrorBody {
        request_id: request_id.to_string(),
        host_id: host.to_owned(),
        code: code.into_owned(),
        message,
        recommend,
        access_denied_detail: access_denied,
    };
    let (content_type, body) = render_error(&body, format);
    Answer { status, content_type, body, request_id: request_id.to_string(), retry_after_ms }
}

impl Received {
    fn as_http(&self) -> HttpRequest<'_> {
        HttpRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        }
    }
}

/// What a request names that it may have to wait for.
fn named(params: &Params) -> impl Iterator<Item = Busy> {
    // The next hop of a VPN gateway's route is a connection.
    let connections = ["VpnConnectionId", "NextHop"].into_iter();
    let connections = connections.filter_map(|name| params.get(name)?.parse().ok()).map(Busy::VpnConnection);
    let gateway = params.get("VpnGatewayId").and_then(|id| id.parse().ok()).map(Busy::VpnGateway);
    connections.chain(gateway)
}
