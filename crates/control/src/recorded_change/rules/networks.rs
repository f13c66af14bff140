//! The rules about VPCs and vSwitches.

use super::refuse;
use crate::catalogue;
use crate::error::ApiError;
use crate::ids::{VSwitchId, VpcId};
use crate::operations::known_networks::{self, overlap};
use crate::recorded_change::{Effect, Touched};
use crate::resource::vpc::{V_SWITCHES_MAX, VPCS_MAX, VSwitch, Vpc};
use crate::resource::vpn_gateway::VpnGateway;
use crate::tx::Tx;

/// A VPC that goes is used by nothing; one that stays has its vSwitches inside.
pub(super) fn vpc(touched: &Touched, tx: &Tx<'_>) -> Result<(), ApiError> {
    let Ok(id) = touched.id.parse::<VpcId>() else { return Ok(()) };
    let mut v_switches = tx.state().v_switches_of(&id).filter_map(|it| tx.find::<VSwitch>(&it.id));
    let Some(vpc) = tx.find::<Vpc>(&id) else {
        refuse(v_switches.next().is_none(), &catalogue::VPC_HAS_V_SWITCHES)?;
        return refuse(!gateways(tx).any(|gateway| gateway.vpc_id == id), &catalogue::NETWORK_IN_USE);
    };
    let inside = |v_switch: &VSwitch| vpc.cidr_blocks.iter().any(|it| it.contains(&v_switch.cidr_block));
    refuse(vpc.cidr_blocks.is_empty() || v_switches.all(inside), &catalogue::VPC_HAS_V_SWITCHES)?;
    refuse(touched.effect() != Effect::Deleted || tx.state().vpc_count() < VPCS_MAX, &catalogue::QUOTA_FULL)
}

/// A vSwitch that goes is used by no VPN gateway; one that comes back has its VPC, and its network to itself.
pub(super) fn v_switch(touched: &Touched, tx: &Tx<'_>) -> Result<(), ApiError> {
    let Ok(id) = touched.id.parse::<VSwitchId>() else { return Ok(()) };
    let Some(v_switch) = tx.find::<VSwitch>(&id) else {
        let is_in = |gateway: &VpnGateway| {
            [&gateway.v_switch_id, &gateway.disaster_recovery_v_switch_id].contains(&&Some(id.clone()))
        };
        return refuse(!gateways(tx).any(is_in), &catalogue::NETWORK_IN_USE);
    };
    let vpc = known_networks::vpc(tx, None, &v_switch.vpc_id);
    refuse(vpc.is_some(), &catalogue::VPC_NOT_FOUND)?;
    let others = known_networks::v_switches_of(tx, &v_switch.vpc_id).into_iter().filter(|it| it.id != id);
    let is_alone = others.map(|it| it.cidr_block).all(|block| !overlap(block, v_switch.cidr_block));
    refuse(is_alone, &catalogue::CIDR_BLOCK_OVERLAPPED)?;
    let count = tx.state().v_switch_count();
    refuse(touched.effect() != Effect::Deleted || count < V_SWITCHES_MAX, &catalogue::QUOTA_FULL)
}

/// The VPN gateways as they are afterwards, also those that are `deleting`.
fn gateways<'t>(tx: &'t Tx<'_>) -> impl Iterator<Item = &'t VpnGateway> {
    let after = tx.state().all_vpn_gateways().filter_map(|gateway| tx.find::<VpnGateway>(&gateway.id));
    after.filter(|gateway| tx.vpn_gateway_status(gateway).is_some())
}
