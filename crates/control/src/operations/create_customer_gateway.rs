//! `CreateCustomerGateway`: makes a peer known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::fields::{Asn, AuthKey, Description, InternetIp, Name, optional};
use crate::ids::{CustomerGatewayId, RegionId};
use crate::operation::{Kind, Operation, RateLimit};
use crate::permission::{Permission, Target};
use crate::resource::customer_gateway::CustomerGateway;
use crate::resource::tag::{self, TagOption};
use crate::tx::Tx;

/// See the module.
pub struct CreateCustomerGateway;

/// Makes the public address of a peer known, and its autonomous system.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// Where the customer gateway is to be.
    pub region_id: RegionId,
    /// The public address of the peer.
    pub ip_address: InternetIp,
    /// The autonomous system of the peer, if it speaks BGP.
    #[serde(default, deserialize_with = "optional")]
    pub asn: Option<Asn>,
    /// The key of the BGP session.
    #[serde(default, deserialize_with = "optional")]
    pub auth_key: Option<AuthKey>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Description>,
    /// Its name.
    #[serde(default)]
    pub name: Option<Name>,
    /// The resource group; it has no effect.
    #[serde(default)]
    pub resource_group_id: Option<String>,
    /// Its tags. `Tag` is another name for it.
    #[serde(default, alias = "Tag")]
    pub tags: Vec<TagOption>,
}

/// The customer gateway as it was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    create_time: i64,
    customer_gateway_id: CustomerGatewayId,
    description: String,
    ip_address: String,
    name: String,
}

/// What the gateway uses when nobody chose an autonomous system, so that no peer can have it.
const RESERVED_ASN: u32 = crate::resource::bgp_config::LOCAL_ASN_DEFAULT;

impl Operation for CreateCustomerGateway {
    const NAME: &'static str = "CreateCustomerGateway";
    const KIND: Kind = Kind::Write;
    const RATE_LIMIT: Option<RateLimit> = Some(RateLimit::per_minute(120));
    const ERRORS: &'static [&'static ErrorCode] = &[
        &catalogue::INVALID_NAME,
        &catalogue::INVALID_DESCRIPTION,
        &catalogue::IP_ADDRESS_WRONG_FORMAT,
        &catalogue::IP_ADDRESS_EXISTS,
        &catalogue::QUOTA_FULL,
    ];
    type Request = Request;
    type Response = Response;

    fn region(request: &Request) -> Option<&RegionId> {
        Some(&request.region_id)
    }

    fn permission(_request: &Request) -> Permission {
        Permission::on("vpc:CreateCustomerGateway", Target::CustomerGateways)
    }

    fn plan(request: Request, tx: &mut Tx<'_>) -> Result<Response, ApiError> {
        let asn = request.asn.map(Asn::get);
        if asn == Some(RESERVED_ASN) {
            return Err(ApiError::invalid(
                "Asn",
                format!("another number than the gateway's own, {RESERVED_ASN}"),
            ));
        }
        let ip_address = request.ip_address.address();
        if let Some(gateway) = tx.state().customer_gateway_at(&request.region_id, ip_address) {
            let detail = format!("The customer gateway {} has the address {ip_address}.", gateway.id);
            return Err(ApiError::new(&catalogue::IP_ADDRESS_EXISTS).detail(detail));
        }
        let count = tx.state().customer_gateway_count(&request.region_id);
        if count >= tx.settings().customer_gateways_per_region_max {
            return Err(ApiError::new(&catalogue::QUOTA_FULL));
        }
        let gateway = CustomerGateway {
            id: CustomerGatewayId::generate(tx.ids()),
            region: request.region_id,
            ip_address,
            asn,
            auth_key: request.auth_key.map(Into::into),
            name: request.name.map(String::from).unwrap_or_default(),
            description: request.description.map(String::from).unwrap_or_default(),
            resource_group_id: request.resource_group_id.unwrap_or_default(),
            tags: tag::collect("Tags", request.tags)?,
            created_ms: tx.now_ms(),
        };
        tx.put(gateway.clone());
        Ok(Response {
            create_time: gateway.created_ms,
            customer_gateway_id: gateway.id,
            description: gateway.description,
            ip_address: gateway.ip_address.to_string(),
            name: gateway.name,
        })
    }
}
