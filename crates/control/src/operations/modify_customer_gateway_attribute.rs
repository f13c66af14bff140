//! `ModifyCustomerGatewayAttribute`: changes what is known of a peer, but not its address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{AuthKey, Description, Name, optional};
use crate::ids::{CustomerGatewayId, RegionId, Secret};
use crate::operation::{Kind, Operation, RateLimit};
use crate::permission::{Permission, Target};
use crate::resource::vpn_connection::VpnConnection;
use crate::tx::Tx;

/// See the module.
pub struct ModifyCustomerGatewayAttribute;

/// Changes the name, the description or the BGP key of a customer gateway. With a new BGP key, the
/// connections that use it are `updating` until it is in force.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// The region of the customer gateway.
    pub region_id: RegionId,
    /// The customer gateway.
    pub customer_gateway_id: CustomerGatewayId,
    /// The new key of the BGP session.
    #[serde(default, deserialize_with = "optional")]
    pub auth_key: Option<AuthKey>,
    /// The new description.
    #[serde(default)]
    pub description: Option<Description>,
    /// The new name.
    #[serde(default)]
    pub name: Option<Name>,
}

/// The customer gateway as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    create_time: i64,
    customer_gateway_id: CustomerGatewayId,
    description: String,
    ip_address: String,
    name: String,
    resource_group_id: String,
}

impl Operation for ModifyCustomerGatewayAttribute {
    const NAME: &'static str = "ModifyCustomerGatewayAttribute";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(120));
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_NAME,
        &catalogue::INVALID_DESCRIPTION,
        &catalogue::CUSTOMER_GATEWAY_NOT_FOUND,
        &catalogue::CONNECTION_CONFIGURING,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(request: &Request) -> Permission {
        let target = Target::CustomerGateway(request.customer_gateway_id.clone());
        Permission::on("vpc:ModifyCustomerGatewayAttribute", target)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let before = tx.customer_gateway(&request.region_id, &request.customer_gateway_id)?.clone();
        let mut gateway = before.clone();
        gateway.name = request.name.map_or(gateway.name, String::from);
        gateway.description = request.description.map_or(gateway.description, String::from);
        gateway.auth_key = request.auth_key.map(Secret::from).or(gateway.auth_key);
        if gateway.auth_key != before.auth_key {
            let users: Vec<VpnConnection> = tx.state().users_of(&gateway.id).cloned().collect();
            for connection in users {
                connection.must_be_settled(tx.observations())?;
                tx.touch(connection);
            }
        }
        if gateway != before {
            tx.put(gateway.clone());
        }
        Ok(Response {
            create_time: gateway.created_ms,
            customer_gateway_id: gateway.id,
            description: gateway.description,
            ip_address: gateway.ip_address.to_string(),
            name: gateway.name,
            resource_group_id: gateway.resource_group_id,
        })
    }
}
