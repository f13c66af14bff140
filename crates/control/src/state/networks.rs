//! The VPCs and vSwitches of an account, beside those of the configuration.

use crate::ids::{RegionId, VSwitchId, VpcId};
use crate::resource::vpc::{VSwitch, Vpc};
use crate::state::AccountState;

impl AccountState {
    /// A VPC.
    pub fn vpc(&self, id: &VpcId) -> Option<&Vpc> {
        self.vpcs.get(id)
    }

    /// The VPCs of a region, the oldest first.
    pub fn vpcs(&self, region: &RegionId) -> impl Iterator<Item = &Vpc> {
        self.vpcs.iter_of(region)
    }

    /// How many VPCs there are in all regions.
    pub fn vpc_count(&self) -> usize {
        self.vpcs.len()
    }

    /// A vSwitch.
    pub fn v_switch(&self, id: &VSwitchId) -> Option<&VSwitch> {
        self.v_switches.get(id)
    }

    /// The vSwitches of a VPC, the oldest first.
    pub fn v_switches_of(&self, vpc: &VpcId) -> impl Iterator<Item = &VSwitch> {
        self.v_switches.iter_of(vpc)
    }

    /// The vSwitches of all VPCs, by id.
    pub fn v_switches(&self) -> impl Iterator<Item = &VSwitch> {
        self.v_switches.iter()
    }

    /// How many vSwitches there are in all VPCs.
    pub fn v_switch_count(&self) -> usize {
        self.v_switches.len()
    }

    pub(super) fn put_vpc(&mut self, vpc: Vpc) {
        let (region, id) = (vpc.region.clone(), vpc.id.clone());
        self.vpcs.put(region, id, vpc.created_ms, vpc);
    }

    pub(super) fn put_v_switch(&mut self, v_switch: VSwitch) {
        let (vpc, id) = (v_switch.vpc_id.clone(), v_switch.id.clone());
        self.v_switches.put(vpc, id, v_switch.created_ms, v_switch);
    }
}
