//! `UpdateRole`: changes a RAM role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{MaxSessionDuration, RoleName, optional};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram;
use crate::permission::{Permission, Target};
use crate::ram_policy::DESCRIPTION_CHARS_MAX;
use crate::ram_role::RoleView;
use crate::tx::Tx;

/// See the module.
pub struct UpdateRole;

/// Changes a role. Its living sessions keep their time; whom it trusts decides only about new ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The name of the role.
    pub role_name: RoleName,
    /// The JSON of the new trust policy.
    #[serde(default, deserialize_with = "optional")]
    pub new_assume_role_policy_document: Option<String>,
    /// What it is for from now on.
    #[serde(default)]
    pub new_description: Option<String>,
    /// How long new sessions may live, in seconds.
    #[serde(default, deserialize_with = "optional")]
    pub new_max_session_duration: Option<MaxSessionDuration>,
    /// Kept and shown; there is no console.
    #[serde(default)]
    pub new_allow_console_login: Option<bool>,
}

/// The role as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    role: RoleView,
}

impl Operation for UpdateRole {
    const NAME: &'static str = "UpdateRole";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_RAM_NAME,
        &catalogue::INVALID_RAM_LENGTH,
        &catalogue::INVALID_RAM_FORMAT,
        &catalogue::INVALID_TRUST_POLICY,
        &catalogue::ROLE_NOT_FOUND,
    ];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("ram:UpdateRole", Target::RamRole(request.role_name.clone().into()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let mut role = ram::role(tx, &String::from(request.role_name))?.clone();
        if let Some(trust) = request.new_assume_role_policy_document {
            ram::check_trust("NewAssumeRolePolicyDocument", &trust)?;
            role.trust = trust;
        }
        if let Some(description) = request.new_description {
            ram::check_length("NewDescription", &description, DESCRIPTION_CHARS_MAX)?;
            role.description = description;
        }
        if let Some(duration) = request.new_max_session_duration {
            role.max_session_duration_s = duration.get();
        }
        role.allow_console_login = request.new_allow_console_login.unwrap_or(role.allow_console_login);
        role.updated_ms = tx.now_ms();
        let view = RoleView::new(&role, tx.account_id());
        tx.put(role);
        Ok(Response { role: view })
    }
}
