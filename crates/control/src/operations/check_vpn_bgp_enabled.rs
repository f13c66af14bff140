//! `CheckVpnBgpEnabled`: says whether connections of a region can speak BGP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation};
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct CheckVpnBgpEnabled;

/// Answers that they cannot: the configuration of BGP is stored, and this engine speaks no BGP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region.
    pub region_id: RegionId,
}

/// Whether they can.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    bgp_enabled: bool,
}

impl Operation for CheckVpnBgpEnabled {
    const NAME: &'static str = "CheckVpnBgpEnabled";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("vpc:CheckVpnBgpEnabled", Target::Anything)
    }

    fn plan(_request: Request, _tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        Ok(Response { bgp_enabled: false })
    }
}
