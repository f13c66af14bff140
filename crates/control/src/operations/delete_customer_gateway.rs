//! `DeleteCustomerGateway`: forgets a peer that no connection uses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{CustomerGatewayId, RegionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::permission::{Permission, Target};
use crate::resource::customer_gateway::CustomerGateway;
use crate::tx::Tx;

/// See the module.
pub struct DeleteCustomerGateway;

/// Deletes a customer gateway. It is refused while an IPsec-VPN connection uses it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the customer gateway.
    pub region_id: RegionId,
    /// The customer gateway.
    pub customer_gateway_id: CustomerGatewayId,
}

/// Nothing but the `RequestId`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {}

impl Operation for DeleteCustomerGateway {
    const NAME: &'static str = "DeleteCustomerGateway";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(120));
    const ERRORS: &'static [&'static ErrorCode] =
        &[&catalogue::CUSTOMER_GATEWAY_NOT_FOUND, &catalogue::CUSTOMER_GATEWAY_IN_USE];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::CustomerGateway(request.customer_gateway_id.clone());
        Permission::on("vpc:DeleteCustomerGateway", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let id = tx.customer_gateway(&request.region_id, &request.customer_gateway_id)?.id.clone();
        if let Some(connection) = tx.state().users_of(&id).next() {
            let detail = format!("The IPsec-VPN connection {} uses it.", connection.id);
            return Err(ApiError::new(&catalogue::CUSTOMER_GATEWAY_IN_USE).detail(detail));
        }
        tx.delete::<CustomerGateway>(&id);
        Ok(Response {})
    }
}
