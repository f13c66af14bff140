//! Customer gateways: the peers.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{CustomerGatewayId, RegionId, Secret};
use crate::resource::tag::{TagListView, Tags};

/// The peer's public address, and its autonomous system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerGateway {
    /// Its id.
    pub id: CustomerGatewayId,
    /// Where it is.
    pub region: RegionId,
    /// The address of the peer.
    pub ip_address: Ipv4Addr,
    /// The peer's autonomous system, if it speaks BGP.
    pub asn: Option<u32>,
    /// The key of the BGP session.
    pub auth_key: Option<Secret>,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The resource group that the caller named; it has no effect.
    pub resource_group_id: String,
    /// Its tags.
    pub tags: Tags,
    /// When it was made, in UNIX milliseconds.
    pub created_ms: i64,
}

/// A customer gateway in an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(inline)]
pub struct CustomerGatewayView {
    asn: i64,
    auth_key: String,
    create_time: i64,
    customer_gateway_id: CustomerGatewayId,
    description: String,
    ip_address: String,
    name: String,
    resource_group_id: String,
    tags: TagListView,
}

impl From<&CustomerGateway> for CustomerGatewayView {
    fn from(gateway: &CustomerGateway) -> Self {
        Self {
            asn: gateway.asn.map_or(0, i64::from),
            auth_key: gateway.auth_key.as_ref().map(|key| key.expose().to_owned()).unwrap_or_default(),
            create_time: gateway.created_ms,
            customer_gateway_id: gateway.id.clone(),
            description: gateway.description.clone(),
            ip_address: gateway.ip_address.to_string(),
            name: gateway.name.clone(),
            resource_group_id: gateway.resource_group_id.clone(),
            tags: TagListView::from(&gateway.tags),
        }
    }
}
