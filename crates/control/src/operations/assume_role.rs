//! `AssumeRole`: gives somebody a role for a while.

use causeway_wire::format_timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access;
use crate::account::Caller;
use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{RoleSessionName, optional};
use crate::ids::AccessKeyId;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product, RateLimit};
use crate::permission::Wish;
use crate::permission::{Permission, Target};
use crate::ram_role::{RamRole, RoleArn};
use crate::resource::tag::Tags;
use crate::role_session::{DURATION_S_MIN, POLICY_BYTES_MAX, RoleSession};
use crate::tx::Tx;

/// See the module.
pub struct AssumeRole;

/// Makes a session of a role: an AccessKey and a token with which the caller may do what the role may, until it expires. The caller needs `sts:AssumeRole` on the role, and the trust of the role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the role: `acs:ram::1234567890123456:role/admin`.
    pub role_arn: RoleArn,
    /// What the session is called, so that one can tell later who did something.
    pub role_session_name: RoleSessionName,
    /// How long the session lives, in seconds: from 900 to what the role allows; 3600 unless it is given.
    #[serde(default)]
    pub duration_seconds: Option<u32>,
    /// The JSON of a policy of the session's own: it may do what both this one and the role's policies allow.
    #[serde(default, deserialize_with = "optional")]
    pub policy: Option<String>,
}

/// The session.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    assumed_role_user: AssumedRoleUserView,
    credentials: CredentialsView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct AssumedRoleUserView {
    arn: String,
    assumed_role_id: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct CredentialsView {
    access_key_id: AccessKeyId,
    access_key_secret: String,
    expiration: String,
    security_token: String,
}

/// Leaves out what is secret.
impl std::fmt::Debug for CredentialsView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialsView").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

const ACTION: &str = "sts:AssumeRole";
/// How long a session lives when nobody says so, in seconds.
const DURATION_S: u32 = 3600;

impl Operation for AssumeRole {
    const NAME: &'static str = "AssumeRole";
    const PRODUCT: Product = Product::Sts;
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(6000));
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_STS_PARAMETER,
        &catalogue::INVALID_POLICY_GRAMMAR,
        &catalogue::NO_PERMISSION,
        &catalogue::ROLE_NOT_FOUND,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on(ACTION, Target::AnyRamRole(request.role_arn.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        if *tx.caller() == Caller::Root {
            let sentence = "Roles may not be assumed by root accounts.";
            return Err(ApiError::new(&catalogue::NO_PERMISSION).value(sentence));
        }
        let role = trusting_role(&request.role_arn, tx)?;
        let duration_s = duration_s(request.duration_seconds, role)?;
        if let Some(policy) = &request.policy {
            check_policy(policy)?;
        }
        let name = String::from(request.role_session_name);
        let session = RoleSession {
            account: tx.account_id().clone(),
            role: role.name.clone(),
            role_id: role.role_id.clone(),
            name: name.clone(),
            access_key_id: AccessKeyId::generate_temporary(tx.ids()),
            secret: tx.ids().next_access_key_secret(),
            policy: request.policy,
            expires_ms: tx.now_ms().saturating_add(i64::from(duration_s) * 1000),
        };
        Ok(Response {
            assumed_role_user: AssumedRoleUserView {
                arn: format!("acs:ram::{}:assumed-role/{}/{name}", session.account, session.role),
                assumed_role_id: format!("{}:{name}", session.role_id),
            },
            credentials: CredentialsView {
                access_key_id: session.access_key_id.clone(),
                access_key_secret: session.secret.expose().to_owned(),
                expiration: format_timestamp(session.expires_ms),
                security_token: session.token(tx.context().sealer),
            },
        })
    }
}

/// The role, if it trusts the caller. A role of another account is one that does not: nothing is known here of it,
/// so that nothing can be told, not even whether it exists.
fn trusting_role<'t>(arn: &RoleArn, tx: &'t Tx<'_>) -> Result<&'t RamRole, ApiError> {
    let sentence = "You are not authorized to do this action. You should be authorized by RAM.";
    let no_permission = || ApiError::new(&catalogue::NO_PERMISSION).value(sentence);
    if arn.account != *tx.account_id() {
        return Err(no_permission());
    }
    let role = tx.find::<RamRole>(&arn.role).ok_or(ApiError::new(&catalogue::ROLE_NOT_FOUND))?;
    let trust = access::TrustPolicy::parse(&role.trust).map_err(|_damaged| no_permission())?;
    let wish = Wish { state: tx.state(), context: tx.context(), region: None, request_tags: &Tags::new() };
    let target = Target::AnyRamRole(arn.clone());
    let resource = target.arn(tx.account_id(), None);
    let names = tx.caller().names(tx.account_id());
    if trust.trusts(&names, &wish.request(ACTION, &resource, &target)) {
        Ok(role)
    } else {
        Err(no_permission())
    }
}

fn duration_s(asked_s: Option<u32>, role: &RamRole) -> Result<u32, ApiError> {
    let max_s = role.max_session_duration_s;
    let duration_s = asked_s.unwrap_or(DURATION_S);
    if (DURATION_S_MIN..=max_s).contains(&duration_s) {
        Ok(duration_s)
    } else {
        let expected = format!("{DURATION_S_MIN} to {max_s} seconds, the MaxSessionDuration of the role");
        Err(ApiError::invalid("DurationSeconds", expected))
    }
}

fn check_policy(policy: &str) -> Result<(), ApiError> {
    let refused = |detail: String| ApiError::new(&catalogue::INVALID_POLICY_GRAMMAR).detail(detail);
    if policy.len() > POLICY_BYTES_MAX {
        return Err(refused(format!("Policy: expected at most {POLICY_BYTES_MAX} bytes.")));
    }
    access::Policy::parse(policy).map(|_| ()).map_err(|error| refused(format!("{error}.")))
}
