//! `DescribeZones`: lists the zones of a region.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation};
use crate::permission::{Permission, Target};
use crate::tx::Tx;

/// The only type of zone there is.
const AVAILABILITY_ZONE: &str = "AvailabilityZone";

/// See the module.
pub struct DescribeZones;

/// Lists the zones of a region. It has one: all of it runs on this machine.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The language of the names; they are the same in all.
    #[serde(default)]
    pub accept_language: Option<String>,
    /// The region.
    pub region_id: RegionId,
    /// Only zones of this type: `AvailabilityZone` is the only one there is.
    #[serde(default, deserialize_with = "optional")]
    pub zone_type: Option<String>,
}

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    zones: ZoneListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ZoneListView {
    zone: Vec<ZoneView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ZoneView {
    local_name: String,
    zone_id: String,
    zone_type: &'static str,
}

/// The one zone of a region.
pub fn zone_id(region: &RegionId) -> String {
    format!("{region}-a")
}

impl Operation for DescribeZones {
    const NAME: &'static str = "DescribeZones";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("vpc:DescribeZones", Target::Anything)
    }

    fn plan(request: Request, _tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let zone_id = zone_id(&request.region_id);
        let zone = ZoneView { local_name: zone_id.clone(), zone_id, zone_type: AVAILABILITY_ZONE };
        let wanted = request.zone_type.is_none_or(|name| name.eq_ignore_ascii_case(AVAILABILITY_ZONE));
        Ok(Response { zones: ZoneListView { zone: wanted.then_some(zone).into_iter().collect() } })
    }
}
