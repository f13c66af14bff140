//! `DescribeVpnGatewayAvailableZones`: lists the zones in which a VPN gateway can be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::optional;
use crate::ids::RegionId;
use crate::operation::{Kind, Operation, RateLimit};
use crate::operations::describe_zones::zone_id;
use crate::permission::{Permission, Target};
use crate::resource::vpn_gateway::GatewayType;
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpnGatewayAvailableZones;

/// Lists the zones of a region in which a VPN gateway of this bandwidth can be: the one that there is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region.
    pub region_id: RegionId,
    /// The language of the names; they are the same in all.
    #[serde(default, deserialize_with = "optional")]
    pub accept_language: Option<Language>,
    /// The type of VPN gateway.
    #[serde(default, deserialize_with = "optional")]
    pub gateway_type: Option<GatewayType>,
    /// The bandwidth.
    pub spec: Spec,
}

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Language {
    /// English.
    #[serde(rename = "en-US")]
    English,
    /// Chinese.
    #[serde(rename = "zh-CN")]
    Chinese,
}

/// A bandwidth in Mbit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Spec {
    /// 5.
    #[serde(rename = "5M")]
    M5,
    /// 10.
    #[serde(rename = "10M")]
    M10,
    /// 20.
    #[serde(rename = "20M")]
    M20,
    /// 50.
    #[serde(rename = "50M")]
    M50,
    /// 100.
    #[serde(rename = "100M")]
    M100,
    /// 200.
    #[serde(rename = "200M")]
    M200,
    /// 500.
    #[serde(rename = "500M")]
    M500,
    /// 1000.
    #[serde(rename = "1000M")]
    M1000,
}

/// The zones.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    available_zone_id_list: Vec<ZoneView>,
    region_id: RegionId,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct ZoneView {
    zone_id: String,
    zone_name: String,
}

impl Operation for DescribeVpnGatewayAvailableZones {
    const NAME: &'static str = "DescribeVpnGatewayAvailableZones";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(600));
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("vpc:DescribeVpnGatewayAvailableZones", Target::VpnGateways)
    }

    fn plan(request: Request, _tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let id = zone_id(&request.region_id);
        let zone = ZoneView { zone_name: id.clone(), zone_id: id };
        Ok(Response { available_zone_id_list: vec![zone], region_id: request.region_id })
    }
}
