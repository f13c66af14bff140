//! The members with which some operations say that they succeeded.

use schemars::JsonSchema;
use serde::Serialize;

/// `Success` and its company. The provider declares a code and a message here too; Terraform takes any `Code` in
/// an answer for a failure, so that there never is one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct Success {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    success: bool,
}

impl Default for Success {
    fn default() -> Self {
        Self { code: None, message: None, success: true }
    }
}
