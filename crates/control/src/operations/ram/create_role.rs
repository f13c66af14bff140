//! `CreateRole`: makes a RAM role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{MaxSessionDuration, RoleName, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::{AttachedPolicies, DESCRIPTION_CHARS_MAX};
use crate::ram_role::{CreatedRoleView, RAM_ROLES_MAX, RamRole};
use crate::resource::tag::{self, TagOption};
use crate::tx::Tx;

/// See the module.
pub struct CreateRole;

/// Makes a role, which those whom its trust policy names can assume.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the role.
    pub role_name: RoleName,
    /// The JSON of the trust policy.
    pub assume_role_policy_document: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// How long its sessions may live, in seconds: 3600 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub max_session_duration: Option<MaxSessionDuration>,
    /// Kept and shown; there is no console.
    #[serde(default)]
    pub allow_console_login: Option<bool>,
    /// Its tags.
    #[serde(default)]
    pub tag: Vec<TagOption>,
}

/// The role.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    role: CreatedRoleView,
}

impl Operation for CreateRole {
    const NAME: &'static str = "CreateRole";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::INVALID_RAM_LENGTH,
        &catalogue::INVALID_RAM_FORMAT,
        &catalogue::INVALID_TRUST_POLICY,
        &catalogue::ROLE_EXISTS,
        &catalogue::TOO_MANY_ROLES,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:CreateRole", Target::RamRole(request.role_name.clone().into()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let name = String::from(request.role_name);
        let description = request.description.unwrap_or_default();
        ram::check_length("Description", &description, DESCRIPTION_CHARS_MAX)?;
        ram::check_trust("AssumeRolePolicyDocument", &request.assume_role_policy_document)?;
        if tx.find::<RamRole>(&name).is_some() {
            return Err(ApiError::new(&catalogue::ROLE_EXISTS));
        }
        if tx.state().ram_roles().len() >= RAM_ROLES_MAX {
            return Err(ApiError::new(&catalogue::TOO_MANY_ROLES));
        }
        let role = RamRole {
            name,
            role_id: tx.ids().next_digits(18),
            description,
            trust: request.assume_role_policy_document,
            max_session_duration_s: request.max_session_duration.unwrap_or_default().get(),
            allow_console_login: request.allow_console_login.unwrap_or(true),
            policies: AttachedPolicies::new(),
            tags: tag::collect("Tag", request.tag)?,
            created_ms: tx.now_ms(),
            updated_ms: tx.now_ms(),
        };
        let view = CreatedRoleView::new(&role, tx.account_id());
        tx.put(role);
        Ok(Response { role: view })
    }
}
