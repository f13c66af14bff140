//! `DescribeCustomerGateway`: shows a peer.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{CustomerGatewayId, RegionId};
use crate::operation::{Kind, Operation};
use crate::permission::{Permission, Target};
use crate::resource::customer_gateway::CustomerGatewayView;
use crate::tx::Tx;

/// See the module.
pub struct DescribeCustomerGateway;

/// Describes a customer gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the customer gateway.
    pub region_id: RegionId,
    /// The customer gateway.
    pub customer_gateway_id: CustomerGatewayId,
}

impl Operation for DescribeCustomerGateway {
    const NAME: &'static str = "DescribeCustomerGateway";
    const KIND: Kind = Kind::Read;
    const ERRORS: &'static [&'static ErrorCode] = &[&catalogue::CUSTOMER_GATEWAY_NOT_FOUND];
    type Request = Request;
    type Response = CustomerGatewayView;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::CustomerGateway(request.customer_gateway_id.clone());
        Permission::on("vpc:DescribeCustomerGateway", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<CustomerGatewayView, ApiError> {
        let gateway = tx.customer_gateway(&request.region_id, &request.customer_gateway_id)?;
        Ok(CustomerGatewayView::from(gateway))
    }
}
