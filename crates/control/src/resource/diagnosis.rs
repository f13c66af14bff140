//! Diagnoses of VPN gateways: what was found of a connection at one moment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{DiagnoseId, RegionId, VpnConnectionId, VpnGatewayId};

/// How many diagnoses an account keeps; the oldest goes when there is one more. Each takes about three kilobytes in memory and
/// in the store, and somebody who looks at the last ten of a hundred VPN gateways finds them.
pub const DIAGNOSES_MAX: usize = 1_000;

/// A diagnosis of a VPN gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Its id.
    pub id: DiagnoseId,
    /// Where the VPN gateway is.
    pub region: RegionId,
    /// The VPN gateway.
    pub vpn_gateway_id: VpnGatewayId,
    /// What kind of resource was looked at.
    pub resource_type: ResourceType,
    /// The connection that was looked at.
    pub resource_id: VpnConnectionId,
    /// The revision of the account that it led to: the later of two has the greater one.
    pub revision: u64,
    /// When, in UNIX milliseconds. It takes no time: what the gateway reported is there.
    pub at_ms: i64,
    /// What was found, item by item.
    pub results: Vec<DiagnoseResult>,
}

/// What kind of resource is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ResourceType {
    /// An IPsec-VPN connection. A page of the documentation writes it `Ipsec`.
    #[serde(rename = "IPsec", alias = "Ipsec")]
    IpsecConnection,
}

/// What was found of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnoseResult {
    /// Which item.
    pub name: DiagnoseName,
    /// Whether it is as it should be.
    pub level: DiagnoseResultLevel,
    /// What was found, as the text of a JSON object. Never a secret.
    pub description: String,
}

/// What is looked at, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum DiagnoseName {
    /// Whether routes over the connection are ever taken.
    RouteEntryConflict,
    /// How many destination-based routes the VPN gateway has.
    VpnRouteQuota,
    /// How many connections there are.
    VpnIPsecQuota,
    /// How many policy-based routes the VPN gateway has.
    VpnPbrRouteQuota,
    /// Whether the peer has what is configured here.
    VcoConfigConsistency,
    /// Whether the customer gateway answers.
    VcoUserInternetIpConnectivity,
    /// Whether packets pass between the networks.
    VcoPrivateConnectivity,
}

/// Whether an item is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum DiagnoseResultLevel {
    /// It is.
    Normal,
    /// It is in part, or it cannot be told.
    Warning,
    /// It is not.
    Error,
}
