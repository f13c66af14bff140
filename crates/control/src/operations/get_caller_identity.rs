//! `GetCallerIdentity`: says who calls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::Caller;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{AccountId, RegionId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::Permission;
use crate::ram_user::RamUser;
use crate::tx::Tx;

/// See the module.
pub struct GetCallerIdentity;

/// Needs no permission: who can sign may know who they are.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {}

/// Who calls.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    account_id: AccountId,
    arn: String,
    identity_type: IdentityType,
    principal_id: String,
    /// Of a role session only.
    #[serde(skip_serializing_if = "Option::is_none")]
    role_id: Option<String>,
    /// Of an account and of a RAM user only.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
enum IdentityType {
    Account,
    #[serde(rename = "RAMUser")]
    RamUser,
    AssumedRoleUser,
}

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";
    const PRODUCT: Product = Product::Sts;
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(_request: &Request) -> Permission {
        Permission::not_needed()
    }

    fn plan(_request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let account_id = tx.account_id().clone();
        let of = |identity_type, who: &str, principal_id: String| Response {
            arn: format!("acs:ram::{account_id}:{who}"),
            account_id: account_id.clone(),
            identity_type,
            principal_id,
            role_id: None,
            user_id: None,
        };
        Ok(match tx.caller() {
            Caller::Root => Response {
                user_id: Some(account_id.to_string()),
                ..of(IdentityType::Account, "root", account_id.to_string())
            },
            Caller::RamUser { name } => {
                let user_id = tx.find::<RamUser>(name).map(|user| user.user_id.clone()).unwrap_or_default();
                Response {
                    user_id: Some(user_id.clone()),
                    ..of(IdentityType::RamUser, &format!("user/{name}"), user_id)
                }
            }
            Caller::RoleSession { role, role_id, session, .. } => Response {
                role_id: Some(role_id.clone()),
                ..of(
                    IdentityType::AssumedRoleUser,
                    &format!("assumed-role/{role}/{session}"),
                    format!("{role_id}:{session}"),
                )
            },
        })
    }
}
