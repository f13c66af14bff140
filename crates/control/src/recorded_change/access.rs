//! What somebody must be allowed to do who lists or reverts a change.

use std::collections::BTreeMap;

use crate::ids::{AccountId, RegionId};
use crate::permission::{Permission, Target};
use crate::ram_policy::{Attached, AttachedPolicies, PolicyType};
use crate::ram_user::RamUser;
use crate::record::Record;
use crate::recorded_change::{Effect, Json, Member, RecordedChange, Touched, connection_of};
use crate::resource::transit_router::TransitRouterVpnAttachment;
use crate::resource::vpn_route_entry::{RouteKind, VpnRouteId};
use crate::state::AccountState;

/// For whatever no operation does by hand: it is for the account itself, or for somebody who may do everything.
const ANYTHING: &str = "causeway:RevertAnything";

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
    pub fn inverse_permissions(&self, state: &AccountState) -> Vec<(Option<RegionId>, Permission)> {
        let mut needed = BTreeMap::new();
        for touched in &self.touched {
            for (action, target) in touched.inverse(state) {
                let arn = target.arn(state.account_id(), touched.region.as_ref());
                needed.insert((action, arn), (touched.region.clone(), Permission::on(action, target)));
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

    /// What its inverse does, and to what.
    fn inverse(&self, state: &AccountState) -> Vec<(&'static str, Target)> {
        let on_it = |actions: &[&'static str]| -> Vec<_> {
            actions.iter().map(|action| (*action, self.target())).collect()
        };
        match self.effect() {
            Effect::Created => on_it(self.deleting()),
            Effect::Deleted => {
                let whole = self.members.first().and_then(|whole| whole.before.as_ref());
                [on_it(self.creating()), whole.map(|whole| self.binding(whole)).unwrap_or_default()].concat()
            }
            Effect::Modified => {
                self.members.iter().flat_map(|member| self.modifying(member, state)).collect()
            }
        }
    }

    fn deleting(&self) -> &'static [&'static str] {
        match self.kind.as_str() {
            Record::CUSTOMER_GATEWAY => &["vpc:DeleteCustomerGateway"],
            // Which family of operations it is for is not in every change: both must be allowed.
            Record::VPN_CONNECTION => &["vpc:DeleteVpnAttachment", "vpc:DeleteVpnConnection"],
            Record::VPN_GATEWAY => &["vpc:DeleteVpnGateway"],
            Record::VPC => &["vpc:DeleteVpc"],
            Record::V_SWITCH => &["vpc:DeleteVSwitch"],
            Record::VCO_ROUTE_ENTRY => &["vpc:DeleteVcoRouteEntry"],
            Record::VPN_ROUTE_ENTRY => match self.route_kind() {
                RouteKind::Destination => &["vpc:DeleteVpnRouteEntry"],
                RouteKind::Policy => &["vpc:DeleteVpnPbrRouteEntry"],
            },
            Record::RAM_USER => &["ram:DeleteUser"],
            Record::RAM_POLICY => &["ram:DeletePolicy"],
            Record::ACCESS_KEY => &["ram:DeleteAccessKey"],
            _ => &[ANYTHING],
        }
    }

    fn creating(&self) -> &'static [&'static str] {
        match self.kind.as_str() {
            Record::CUSTOMER_GATEWAY => &["vpc:CreateCustomerGateway"],
            Record::VPN_CONNECTION => &["vpc:CreateVpnAttachment", "vpc:CreateVpnConnection"],
            Record::VPN_GATEWAY => &["vpc:CreateVpnGateway"],
            Record::VPC => &["vpc:CreateVpc"],
            Record::V_SWITCH => &["vpc:CreateVSwitch"],
            Record::VCO_ROUTE_ENTRY => &["vpc:CreateVcoRouteEntry"],
            Record::VPN_ROUTE_ENTRY => match self.route_kind() {
                RouteKind::Destination => &["vpc:CreateVpnRouteEntry"],
                RouteKind::Policy => &["vpc:CreateVpnPbrRouteEntry"],
            },
            Record::RAM_USER => &["ram:CreateUser"],
            Record::RAM_POLICY => &["ram:CreatePolicy"],
            Record::ACCESS_KEY => &["ram:CreateAccessKey"],
            _ => &[ANYTHING],
        }
    }

    /// What else comes back with the record that is made again: policies that are attached to a user, and what a connection was
    /// attached to by somebody.
    fn binding(&self, whole: &Json) -> Vec<(&'static str, Target)> {
        match self.kind.as_str() {
            Record::RAM_USER => match serde_json::from_value::<RamUser>(whole.value()) {
                Ok(user) => self.attaching("ram:AttachPolicyToUser", &user.policies),
                Err(_of_another_version) => vec![(ANYTHING, Target::Anything)],
            },
            Record::VPN_CONNECTION => {
                let value = whole.value();
                let attachment = value.get("attachment").cloned().unwrap_or_default();
                match serde_json::from_value::<Option<TransitRouterVpnAttachment>>(attachment) {
                    Ok(Some(attachment)) if attachment.explicit => {
                        vec![("cen:CreateTransitRouterVpnAttachment", Target::TransitRouterAttachments)]
                    }
                    // It is the way in which every such connection begins.
                    Ok(Some(_) | None) => Vec::new(),
                    Err(_of_another_version) => vec![(ANYTHING, Target::Anything)],
                }
            }
            _ => Vec::new(),
        }
    }

    /// What brings one member back to what it was.
    fn modifying(&self, member: &Member, state: &AccountState) -> Vec<(&'static str, Target)> {
        let on_it = |actions: &[&'static str]| -> Vec<_> {
            actions.iter().map(|action| (*action, self.target())).collect()
        };
        let mut place = member.pointer.split('/').skip(1);
        match (self.kind.as_str(), place.next().unwrap_or_default()) {
            (Record::RAM_USER | Record::RAM_POLICY, "tags") => {
                on_it(&["ram:TagResources", "ram:UntagResources"])
            }
            (_, "tags") => on_it(&["vpc:TagResources", "vpc:UnTagResources"]),
            (Record::RAM_USER, "policies") => self.attaching_and_detaching(member),
            (Record::RAM_USER, _) => on_it(&["ram:UpdateUser"]),
            (Record::RAM_POLICY, "default_version") => on_it(&["ram:SetDefaultPolicyVersion"]),
            (Record::RAM_POLICY, _) => on_it(&["ram:CreatePolicyVersion", "ram:DeletePolicyVersion"]),
            (Record::ACCESS_KEY, _) => on_it(&["ram:UpdateAccessKey"]),
            (Record::CUSTOMER_GATEWAY, _) => on_it(&["vpc:ModifyCustomerGatewayAttribute"]),
            (Record::VPN_CONNECTION, "attachment") => self.attachment(member, place.next(), state),
            (Record::VPN_CONNECTION, _) => {
                on_it(&["vpc:ModifyVpnAttachmentAttribute", "vpc:ModifyVpnConnectionAttribute"])
            }
            (Record::VPN_GATEWAY, _) => on_it(&["vpc:ModifyVpnGatewayAttribute"]),
            (Record::VPC, _) => on_it(&["vpc:ModifyVpcAttribute"]),
            (Record::V_SWITCH, _) => on_it(&["vpc:ModifyVSwitchAttribute"]),
            (Record::VCO_ROUTE_ENTRY, _) => on_it(&["vpc:ModifyVcoRouteEntryWeight"]),
            (Record::VPN_ROUTE_ENTRY, _) => match self.route_kind() {
                RouteKind::Destination => {
                    on_it(&["vpc:ModifyVpnRouteEntryWeight", "vpc:PublishVpnRouteEntry"])
                }
                RouteKind::Policy => {
                    on_it(&["vpc:ModifyVpnPbrRouteEntryAttribute", "vpc:PublishVpnRouteEntry"])
                }
            },
            _ => on_it(&[ANYTHING]),
        }
    }

    /// A policy that was attached is detached, and the other way round: who may do one to the user may not do it with every
    /// policy.
    fn attaching_and_detaching(&self, member: &Member) -> Vec<(&'static str, Target)> {
        let policies = |json: &Option<Json>| -> Option<AttachedPolicies> {
            let Some(value) = json.as_ref().map(Json::value) else { return Some(AttachedPolicies::new()) };
            match member.pointer.strip_prefix("/policies/") {
                None => serde_json::from_value(value).ok(),
                Some(name) => {
                    let attached: Attached = serde_json::from_value(value).ok()?;
                    Some(AttachedPolicies::from([(name.to_owned(), attached)]))
                }
            }
        };
        match (policies(&member.before), policies(&member.after)) {
            (Some(before), Some(after)) => {
                let attaching = self.attaching("ram:AttachPolicyToUser", &before);
                [attaching, self.attaching("ram:DetachPolicyFromUser", &after)].concat()
            }
            _ => vec![(ANYTHING, Target::Anything)],
        }
    }

    fn attaching(&self, action: &'static str, policies: &AttachedPolicies) -> Vec<(&'static str, Target)> {
        let policy = |(name, attached): (&String, &Attached)| {
            (action, Target::RamPolicy(attached.policy_type, name.clone()))
        };
        let on_user = (!policies.is_empty()).then(|| (action, self.target()));
        policies.iter().map(policy).chain(on_user).collect()
    }

    /// A connection is attached again, is so no longer, or its attachment is as it was.
    fn attachment(
        &self,
        member: &Member,
        place: Option<&str>,
        state: &AccountState,
    ) -> Vec<(&'static str, Target)> {
        let kept = |json: &Option<Json>| json.as_ref()?.value().get("id")?.as_str()?.parse().ok();
        let now =
            || state.vpn_connection(&self.id.parse().ok()?)?.attachment.as_ref().map(|it| it.id.clone());
        let id = kept(&member.before).or_else(|| kept(&member.after)).or_else(now);
        let one = id.map_or(Target::TransitRouterAttachments, Target::TransitRouterAttachment);
        match place {
            Some("tags") => vec![("cen:TagResources", one.clone()), ("cen:UntagResources", one)],
            Some("name" | "description" | "auto_publish_route_enabled") => {
                vec![("cen:UpdateTransitRouterVpnAttachmentAttribute", one)]
            }
            _ => vec![
                ("cen:CreateTransitRouterVpnAttachment", Target::TransitRouterAttachments),
                ("cen:DeleteTransitRouterVpnAttachment", one),
            ],
        }
    }

    fn route_kind(&self) -> RouteKind {
        self.id.parse().map_or(RouteKind::Destination, |id: VpnRouteId| id.key.kind())
    }
}
