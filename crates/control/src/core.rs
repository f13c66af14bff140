//! The pure half of a request, after its signature was verified:
//!
//! ```text
//! find the operation -> decode -> permit -> client token -> plan
//! ```
//!
//! It decides everything and does nothing: what is to be written and logged is answered, not done.

use causeway_wire::Params;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalogue;
use crate::effect;
use crate::error::ApiError;
use crate::fields::optional;
use crate::ids::{RegionId, Secret};
use crate::observed::LogLine;
use crate::operation::{self, DryRun, Entry, Kind};
use crate::permission::{self, Wish};
use crate::record::Change;
use crate::recorded_change;
use crate::resource::client_token::{self, ClientToken};
use crate::state::AccountState;
use crate::tx::Tx;

pub use crate::context::CallContext;
pub use crate::settings::Settings;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is answered, once the changes are durable.
    Answered {
        /// The answer, with its `RequestId`.
        body: Value,
        /// What is to be written, all or nothing; empty when nothing is.
        changes: Vec<Change>,
        /// What is to be logged once the changes are durable.
        log_lines: Vec<LogLine>,
    },
    /// It is refused, and nothing changes. Marked `busy`, it may be planned again once the connection settles.
    Refused(ApiError),
}

/// The parameters that every operation takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Common {
    /// Makes a request that is sent twice have its effect once: at most 64 ASCII characters. The id of the
    /// request when absent.
    pub client_token: Option<String>,
    /// Only checks: what passes is answered `DryRunOperation`, and what it would have changed. The API has it for some
    /// operations; here every one that changes anything takes it.
    pub dry_run: Option<bool>,
    /// It has no effect.
    pub owner_account: Option<String>,
    /// It has no effect.
    #[serde(deserialize_with = "number")]
    #[schemars(with = "Option<i64>")]
    pub owner_id: Option<String>,
    /// The account that owns the resource: the caller's own one, or absent.
    pub resource_owner_account: Option<String>,
    /// The id of the account that owns the resource: the caller's own one, or absent.
    #[serde(deserialize_with = "number")]
    #[schemars(with = "Option<i64>")]
    pub resource_owner_id: Option<String>,
}

/// A number that is only compared. Zero is what clients send for a number that nobody set.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = optional(deserializer)?;
    match text {
        Some(text) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(serde::de::Error::custom("the id of an account, a number"))
        }
        text => Ok(text.filter(|text| text != "0")),
    }
}

/// Plans a request at a state of its account.
pub fn execute(
    state: &AccountState,
    context: &CallContext<'_>,
    action: &str,
    version: &str,
    params: &Params,
) -> Outcome {
    let planned = operation::find(version, action).and_then(|entry| plan(state, context, entry, params));
    planned.unwrap_or_else(Outcome::Refused)
}

fn plan(
    state: &AccountState,
    context: &CallContext<'_>,
    entry: &Entry,
    params: &Params,
) -> Result<Outcome, ApiError> {
    let common: Common = params.decode_into()?;
    let call = entry.decode(params)?;
    check_region(context, call.region())?;
    check_owner(state, &common)?;
    let request_tags = permission::request_tags(entry, params);
    let wish = Wish { state, context, region: call.region(), request_tags: &request_tags };
    let permit = permission::permit(&wish, &call.permission())?;
    let takes_token = entry.kind == Kind::Write && entry.product.takes_client_tokens();
    let token = common.client_token.filter(|token| takes_token && !token.is_empty());
    if let Some(token) = &token {
        client_token::check(token)?;
        if let Some(answer) = answered_before(state, context, entry, token, params)? {
            return Ok(Outcome::Answered { body: answer, changes: Vec::new(), log_lines: Vec::new() });
        }
    }
    let mut tx = Tx::begin(&permit, state, context);
    let mut body = call.plan(&mut tx)?;
    if common.dry_run == Some(true) && entry.kind == Kind::Write {
        return checked(state, context, entry, tx);
    }
    if let Value::Object(members) = &mut body {
        members.insert("RequestId".to_owned(), Value::from(context.request_id.as_str()));
    }
    if let Some(token) = token {
        remember(&mut tx, entry, token, params, &body);
    }
    let (mut changes, log_lines) = tx.finish();
    recorded_change::record(state, context, entry.name, &mut changes);
    Ok(Outcome::Answered { body, changes, log_lines })
}

/// What is answered to a request that was only to be checked, and passed.
fn checked(
    state: &AccountState,
    context: &CallContext<'_>,
    entry: &Entry,
    tx: Tx<'_>,
) -> Result<Outcome, ApiError> {
    match entry.dry_run {
        DryRun::Refused => {
            let (changes, _log_lines) = tx.finish();
            Err(ApiError::new(&catalogue::DRY_RUN).detail(effect::describe(state, &changes)))
        }
        DryRun::Answered => Ok(Outcome::Answered {
            body: json!({ "RequestId": context.request_id.as_str() }),
            changes: Vec::new(),
            log_lines: Vec::new(),
        }),
    }
}

fn check_region(context: &CallContext<'_>, region: Option<&RegionId>) -> Result<(), ApiError> {
    match region {
        Some(region) if !context.settings.regions.contains(region) => {
            Err(ApiError::new(&catalogue::REGION_NOT_FOUND))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses to act for another account.
fn check_owner(state: &AccountState, common: &Common) -> Result<(), ApiError> {
    let own = |name: &String| {
        name.is_empty()
            || name == state.account_id().as_str()
            || state.account().is_some_and(|account| account.name == *name)
    };
    let named = [&common.resource_owner_id, &common.resource_owner_account];
    if named.into_iter().flatten().all(own) { Ok(()) } else { Err(ApiError::new(&catalogue::FORBIDDEN)) }
}

/// The answer that a request with this client token got before.
fn answered_before(
    state: &AccountState,
    context: &CallContext<'_>,
    entry: &Entry,
    token: &str,
    params: &Params,
) -> Result<Option<Value>, ApiError> {
    let known = state.client_token(&ClientToken::id(&entry.full_name(), token));
    let Some(known) = known.filter(|known| !known.is_over(context.now_ms)) else { return Ok(None) };
    if known.digest != client_token::digest(params) {
        return Err(ApiError::new(&catalogue::IDEMPOTENT_PARAMETER_MISMATCH));
    }
    let answer = serde_json::from_str(known.answer.expose());
    answer.map(Some).map_err(|_damaged| ApiError::new(&catalogue::INTERNAL_ERROR))
}

/// Remembers the answer, and makes room for it.
fn remember(tx: &mut Tx<'_>, entry: &Entry, token: String, params: &Params, body: &Value) {
    let state = tx.state();
    let too_many = (state.client_token_count() + 1).saturating_sub(client_token::TOKENS_MAX);
    // The oldest come first, so that only few are looked at.
    let gone: Vec<String> = state
        .client_tokens()
        .enumerate()
        .take(client_token::PRUNED_MAX.max(too_many))
        .take_while(|(position, known)| *position < too_many || known.is_over(tx.now_ms()))
        .map(|(_, known)| ClientToken::id(&known.action, &known.token))
        .collect();
    for id in &gone {
        tx.delete::<ClientToken>(id);
    }
    tx.put(ClientToken {
        action: entry.full_name(),
        token,
        digest: client_token::digest(params),
        answer: Secret::new(body.to_string()),
        created_ms: tx.now_ms(),
    });
}

#[cfg(test)]
pub(crate) mod tests;
