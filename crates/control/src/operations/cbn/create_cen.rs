//! `CreateCen`: makes a Cloud Enterprise Network instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName, optional};
use crate::ids::{CenId, RegionId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::resource::cen::{CENS_MAX, Cen, ProtectionLevel};
use crate::resource::tag::{self, TagOption};
use crate::tx::Tx;

/// See the module.
pub struct CreateCen;

/// Makes an instance that transit routers can belong to, at most one in each region.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// What it is for.
    #[serde(default)]
    pub description: Option<LongDescription>,
    /// Its name.
    #[serde(default)]
    pub name: Option<LongName>,
    /// Which overlaps are allowed; it has no effect.
    #[serde(default, deserialize_with = "optional")]
    pub protection_level: Option<ProtectionLevel>,
    /// Its tags.
    #[serde(default)]
    pub tag: Vec<TagOption>,
}

/// The instance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    cen_id: CenId,
}

impl Operation for CreateCen {
    const NAME: &'static str = "CreateCen";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::INVALID_NAME, &catalogue::INVALID_DESCRIPTION, &catalogue::QUOTA_FULL];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("cen:CreateCen", Target::Cens)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        if tx.state().cen_count() >= CENS_MAX {
            return Err(ApiError::new(&catalogue::QUOTA_FULL));
        }
        let id = CenId::generate(tx.ids());
        tx.put(Cen {
            id: id.clone(),
            name: request.name.map(String::from).unwrap_or_default(),
            description: request.description.map(String::from).unwrap_or_default(),
            resource_group_id: String::new(),
            tags: tag::collect("Tag", request.tag)?,
            created_ms: tx.now_ms(),
        });
        Ok(Response { cen_id: id })
    }
}
