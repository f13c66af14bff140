//! `DescribeCustomerGateways`: lists the peers of a region.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorCode};
use crate::fields::{PageNumber, PageSize, optional};
use crate::ids::{CustomerGatewayId, RegionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::page::Page;
use crate::permission::{Permission, Target};
use crate::resource::customer_gateway::{CustomerGateway, CustomerGatewayView};
use crate::resource::tag::{self, TagFilter};
use crate::tx::Tx;

/// See the module.
pub struct DescribeCustomerGateways;

/// Lists the customer gateways of a region, the oldest first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region.
    pub region_id: RegionId,
    /// Only this one.
    #[serde(default, deserialize_with = "optional")]
    pub customer_gateway_id: Option<CustomerGatewayId>,
    /// Which page, from 1.
    #[serde(default, deserialize_with = "optional")]
    pub page_number: Option<PageNumber>,
    /// How many on a page: 10 unless it is given.
    #[serde(default, deserialize_with = "optional")]
    pub page_size: Option<PageSize>,
    /// Only those of this resource group.
    #[serde(default, deserialize_with = "optional")]
    pub resource_group_id: Option<String>,
    /// Only those with all of these tags.
    #[serde(default)]
    pub tag: Vec<TagFilter>,
}

/// A page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    customer_gateways: CustomerGatewayListView,
    page_number: i32,
    page_size: i32,
    total_count: i32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
struct CustomerGatewayListView {
    customer_gateway: Vec<CustomerGatewayView>,
}

impl Operation for DescribeCustomerGateways {
    const NAME: &'static str = "DescribeCustomerGateways";
    const KIND: Kind = Kind::Read;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(600));
    const ERRORS: &'static [&'static ErrorCode] = &[];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = request.customer_gateway_id.clone().map(Target::CustomerGateway);
        Permission::on("vpc:DescribeCustomerGateways", target.unwrap_or(Target::CustomerGateways))
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        tag::check_filters(&request.tag)?;
        let wanted = |gateway: &&CustomerGateway| {
            gateway.region == request.region_id
                && request.resource_group_id.as_ref().is_none_or(|group| *group == gateway.resource_group_id)
                && tag::matches(&gateway.tags, &request.tag)
        };
        let page = Page::new(request.page_number, request.page_size);
        let (gateways, total_count) = match &request.customer_gateway_id {
            Some(id) => page.of(tx.state().customer_gateway(id).into_iter().filter(wanted)),
            None => page.of(tx.state().customer_gateways(&request.region_id).filter(wanted)),
        };
        let customer_gateway = gateways.into_iter().map(CustomerGatewayView::from).collect();
        Ok(Response {
            customer_gateways: CustomerGatewayListView { customer_gateway },
            page_number: page.number(),
            page_size: page.size(),
            total_count,
        })
    }
}
