//! `UntagResources`: takes tags away from resources of Ram.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, Product};
use crate::operations::ram::tagging::{self, ResourceType};
use crate::permission::Permission;
use crate::resource::tag::TAGS_MAX;
use crate::tx::Tx;

/// See the module.
pub struct UntagResources;

/// Takes the tags with these keys away from all of the resources, or all tags. A tag that is not there is no error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Whether to take all tags away; it has no effect beside `TagKeys`.
    #[serde(default)]
    pub all: Option<bool>,
    /// The names of the resources.
    pub resource_names: Vec<String>,
    /// What they are.
    pub resource_type: ResourceType,
    /// The keys.
    #[serde(default)]
    pub tag_keys: Vec<String>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for UntagResources {
    const NAME: &'static str = "UntagResources";
    const PRODUCT: Product = Product::Ram;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::ROLE_NOT_FOUND, &catalogue::POLICY_NOT_FOUND, &catalogue::RAM_USER_NOT_FOUND];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        tagging::permission("ram:UntagResources", request.resource_type, &request.resource_names)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let keys = &request.tag_keys;
        if keys.len() > TAGS_MAX {
            return Err(ApiError::invalid("TagKeys", format!("at most {TAGS_MAX} keys")));
        }
        if keys.is_empty() && request.all != Some(true) {
            return Err(ApiError::missing("TagKeys"));
        }
        tagging::change_tags(tx, request.resource_type, &request.resource_names, |tags| {
            tags.retain(|key, _| !keys.is_empty() && !keys.contains(key));
            Ok(())
        })?;
        Ok(Response {})
    }
}
