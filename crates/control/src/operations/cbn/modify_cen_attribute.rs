//! `ModifyCenAttribute`: changes a Cloud Enterprise Network instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{LongDescription, LongName, optional};
use crate::ids::{CenId, RegionId};
use crate::operation::{Kind, Operation, Product};
use crate::permission::{Permission, Target};
use crate::resource::cen::ProtectionLevel;
use crate::tx::Tx;

/// See the module.
pub struct ModifyCenAttribute;

/// Changes the name and the description; what is absent stays as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The instance.
    pub cen_id: CenId,
    /// What it is for.
    #[serde(default)]
    pub description: Option<LongDescription>,
    /// Its name.
    #[serde(default)]
    pub name: Option<LongName>,
    /// Which overlaps are allowed; it has no effect.
    #[serde(default, deserialize_with = "optional")]
    pub protection_level: Option<ProtectionLevel>,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for ModifyCenAttribute {
    const NAME: &'static str = "ModifyCenAttribute";
    const PRODUCT: Product = Product::Cbn;
    const KIND: Kind = Kind::Write;
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::CEN_NOT_FOUND, &catalogue::INVALID_NAME, &catalogue::INVALID_DESCRIPTION];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(request: &Request) -> Permission {
        Permission::on("cen:ModifyCenAttribute", Target::Cen(request.cen_id.clone()))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let mut cen = tx.cen(&request.cen_id)?.clone();
        if let Some(name) = request.name {
            cen.name = name.into();
        }
        if let Some(description) = request.description {
            cen.description = description.into();
        }
        tx.put(cen);
        Ok(Response {})
    }
}
