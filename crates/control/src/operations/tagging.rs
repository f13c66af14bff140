//! What the operations on tags have in common.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{CustomerGatewayId, RegionId, VpnConnectionId};
use crate::operations::known_networks;
use crate::permission::{Permission, Target};
use crate::resource::customer_gateway::CustomerGateway;
use crate::resource::tag::Tags;
use crate::resource::vpn_connection::VpnConnection;
use crate::state::AccountState;
use crate::tx::Tx;

/// How many resources a request may name.
pub const RESOURCE_IDS_MAX: usize = 50;

/// A kind of resource that can have tags. Clients write it in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceType {
    /// A customer gateway.
    CustomerGateway,
    /// An IPsec-VPN connection, by one of its two names.
    VpnConnection,
    /// An IPsec-VPN connection, by the other one.
    VpnAttachment,
    /// A VPN gateway.
    VpnGateway,
    /// A VPC.
    Vpc,
    /// A vSwitch.
    VSwitch,
}

impl ResourceType {
    /// All of them.
    const ALL: [Self; 6] = [
        Self::CustomerGateway,
        Self::VpnConnection,
        Self::VpnAttachment,
        Self::VpnGateway,
        Self::Vpc,
        Self::VSwitch,
    ];

    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CustomerGateway => "CUSTOMERGATEWAY",
            Self::VpnConnection => "VPNCONNECTION",
            Self::VpnAttachment => "VPNATTACHMENT",
            Self::VpnGateway => "VPNGATEWAY",
            Self::Vpc => "VPC",
            Self::VSwitch => "VSWITCH",
        }
    }

    /// The resource with this id, if the text can be one.
    fn target(self, id: &str) -> Option<Target> {
        match self {
            Self::CustomerGateway => id.parse().ok().map(Target::CustomerGateway),
            Self::VpnConnection | Self::VpnAttachment => id.parse().ok().map(Target::VpnConnection),
            Self::VpnGateway => id.parse().ok().map(Target::VpnGateway),
            Self::Vpc => id.parse().ok().map(Target::Vpc),
            Self::VSwitch => id.parse().ok().map(Target::VSwitch),
        }
    }
}

impl<'de> Deserialize<'de> for ResourceType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let named = Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(&text));
        named.ok_or_else(|| {
            let words = Self::ALL.map(Self::as_str).join(", ");
            serde::de::Error::custom(format!("one of {words}"))
        })
    }
}

impl JsonSchema for ResourceType {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ResourceType".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::as_str) })
    }
}

/// The permission to do something to the tags of some resources, or of all when none or no kind is named.
pub fn permission(action: &'static str, kind: Option<ResourceType>, ids: &[String]) -> Permission {
    let targets: Vec<Target> =
        kind.into_iter().flat_map(|kind| ids.iter().filter_map(move |id| kind.target(id))).collect();
    if targets.is_empty() {
        Permission::on(action, Target::Anything)
    } else {
        Permission::on_all(action, targets)
    }
}

/// The resources of a region and their tags: those of one kind or of all, and those that are named or all.
///
/// # Errors
///
/// `InvalidResourceId` for too many ids.
pub fn tagged<'a>(
    state: &'a AccountState,
    region: &RegionId,
    kind: Option<ResourceType>,
    ids: &[String],
) -> Result<Vec<(&'a str, &'a Tags)>, ApiError> {
    if ids.len() > RESOURCE_IDS_MAX {
        return Err(ApiError::invalid("ResourceId", format!("at most {RESOURCE_IDS_MAX} ids")));
    }
    let named = |id: &str| ids.is_empty() || ids.iter().any(|named| named == id);
    let gateways = state
        .customer_gateways(region)
        .map(|gateway| (gateway.id.as_str(), &gateway.tags))
        .filter(|_| matches!(kind, None | Some(ResourceType::CustomerGateway)));
    let connections = state
        .vpn_connections(region)
        .map(|connection| (connection.id.as_str(), &connection.tags))
        .filter(|_| matches!(kind, None | Some(ResourceType::VpnConnection | ResourceType::VpnAttachment)));
    let vpn_gateways = state
        .vpn_gateways(region)
        .filter(|gateway| !gateway.is_deleted)
        .map(|gateway| (gateway.id.as_str(), &gateway.tags))
        .filter(|_| matches!(kind, None | Some(ResourceType::VpnGateway)));
    let vpcs = state
        .vpcs(region)
        .map(|vpc| (vpc.id.as_str(), &vpc.tags))
        .filter(|_| matches!(kind, None | Some(ResourceType::Vpc)));
    let v_switches = state
        .v_switches()
        .filter(|v_switch| v_switch.region == *region)
        .map(|v_switch| (v_switch.id.as_str(), &v_switch.tags))
        .filter(|_| matches!(kind, None | Some(ResourceType::VSwitch)));
    let networks = vpcs.chain(v_switches);
    Ok(gateways.chain(connections).chain(vpn_gateways).chain(networks).filter(|(id, _)| named(id)).collect())
}

/// Changes the tags of each resource; of none of them, when one does not exist or is refused.
///
/// # Errors
///
/// `MissingResourceId`, `InvalidResourceId`, `InvalidResourceId.NotFound`, and what `change` says.
pub fn change_tags(
    tx: &mut Tx<'_>,
    region: &RegionId,
    kind: ResourceType,
    ids: &[String],
    change: impl Fn(&mut Tags) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    if ids.is_empty() {
        return Err(ApiError::missing("ResourceId"));
    }
    if ids.len() > RESOURCE_IDS_MAX {
        return Err(ApiError::invalid("ResourceId", format!("at most {RESOURCE_IDS_MAX} ids")));
    }
    for id in ids {
        let not_found = || {
            ApiError::new(&catalogue::RESOURCE_NOT_FOUND)
                .detail(format!("There is no {} {id}.", kind.as_str()))
        };
        let unless_configured = |refusal: ApiError| match *refusal.kind == catalogue::VPC_CONFIGURED {
            true => refusal,
            false => not_found(),
        };
        match kind.target(id) {
            Some(Target::CustomerGateway(id)) => {
                let mut gateway = customer_gateway(tx, region, &id).ok_or_else(not_found)?;
                change(&mut gateway.tags)?;
                tx.put(gateway);
            }
            Some(Target::VpnConnection(id)) => {
                let mut connection = vpn_connection(tx, region, &id).ok_or_else(not_found)?;
                change(&mut connection.tags)?;
                tx.put(connection);
            }
            Some(Target::VpnGateway(id)) => {
                let mut gateway = tx.vpn_gateway(region, &id).map_err(|_| not_found())?.clone();
                change(&mut gateway.tags)?;
                tx.put(gateway);
            }
            Some(Target::Vpc(id)) => {
                let mut vpc = known_networks::stored_vpc(tx, Some(region), &id).map_err(unless_configured)?;
                change(&mut vpc.tags)?;
                tx.put(vpc);
            }
            Some(Target::VSwitch(id)) => {
                let mut v_switch =
                    known_networks::stored_v_switch(tx, Some(region), &id).map_err(unless_configured)?;
                change(&mut v_switch.tags)?;
                tx.put(v_switch);
            }
            Some(_) | None => return Err(not_found()),
        }
    }
    Ok(())
}

fn customer_gateway(tx: &Tx<'_>, region: &RegionId, id: &CustomerGatewayId) -> Option<CustomerGateway> {
    tx.find::<CustomerGateway>(id).filter(|gateway| gateway.region == *region).cloned()
}

fn vpn_connection(tx: &Tx<'_>, region: &RegionId, id: &VpnConnectionId) -> Option<VpnConnection> {
    tx.find::<VpnConnection>(id).filter(|connection| connection.region == *region).cloned()
}
