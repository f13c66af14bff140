//! What the operations on VPCs and vSwitches have in common: which ones there are, in the configuration and in the
//! account.

use ipnet::Ipv4Net;

use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{RegionId, VSwitchId, VpcId};
use crate::operations::describe_zones::zone_id;
use crate::resource::vpc::{VPCS_MAX, VSwitch, Vpc};
use crate::settings::ConfiguredVpc;
use crate::tx::Tx;

/// What no network of a VPC may have a part of.
const RESERVED: [&str; 4] = ["100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"];

/// The VPCs of a region: those of the configuration, and then the account's own, the oldest first.
pub fn vpcs(tx: &Tx<'_>, region: &RegionId) -> Vec<Vpc> {
    let configured = tx.settings().vpcs.iter().filter(|vpc| vpc.region == *region).map(Vpc::from);
    let own = tx.state().vpcs(region).filter(|vpc| configured_vpc(tx, &vpc.id).is_none()).cloned();
    configured.chain(own).collect()
}

/// A VPC of a region, or of any region.
pub fn vpc(tx: &Tx<'_>, region: Option<&RegionId>, id: &VpcId) -> Option<Vpc> {
    let known = configured_vpc(tx, id).map(Vpc::from).or_else(|| tx.find::<Vpc>(id).cloned());
    known.filter(|vpc| region.is_none_or(|region| *region == vpc.region))
}

/// The vSwitches of a VPC: those of the configuration, and then the account's own, the oldest first.
pub fn v_switches_of(tx: &Tx<'_>, vpc: &VpcId) -> Vec<VSwitch> {
    let configured = configured_vpc(tx, vpc).into_iter().flat_map(of_configured);
    configured.chain(tx.state().v_switches_of(vpc).cloned()).collect()
}

/// The vSwitches of a region, or of all regions.
pub fn v_switches(tx: &Tx<'_>, region: Option<&RegionId>) -> Vec<VSwitch> {
    let configured = tx.settings().vpcs.iter().flat_map(of_configured);
    let all = configured.chain(tx.state().v_switches().cloned());
    all.filter(|v_switch| region.is_none_or(|region| *region == v_switch.region)).collect()
}

/// A vSwitch of a region, or of any region.
pub fn v_switch(tx: &Tx<'_>, region: Option<&RegionId>, id: &VSwitchId) -> Option<VSwitch> {
    let configured = tx.settings().vpcs.iter().flat_map(of_configured).find(|v_switch| v_switch.id == *id);
    let known = configured.or_else(|| tx.find::<VSwitch>(id).cloned());
    known.filter(|v_switch| region.is_none_or(|region| *region == v_switch.region))
}

/// A VPC that can be changed.
///
/// # Errors
///
/// `InvalidVpcID.NotFound`, and `OperationUnsupported.ConfiguredVpc` for one of the configuration.
pub fn stored_vpc(tx: &Tx<'_>, region: Option<&RegionId>, id: &VpcId) -> Result<Vpc, ApiError> {
    let known = vpc(tx, region, id).ok_or(ApiError::new(&catalogue::VPC_NOT_FOUND))?;
    if configured_vpc(tx, id).is_some() { Err(ApiError::new(&catalogue::VPC_CONFIGURED)) } else { Ok(known) }
}

/// A vSwitch that can be changed.
///
/// # Errors
///
/// `InvalidVSwitchId.NotFound`, and `OperationUnsupported.ConfiguredVpc` for one of the configuration.
pub fn stored_v_switch(tx: &Tx<'_>, region: Option<&RegionId>, id: &VSwitchId) -> Result<VSwitch, ApiError> {
    let known = v_switch(tx, region, id).ok_or(ApiError::new(&catalogue::V_SWITCH_NOT_FOUND))?;
    let mut configured = tx.settings().vpcs.iter().flat_map(|vpc| &vpc.v_switches);
    if configured.any(|v_switch| v_switch.id == *id) {
        return Err(ApiError::new(&catalogue::VPC_CONFIGURED));
    }
    Ok(known)
}

/// Makes a VPC that a VPN gateway is to be in, if nobody knows it.
///
/// # Errors
///
/// `Resource.QuotaFull`; `InvalidVpcId` for a VPC of another region.
pub fn ensure_vpc(tx: &mut Tx<'_>, region: &RegionId, id: &VpcId) -> Result<(), ApiError> {
    match vpc(tx, None, id) {
        Some(known) if known.region == *region => Ok(()),
        Some(known) => {
            let expected = format!("a VPC of {region}: {id} is in {}", known.region);
            Err(ApiError::invalid("VpcId", expected))
        }
        None => {
            must_have_room(tx)?;
            let vpc = Vpc::on_demand(id.clone(), region.clone(), tx.now_ms());
            tx.put(vpc);
            Ok(())
        }
    }
}

/// Refuses more VPCs than an account can have.
///
/// # Errors
///
/// `Resource.QuotaFull`.
pub fn must_have_room(tx: &Tx<'_>) -> Result<(), ApiError> {
    if tx.state().vpc_count() >= VPCS_MAX { Err(ApiError::new(&catalogue::QUOTA_FULL)) } else { Ok(()) }
}

/// Refuses to delete a VPC, or a vSwitch of it, that a VPN gateway is in, also one that is `deleting`.
///
/// # Errors
///
/// `DependencyViolation.Instance`.
pub fn must_be_unused(tx: &Tx<'_>, vpc: &Vpc, v_switch: Option<&VSwitchId>) -> Result<(), ApiError> {
    let mut gateways = tx.state().vpn_gateways(&vpc.region).filter(|gateway| gateway.vpc_id == vpc.id);
    let user = gateways.find(|gateway| {
        let named = [&gateway.v_switch_id, &gateway.disaster_recovery_v_switch_id];
        let is_in = v_switch.is_none_or(|id| named.into_iter().flatten().any(|named| named == id));
        is_in && tx.vpn_gateway_status(gateway).is_some()
    });
    match user {
        Some(gateway) => {
            let detail = format!("The VPN gateway {} is in it.", gateway.id);
            Err(ApiError::new(&catalogue::NETWORK_IN_USE).detail(detail))
        }
        None => Ok(()),
    }
}

/// Refuses a network that a VPC or a vSwitch cannot have.
///
/// # Errors
///
/// `InvalidCidrBlock`.
pub fn check_block(block: Ipv4Net, lengths: std::ops::RangeInclusive<u8>) -> Result<(), ApiError> {
    let (shortest, longest) = (lengths.start(), lengths.end());
    if !lengths.contains(&block.prefix_len()) {
        return Err(ApiError::invalid("CidrBlock", format!("a prefix length from {shortest} to {longest}")));
    }
    let reserved = RESERVED.into_iter().filter_map(|text| text.parse::<Ipv4Net>().ok());
    match reserved.into_iter().find(|reserved| overlap(*reserved, block)) {
        Some(reserved) => {
            Err(ApiError::invalid("CidrBlock", format!("a block that is no part of {reserved}")))
        }
        None => Ok(()),
    }
}

/// Whether two networks have an address in common.
pub fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

fn configured_vpc<'a>(tx: &Tx<'a>, id: &VpcId) -> Option<&'a ConfiguredVpc> {
    tx.settings().vpcs.iter().find(|vpc| vpc.id == *id)
}

fn of_configured(vpc: &ConfiguredVpc) -> impl Iterator<Item = VSwitch> {
    vpc.v_switches.iter().map(|v_switch| VSwitch::configured(vpc, v_switch, zone_id(&vpc.region)))
}
