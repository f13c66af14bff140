//! What a call needs to be allowed, and whether it is.

use std::collections::BTreeMap;

use crate::access::{AccessRequest, Decision, Policy, evaluate};
use crate::account::Caller;
use crate::catalogue;
use crate::context::CallContext;
use crate::error::ApiError;
use crate::ids::{
    AccountId, CenId, CustomerGatewayId, RegionId, RequestId, TransitRouterAttachmentId, TransitRouterId,
    VpnConnectionId, VpnGatewayId,
};
use crate::ram_policy::{self, PolicyType};
use crate::resource::tag::Tags;
use crate::state::AccountState;

/// An action, and what it is done to. All of it must be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The action, such as `vpc:DeleteVcoRouteEntry`; `None` when everybody may.
    pub action: Option<&'static str>,
    /// The resources.
    pub targets: Vec<Target>,
}

impl Permission {
    /// An action on one resource.
    pub fn on(action: &'static str, target: Target) -> Self {
        Self { action: Some(action), targets: vec![target] }
    }

    /// An action on several resources.
    pub fn on_all(action: &'static str, targets: Vec<Target>) -> Self {
        Self { action: Some(action), targets }
    }

    /// The same, with the RAM user who calls where no other is named.
    fn of_ram_user(mut self, caller: &str) -> Self {
        for target in &mut self.targets {
            if let Target::RamUser(name) = target {
                name.get_or_insert_with(|| caller.to_owned());
            }
        }
        self
    }

    /// What everybody may do who can sign.
    pub fn not_needed() -> Self {
        Self { action: None, targets: Vec::new() }
    }
}

/// What something is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The customer gateways of the region, or one that does not exist yet.
    CustomerGateways,
    /// One of them.
    CustomerGateway(CustomerGatewayId),
    /// The VPN gateways of the region, or one that does not exist yet.
    VpnGateways,
    /// One of them.
    VpnGateway(VpnGatewayId),
    /// The IPsec-VPN connections of the region, or one that does not exist yet.
    VpnConnections,
    /// One of them.
    VpnConnection(VpnConnectionId),
    /// The Cloud Enterprise Network instances, or one that does not exist yet.
    Cens,
    /// One of them.
    Cen(CenId),
    /// The transit routers, or one that does not exist yet.
    TransitRouters,
    /// One of them.
    TransitRouter(TransitRouterId),
    /// The VPN attachments of transit routers, or one that does not exist yet.
    TransitRouterAttachments,
    /// One of them.
    TransitRouterAttachment(TransitRouterAttachmentId),
    /// The RAM users, or one that does not exist yet.
    RamUsers,
    /// One of them, by name; `None` is the one who calls.
    RamUser(Option<String>),
    /// The RAM policies that the account made, or one that does not exist yet.
    RamPolicies,
    /// A RAM policy, by type and name.
    RamPolicy(PolicyType, String),
    /// Whatever a request changed, each in its own region.
    RecordedChange(RequestId),
    /// Anything of the product in the region.
    Anything,
}

impl Target {
    /// The name of the resource in policies.
    pub fn arn(&self, account: &AccountId, region: Option<&RegionId>) -> String {
        let ram = |account: &str, rest: &str, name: &str| format!("acs:ram:*:{account}:{rest}{name}");
        let vpc = |rest: &str, id: &str| {
            let region = region.map_or("*", RegionId::as_str);
            format!("acs:vpc:{region}:{account}:{rest}{id}")
        };
        let cen = |kind: &str, id: &str| format!("acs:cen:*:{account}:{kind}/{id}");
        match self {
            Self::CustomerGateways => vpc("customergateway/", "*"),
            Self::CustomerGateway(id) => vpc("customergateway/", id.as_str()),
            Self::VpnGateways => vpc("vpngateway/", "*"),
            Self::VpnGateway(id) => vpc("vpngateway/", id.as_str()),
            Self::VpnConnections => vpc("vpnconnection/", "*"),
            Self::VpnConnection(id) => vpc("vpnconnection/", id.as_str()),
            Self::Cens => cen("ceninstance", "*"),
            Self::Cen(id) => cen("ceninstance", id.as_str()),
            Self::TransitRouters => cen("centransitrouter", "*"),
            Self::TransitRouter(id) => cen("centransitrouter", id.as_str()),
            Self::TransitRouterAttachments => cen("centransitrouterattachment", "*"),
            Self::TransitRouterAttachment(id) => cen("centransitrouterattachment", id.as_str()),
            Self::RamUsers | Self::RamUser(None) => ram(account.as_str(), "user/", "*"),
            Self::RamUser(Some(name)) => ram(account.as_str(), "user/", name),
            Self::RamPolicies => ram(account.as_str(), "policy/", "*"),
            Self::RamPolicy(PolicyType::Custom, name) => ram(account.as_str(), "policy/", name),
            Self::RamPolicy(PolicyType::System, name) => ram("system", "policy/", name),
            // One that is not known is nothing that somebody could be allowed in particular.
            Self::RecordedChange(_) | Self::Anything => vpc("*", ""),
        }
    }

    fn tags<'a>(&self, state: &'a AccountState) -> Option<&'a Tags> {
        match self {
            Self::CustomerGateway(id) => state.customer_gateway(id).map(|gateway| &gateway.tags),
            Self::VpnGateway(id) => state.vpn_gateway(id).map(|gateway| &gateway.tags),
            Self::VpnConnection(id) => state.vpn_connection(id).map(|connection| &connection.tags),
            Self::Cen(id) => state.cen(id).map(|cen| &cen.tags),
            Self::TransitRouter(id) => state.transit_router(id).map(|router| &router.tags),
            Self::TransitRouterAttachment(id) => {
                state.attached_by(id)?.attachment.as_ref().map(|attachment| &attachment.tags)
            }
            Self::RamPolicy(PolicyType::Custom, name) => state.ram_policy(name).map(|policy| &policy.tags),
            Self::CustomerGateways
            | Self::VpnGateways
            | Self::VpnConnections
            | Self::Cens
            | Self::TransitRouters
            | Self::TransitRouterAttachments
            | Self::RamUsers
            | Self::RamUser(_)
            | Self::RamPolicies
            | Self::RamPolicy(PolicyType::System, _)
            | Self::RecordedChange(_)
            | Self::Anything => None,
        }
    }
}

/// The proof that a call is allowed. Without one there is no transaction to write in.
#[derive(Debug)]
pub struct Permit(());

/// Decides whether the caller may.
///
/// # Errors
///
/// `Forbbiden.SubUser` for a RAM user, `Forbidden` for a role session.
pub fn permit(
    state: &AccountState,
    context: &CallContext<'_>,
    region: Option<&RegionId>,
    permission: &Permission,
) -> Result<Permit, ApiError> {
    let Some(action) = permission.action else { return Ok(Permit(())) };
    if let [Target::RecordedChange(id)] = permission.targets.as_slice()
        && let Some(change) = state.recorded_change(id)
    {
        for (region, target) in change.targets(state.account_id()) {
            permit(state, context, region.as_ref(), &Permission::on(action, target))?;
        }
        return Ok(Permit(()));
    }
    let name = match &context.caller {
        Caller::Root => return Ok(Permit(())),
        Caller::RoleSession { .. } => {
            let needed = denied(action, permission, state, region, None);
            return Err(ApiError { access_denied: Some(needed), ..ApiError::new(&catalogue::FORBIDDEN) });
        }
        Caller::RamUser { name } => name,
    };
    let permission = &permission.clone().of_ram_user(name);
    let policies = policies_of(state, name);
    for target in &permission.targets {
        let resource = target.arn(state.account_id(), region);
        let none = Tags::new();
        let decision = evaluate(
            &policies,
            &AccessRequest {
                action,
                resource: &resource,
                source_ip: context.source_ip,
                secure_transport: context.secure_transport,
                now_ms: context.now_ms,
                resource_tags: target.tags(state).unwrap_or(&none),
            },
        );
        if !decision.is_allowed() {
            let needed = denied(action, permission, state, region, Some((name, decision)));
            let refusal = ApiError::new(&catalogue::FORBIDDEN_SUB_USER)
                .detail(format!("The RAM user {name} needs the action {action} on the resource {resource}."));
            return Err(ApiError { access_denied: Some(needed), ..refusal });
        }
    }
    Ok(Permit(()))
}

/// The policies of a RAM user, as they are now. One that is not there or cannot be parsed (it was checked when
/// it was made) leaves the user without any: it might be the one that denies.
fn policies_of(state: &AccountState, name: &str) -> Vec<Policy> {
    let Some(user) = state.ram_user(name) else { return Vec::new() };
    let policies = user.policies.iter().map(|(name, attached)| {
        let policy = ram_policy::find(state, attached.policy_type, name)?;
        Policy::parse(policy.document).ok()
    });
    policies.collect::<Option<_>>().unwrap_or_default()
}

/// What the answer tells about a permission that is missing.
fn denied(
    action: &str,
    permission: &Permission,
    state: &AccountState,
    region: Option<&RegionId>,
    ram_user: Option<(&str, Decision)>,
) -> BTreeMap<String, String> {
    let arns: Vec<String> =
        permission.targets.iter().map(|target| target.arn(state.account_id(), region)).collect();
    let (kind, who, why) = match ram_user {
        Some((name, Decision::ExplicitDeny { .. })) => ("SubUser", name, "ExplicitDeny"),
        Some((name, _)) => ("SubUser", name, "ImplicitDeny"),
        None => ("AssumedRoleUser", "", "ImplicitDeny"),
    };
    let members = [
        ("AuthAction", action),
        ("AuthPrincipalDisplayName", who),
        ("AuthPrincipalOwnerId", state.account_id().as_str()),
        ("AuthPrincipalType", kind),
        ("NoPermissionType", why),
        ("PolicyType", "AccountLevelIdentityBasedPolicy"),
        ("AuthResource", &arns.join(",")),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
