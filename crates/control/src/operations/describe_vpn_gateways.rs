//! `DescribeVpnGateways`: lists the VPN gateways of a region.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{RegionId, VpcId, VpnGatewayId};
use crate::operation::{Kind, Operation};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::tag::{self, TagFilter};
use crate::resource::vpn_gateway::view::{BusinessStatus, VpnGatewayView};
use crate::resource::vpn_gateway::{GatewayType, Status, VpnGateway};
use crate::tx::Tx;

/// See the module.
pub struct DescribeVpnGateways;

/// Lists the VPN gateways of a region, the oldest first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region.
    pub region_id: RegionId,
    /// Only those that can be used, which all can, or cannot.
    #[serde(default, deserialize_with = "optional")]
    pub business_status: Option<BusinessStatus>,
    /// Only those of this type.
    #[serde(default, deserialize_with = "optional")]
    pub gateway_type: Option<GatewayType>,
    /// Whether orders that are not in effect yet are shown; there are none.
    #[serde(default)]
    pub include_reservation_data: Option<bool>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// Only those of this resource group.
    #[serde(default, deserialize_with = "optional")]
    pub resource_group_id: Option<String>,
    /// Only those that are here in their life.
    #[serde(default, deserialize_with = "optional")]
    pub status: Option<Status>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
    /// Only those of this VPC.
    #[serde(default, deserialize_with = "optional")]
    pub vpc_id: Option<VpcId>,
    /// Only this one.
    #[serde(default, deserialize_with = "optional")]
    pub vpn_gateway_id: Option<VpnGatewayId>,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    page_number: i32,
    page_size: i32,
    total_count: i32,
    vpn_gateways: VpnGatewayListView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct VpnGatewayListView {
    vpn_gateway: Vec<VpnGatewayView>,
}

impl Operation for DescribeVpnGateways {
    const NAME: &'static str = "DescribeVpnGateways";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = request.vpn_gateway_id.clone().map(Target::VpnGateway);
        Permission::on("vpc:DescribeVpnGateways", target.unwrap_or(Target::VpnGateways))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let wanted = |gateway: &&VpnGateway| request.wants(gateway, tx.vpn_gateway_status(gateway));
        let page = Page::new(request.page_number, request.page_size);
        let (gateways, total_count) = match &request.vpn_gateway_id {
            Some(id) => page.of(tx.state().vpn_gateway(id).into_iter().filter(wanted)),
            None => page.of(tx.state().vpn_gateways(&request.region_id).filter(wanted)),
        };
        let vpn_gateway =
            gateways.into_iter().filter_map(|gateway| tx.show_vpn_gateway(gateway, VpnGatewayView::of));
        Ok(Response {
            page_number: page.number(),
            page_size: page.size(),
            total_count,
            vpn_gateways: VpnGatewayListView { vpn_gateway: vpn_gateway.collect() },
        })
    }
}

impl Request {
    fn wants(&self, gateway: &VpnGateway, status: Option<Status>) -> bool {
        status.is_some()
            && gateway.region == self.region_id
            && self.business_status != Some(BusinessStatus::FinancialLocked)
            && self.status.is_none_or(|wanted| status == Some(wanted))
            && self.gateway_type.is_none_or(|wanted| wanted == gateway.gateway_type)
            && self.vpc_id.as_ref().is_none_or(|wanted| *wanted == gateway.vpc_id)
            && self.resource_group_id.as_ref().is_none_or(|wanted| *wanted == gateway.resource_group_id)
            && tag::matches(&gateway.tags, &self.tag)
    }
}
