//! What somebody must be allowed to do who lists or reverts a change.

use std::collections::BTreeMap;

use crate::ids::{AccountId, RegionId};
use crate::permission::{Permission, Target};
use crate::ram_policy::PolicyType;
use crate::record::Record;
use crate::recorded_change::{Effect, RecordedChange, Touched, connection_of};
use crate::resource::vpn_route_entry::{RouteKind, VpnRouteId};

impl RecordedChange {
    /// What it touched, each once, with its region.
    pub fn targets(&self, account: &AccountId) -> Vec<(Option<RegionId>, Target)> {
        let targets = self.touched.iter().map(|touched| {
            let target = touched.target();
            (target.arn(account, touched.region.as_ref()), (touched.region.clone(), target))
        });
        targets.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// What its inverse does, as the operations that do it by hand: each permission once, with its region.
    pub fn inverse_permissions(&self, account: &AccountId) -> Vec<(Option<RegionId>, Permission)> {
        let mut needed = BTreeMap::new();
        for touched in &self.touched {
            for action in touched.inverse_actions() {
                let target = touched.target();
                let arn = target.arn(account, touched.region.as_ref());
                needed.insert((*action, arn), (touched.region.clone(), Permission::on(action, target)));
            }
        }
        needed.into_values().collect()
    }
}

impl Touched {
    fn target(&self) -> Target {
        match self.kind.as_str() {
            Record::CUSTOMER_GATEWAY => self.id.parse().map(Target::CustomerGateway).ok(),
            Record::VPN_CONNECTION => self.id.parse().map(Target::VpnConnection).ok(),
            Record::VCO_ROUTE_ENTRY => connection_of(&self.id).map(Target::VpnConnection),
            Record::VPN_ROUTE_ENTRY => {
                self.id.parse().map(|id: VpnRouteId| Target::VpnGateway(id.vpn_gateway)).ok()
            }
            Record::VPN_GATEWAY => self.id.parse().map(Target::VpnGateway).ok(),
            Record::VPC => self.id.parse().map(Target::Vpc).ok(),
            Record::V_SWITCH => self.id.parse().map(Target::VSwitch).ok(),
            Record::RAM_USER => Some(Target::RamUser(Some(self.id.clone()))),
            Record::RAM_ROLE => Some(Target::RamRole(self.id.clone())),
            Record::RAM_POLICY => Some(Target::RamPolicy(PolicyType::Custom, self.id.clone())),
            Record::ACCESS_KEY => Some(Target::RamUsers),
            _ => None,
        }
        .unwrap_or(Target::Anything)
    }

    fn inverse_actions(&self) -> &'static [&'static str] {
        match (self.kind.as_str(), self.effect()) {
            (Record::CUSTOMER_GATEWAY, Effect::Created) => &["vpc:DeleteCustomerGateway"],
            (Record::CUSTOMER_GATEWAY, Effect::Deleted) => &["vpc:CreateCustomerGateway"],
            (Record::CUSTOMER_GATEWAY, Effect::Modified) => &["vpc:ModifyCustomerGatewayAttribute"],
            // Which family of operations it is for is not in every change: both must be allowed.
            (Record::VPN_CONNECTION, Effect::Created) => {
                &["vpc:DeleteVpnAttachment", "vpc:DeleteVpnConnection"]
            }
            (Record::VPN_CONNECTION, Effect::Deleted) => {
                &["vpc:CreateVpnAttachment", "vpc:CreateVpnConnection"]
            }
            (Record::VPN_CONNECTION, Effect::Modified) => {
                &["vpc:ModifyVpnAttachmentAttribute", "vpc:ModifyVpnConnectionAttribute"]
            }
            (Record::VPN_GATEWAY, Effect::Created) => &["vpc:DeleteVpnGateway"],
            (Record::VPN_GATEWAY, Effect::Deleted) => &["vpc:CreateVpnGateway"],
            (Record::VPN_GATEWAY, Effect::Modified) => &["vpc:ModifyVpnGatewayAttribute"],
            (Record::VPC, Effect::Created) => &["vpc:DeleteVpc"],
            (Record::VPC, Effect::Deleted) => &["vpc:CreateVpc"],
            (Record::VPC, Effect::Modified) => &["vpc:ModifyVpcAttribute"],
            (Record::V_SWITCH, Effect::Created) => &["vpc:DeleteVSwitch"],
            (Record::V_SWITCH, Effect::Deleted) => &["vpc:CreateVSwitch"],
            (Record::V_SWITCH, Effect::Modified) => &["vpc:ModifyVSwitchAttribute"],
            (Record::VCO_ROUTE_ENTRY, Effect::Created) => &["vpc:DeleteVcoRouteEntry"],
            (Record::VCO_ROUTE_ENTRY, Effect::Deleted) => &["vpc:CreateVcoRouteEntry"],
            (Record::VCO_ROUTE_ENTRY, Effect::Modified) => &["vpc:ModifyVcoRouteEntryWeight"],
            (Record::VPN_ROUTE_ENTRY, effect) => {
                let kind = self.id.parse().map_or(RouteKind::Destination, |id: VpnRouteId| id.key.kind());
                match (kind, effect) {
                    (RouteKind::Destination, Effect::Created) => &["vpc:DeleteVpnRouteEntry"],
                    (RouteKind::Destination, Effect::Deleted) => &["vpc:CreateVpnRouteEntry"],
                    (RouteKind::Destination, Effect::Modified) => {
                        &["vpc:ModifyVpnRouteEntryWeight", "vpc:PublishVpnRouteEntry"]
                    }
                    (RouteKind::Policy, Effect::Created) => &["vpc:DeleteVpnPbrRouteEntry"],
                    (RouteKind::Policy, Effect::Deleted) => &["vpc:CreateVpnPbrRouteEntry"],
                    (RouteKind::Policy, Effect::Modified) => {
                        &["vpc:ModifyVpnPbrRouteEntryAttribute", "vpc:PublishVpnRouteEntry"]
                    }
                }
            }
            (Record::RAM_USER, Effect::Created) => &["ram:DeleteUser"],
            (Record::RAM_USER, Effect::Deleted) => &["ram:CreateUser", "ram:AttachPolicyToUser"],
            (Record::RAM_USER, Effect::Modified) => {
                if self.members.iter().any(|member| member.pointer.starts_with("/policies")) {
                    &["ram:AttachPolicyToUser", "ram:DetachPolicyFromUser"]
                } else {
                    &["ram:UpdateUser"]
                }
            }
            (Record::RAM_POLICY, Effect::Created) => &["ram:DeletePolicy"],
            (Record::RAM_POLICY, Effect::Deleted | Effect::Modified) => &["ram:CreatePolicy"],
            (Record::ACCESS_KEY, Effect::Created) => &["ram:DeleteAccessKey"],
            (Record::ACCESS_KEY, Effect::Deleted) => &["ram:CreateAccessKey"],
            (Record::ACCESS_KEY, Effect::Modified) => &["ram:UpdateAccessKey"],
            // Whatever else there may be is for the account itself, or for somebody who may do everything.
            _ => &["causeway:RevertAnything"],
        }
    }
}
