//! The VPCs of the configuration: what of them cannot be.

use std::collections::BTreeSet;

use causeway_control::settings::{ConfiguredVSwitch, ConfiguredVpc};

/// How long the name of an interface can be in Linux.
const INTERFACE_CHARS_MAX: usize = 15;

/// Says what is wrong, and with which VPC.
pub fn check(vpcs: &[ConfiguredVpc], regions: &[String]) -> Result<(), String> {
    let (mut ids, mut interfaces) = (BTreeSet::new(), BTreeSet::new());
    for vpc in vpcs {
        check_one(vpc, regions).map_err(|reason| format!("{}: {reason}", vpc.id))?;
        if !ids.insert(&vpc.id) {
            return Err(format!("{} is there twice", vpc.id));
        }
        if let Some(interface) = &vpc.interface
            && !interfaces.insert(interface)
        {
            return Err(format!("two VPCs have the interface {interface}; each needs its own"));
        }
        for switch in &vpc.v_switches {
            check_v_switch(vpc, switch)?;
        }
    }
    Ok(())
}

fn check_one(vpc: &ConfiguredVpc, regions: &[String]) -> Result<(), String> {
    if !regions.iter().any(|region| region == vpc.region.as_str()) {
        return Err(format!("the region {} is not among api.regions", vpc.region));
    }
    if vpc.cidr_blocks.is_empty() {
        return Err("cidr_blocks needs at least one block, for example [\"10.0.0.0/16\"]".to_owned());
    }
    if let Some(block) = vpc.cidr_blocks.iter().find(|block| **block != block.trunc()) {
        return Err(format!("{block} has host bits; write {}", block.trunc()));
    }
    let named_well = |name: &str| {
        (1..=INTERFACE_CHARS_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
    };
    match &vpc.interface {
        Some(name) if !named_well(name) => Err(format!("{name:?} cannot be the name of an interface")),
        Some(_) | None => Ok(()),
    }
}

fn check_v_switch(vpc: &ConfiguredVpc, switch: &ConfiguredVSwitch) -> Result<(), String> {
    let block = switch.cidr_block;
    let is_inside = vpc.cidr_blocks.iter().any(|network| network.contains(&block));
    match block == block.trunc() && is_inside {
        true => Ok(()),
        false => Err(format!("the block {block} of {} is no part of {}", switch.id, vpc.id)),
    }
}
