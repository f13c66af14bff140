//! `DescribeRegions`: lists the regions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::ids::RegionId;
use crate::operation::{Kind, Operation};
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// See the module.
pub struct DescribeRegions;

/// Lists the regions of the server's configuration. One endpoint serves all of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The language of the names; they are the same in all.
    #[serde(default)]
    pub accept_language: Option<String>,
    /// The kind of product; all are in the same regions.
    #[serde(default)]
    pub product_type: Option<String>,
}

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    regions: RegionListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RegionListView {
    region: Vec<RegionView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct RegionView {
    local_name: String,
    region_endpoint: String,
    region_id: RegionId,
}

impl Operation for DescribeRegions {
    const NAME: &'static str = "DescribeRegions";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(_request: &Request) -> Option<&RegionId> {
        None
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("vpc:DescribeRegions", Target::Anything)
    }

    fn plan(_request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let view = |region: &RegionId| RegionView {
            local_name: region.to_string(),
            region_endpoint: tx.host().to_owned(),
            region_id: region.clone(),
        };
        Ok(Response { regions: RegionListView { region: tx.settings().regions.iter().map(view).collect() } })
    }
}
