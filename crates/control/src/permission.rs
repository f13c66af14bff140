//! What a call needs to be allowed, and whether it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use causeway_wire::Params;
use serde::Deserialize;

use crate::access::{AccessRequest, Decision, Policy, evaluate};
use crate::account::Caller;
use crate::catalogue;
use crate::context::CallContext;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{
    AccountId, CenId, CustomerGatewayId, RegionId, RequestId, TransitRouterAttachmentId, TransitRouterId,
    VSwitchId, VpcId, VpnConnectionId, VpnGatewayId,
};
use crate::operation::{self, Entry};
use crate::ram_policy::{self, AttachedPolicies, PolicyType};
use crate::ram_role::RoleArn;
use crate::resource::tag::{TagFilter, Tags};
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
    /// The VPCs of the region, or one that does not exist yet.
    Vpcs,
    /// One of them.
    Vpc(VpcId),
    /// The vSwitches of the region, or one that does not exist yet.
    VSwitches,
    /// One of them.
    VSwitch(VSwitchId),
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
    /// The RAM roles, or one that does not exist yet.
    RamRoles,
    /// One of them, by name.
    RamRole(String),
    /// A RAM role of any account, as somebody who wants to assume it names it.
    AnyRamRole(RoleArn),
    /// Whatever a request changed, each in its own region.
    RecordedChange(RequestId),
    /// Anything of the product in the region.
    Anything,
}

/// The parts of a resource's name in policies that depend on what it is.
struct Named<'a> {
    service: Service<'a>,
    /// What comes before the name: `vpnconnection/`.
    kind: &'static str,
    /// The name among those of its kind; `None` for all of them.
    name: Option<&'a str>,
}

enum Service<'a> {
    /// Resources of a region.
    Vpc,
    /// Resources of all regions.
    Cen,
    /// Resources of all regions, of the account or of another one.
    Ram(Option<&'a str>),
}

impl Target {
    fn named(&self) -> Named<'_> {
        let vpc = |kind, name| Named { service: Service::Vpc, kind, name };
        let cen = |kind, name| Named { service: Service::Cen, kind, name };
        let ram = |kind, name| Named { service: Service::Ram(None), kind, name };
        let ram_of = |account, kind, name| Named { service: Service::Ram(Some(account)), kind, name };
        match self {
            Self::CustomerGateways => vpc("customergateway/", None),
            Self::CustomerGateway(id) => vpc("customergateway/", Some(id.as_str())),
            Self::VpnGateways => vpc("vpngateway/", None),
            Self::VpnGateway(id) => vpc("vpngateway/", Some(id.as_str())),
            Self::VpnConnections => vpc("vpnconnection/", None),
            Self::VpnConnection(id) => vpc("vpnconnection/", Some(id.as_str())),
            Self::Vpcs => vpc("vpc/", None),
            Self::Vpc(id) => vpc("vpc/", Some(id.as_str())),
            Self::VSwitches => vpc("vswitch/", None),
            Self::VSwitch(id) => vpc("vswitch/", Some(id.as_str())),
            Self::Cens => cen("ceninstance/", None),
            Self::Cen(id) => cen("ceninstance/", Some(id.as_str())),
            Self::TransitRouters => cen("centransitrouter/", None),
            Self::TransitRouter(id) => cen("centransitrouter/", Some(id.as_str())),
            Self::TransitRouterAttachments => cen("centransitrouterattachment/", None),
            Self::TransitRouterAttachment(id) => cen("centransitrouterattachment/", Some(id.as_str())),
            Self::RamUsers => ram("user/", None),
            Self::RamUser(name) => ram("user/", name.as_deref()),
            Self::RamPolicies => ram("policy/", None),
            Self::RamPolicy(PolicyType::Custom, name) => ram("policy/", Some(name.as_str())),
            Self::RamPolicy(PolicyType::System, name) => ram_of("system", "policy/", Some(name.as_str())),
            Self::RamRoles => ram("role/", None),
            Self::RamRole(name) => ram("role/", Some(name.as_str())),
            Self::AnyRamRole(arn) => ram_of(arn.account.as_str(), "role/", Some(arn.role.as_str())),
            // One that is not known is nothing that somebody could be allowed in particular.
            Self::RecordedChange(_) | Self::Anything => vpc("", None),
        }
    }

    /// The name of the resource in policies.
    pub fn arn(&self, account: &AccountId, region: Option<&RegionId>) -> String {
        let Named { service, kind, name } = self.named();
        let (service, region, account) = match service {
            Service::Vpc => ("vpc", region.map_or("*", RegionId::as_str), account.as_str()),
            Service::Cen => ("cen", "*", account.as_str()),
            Service::Ram(another) => ("ram", "*", another.unwrap_or(account.as_str())),
        };
        format!("acs:{service}:{region}:{account}:{kind}{}", name.unwrap_or("*"))
    }

    /// The region that it is in, if it is stored and in one.
    fn region<'a>(&self, state: &'a AccountState) -> Option<&'a RegionId> {
        match self {
            Self::CustomerGateway(id) => state.customer_gateway(id).map(|gateway| &gateway.region),
            Self::VpnGateway(id) => state.vpn_gateway(id).map(|gateway| &gateway.region),
            Self::VpnConnection(id) => state.vpn_connection(id).map(|connection| &connection.region),
            Self::Vpc(id) => state.vpc(id).map(|vpc| &vpc.region),
            Self::VSwitch(id) => state.v_switch(id).map(|v_switch| &v_switch.region),
            _ => None,
        }
    }

    fn tags<'a>(&self, state: &'a AccountState) -> Option<&'a Tags> {
        match self {
            Self::CustomerGateway(id) => state.customer_gateway(id).map(|gateway| &gateway.tags),
            Self::VpnGateway(id) => state.vpn_gateway(id).map(|gateway| &gateway.tags),
            Self::VpnConnection(id) => state.vpn_connection(id).map(|connection| &connection.tags),
            Self::Vpc(id) => state.vpc(id).map(|vpc| &vpc.tags),
            Self::VSwitch(id) => state.v_switch(id).map(|v_switch| &v_switch.tags),
            Self::Cen(id) => state.cen(id).map(|cen| &cen.tags),
            Self::TransitRouter(id) => state.transit_router(id).map(|router| &router.tags),
            Self::TransitRouterAttachment(id) => {
                state.attached_by(id)?.attachment.as_ref().map(|attachment| &attachment.tags)
            }
            Self::RamPolicy(PolicyType::Custom, name) => state.ram_policy(name).map(|policy| &policy.tags),
            Self::RamUser(Some(name)) => state.ram_user(name).map(|user| &user.tags),
            Self::RamRole(name) => state.ram_role(name).map(|role| &role.tags),
            Self::AnyRamRole(arn) if arn.account == *state.account_id() => {
                state.ram_role(&arn.role).map(|role| &role.tags)
            }
            Self::CustomerGateways
            | Self::VpnGateways
            | Self::VpnConnections
            | Self::Vpcs
            | Self::VSwitches
            | Self::Cens
            | Self::TransitRouters
            | Self::TransitRouterAttachments
            | Self::RamUsers
            | Self::RamUser(None)
            | Self::RamPolicies
            | Self::RamPolicy(PolicyType::System, _)
            | Self::RamRoles
            | Self::AnyRamRole(_)
            | Self::RecordedChange(_)
            | Self::Anything => None,
        }
    }
}

/// The tags that a request names, for conditions: those that it gives, and those that it asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NamedTags {
    tag: Vec<TagFilter>,
    tags: Vec<TagFilter>,
}

/// The operations that take tags, by version and name. From what others are sent, nobody shall gain a right.
static TAKE_TAGS: LazyLock<BTreeSet<(&str, &str)>> = LazyLock::new(|| {
    let takes_tags = |entry: &&Entry| {
        let schema = entry.request_schema();
        let properties = schema.get("properties").and_then(serde_json::Value::as_object);
        properties.is_some_and(|names| names.contains_key("Tag") || names.contains_key("Tags"))
    };
    let entries = operation::all().iter().filter(takes_tags);
    entries.map(|entry| (entry.product.version(), entry.name)).collect()
});

/// The tags that a request names.
pub fn request_tags(entry: &Entry, params: &Params) -> Tags {
    if !TAKE_TAGS.contains(&(entry.product.version(), entry.name)) {
        return Tags::new();
    }
    let NamedTags { tag, tags } = params.decode_into().unwrap_or_default();
    let named = tag.into_iter().chain(tags);
    named.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

/// The proof that a call is allowed. Without one there is no transaction to write in.
#[derive(Debug)]
pub struct Permit(());

/// A request for permission: what somebody wants to do, and everything that conditions can ask about it.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// The state of the account.
    pub state: &'a AccountState,
    /// The surroundings of the call.
    pub context: &'a CallContext<'a>,
    /// The region that it is about.
    pub region: Option<&'a RegionId>,
    /// The tags that the request names.
    pub request_tags: &'a Tags,
}

/// Decides whether the caller may.
///
/// # Errors
///
/// `Forbbiden.SubUser` for a RAM user, `Forbidden` for a role session.
pub fn permit(wish: &Wish<'_>, permission: &Permission) -> Result<Permit, ApiError> {
    let Some(action) = permission.action else { return Ok(Permit(())) };
    if let [Target::RecordedChange(id)] = permission.targets.as_slice()
        && let Some(change) = wish.state.recorded_change(id)
    {
        for (region, target) in change.targets(wish.state.account_id()) {
            let wish = Wish { region: region.as_ref(), ..*wish };
            permit(&wish, &Permission::on(action, target))?;
        }
        return Ok(Permit(()));
    }
    let Some(identity) = Identity::of(wish) else { return Ok(Permit(())) };
    let permission = match &wish.context.caller {
        Caller::RamUser { name } => &permission.clone().of_ram_user(name),
        Caller::Root | Caller::RoleSession { .. } => permission,
    };
    let named = permission.targets.iter().flat_map(|target| {
        let arn = |region| target.arn(wish.state.account_id(), region);
        wish.regions(target).into_iter().map(move |region| (target, arn(region)))
    });
    for (target, resource) in named {
        if let Err(missing) = identity.may(&wish.request(action, &resource, target)) {
            let refusal = ApiError::new(identity.code).detail(format!(
                "The {} needs the action {action} on the resource {resource}.",
                identity.who
            ));
            let detail = identity.denied(action, &resource, wish.state.account_id(), missing);
            return Err(ApiError { access_denied: Some(detail), ..refusal });
        }
    }
    Ok(Permit(()))
}

impl<'a> Wish<'a> {
    /// In which regions a resource is looked for: in the one that is named, else in that where it is, else in all of them,
    /// each of which must be allowed. What is denied in a region is not had by naming none.
    fn regions(&self, target: &Target) -> Vec<Option<&'a RegionId>> {
        match self.region.or_else(|| target.region(self.state)) {
            Some(region) => vec![Some(region)],
            None if matches!(target.named().service, Service::Vpc) => {
                std::iter::once(None).chain(self.context.settings.regions.iter().map(Some)).collect()
            }
            None => vec![None],
        }
    }

    /// What policies are asked about one resource.
    pub fn request(&self, action: &'a str, resource: &'a str, target: &Target) -> AccessRequest<'a> {
        static NONE: Tags = Tags::new();
        AccessRequest {
            action,
            resource,
            source_ip: self.context.source_ip,
            secure_transport: self.context.secure_transport,
            now_ms: self.context.now_ms,
            resource_tags: target.tags(self.state).unwrap_or(&NONE),
            request_tags: self.request_tags,
            is_new: target.named().name.is_none(),
        }
    }
}

/// Somebody who may only do what policies allow.
struct Identity {
    /// The code with which they are refused.
    code: &'static ErrorCode,
    /// `AuthPrincipalType`.
    kind: &'static str,
    /// `AuthPrincipalDisplayName`.
    name: String,
    /// The same in a sentence.
    who: String,
    policies: Vec<Policy>,
    /// What a session restricts itself to; `None` when it does not.
    session_policy: Option<Vec<Policy>>,
}

/// Which kind of policy does not allow something, and how.
struct Missing {
    policy_type: &'static str,
    decision: Decision,
}

impl Identity {
    /// Who calls; `None` for the account itself, which may do everything.
    fn of(wish: &Wish<'_>) -> Option<Self> {
        let state = wish.state;
        match &wish.context.caller {
            Caller::Root => None,
            Caller::RamUser { name } => Some(Self {
                code: &catalogue::FORBIDDEN_SUB_USER,
                kind: "SubUser",
                name: name.clone(),
                who: format!("RAM user {name}"),
                policies: state
                    .ram_user(name)
                    .map(|user| documents(state, &user.policies))
                    .unwrap_or_default(),
                session_policy: None,
            }),
            Caller::RoleSession { role, role_id, session, policy } => {
                let known = state.ram_role(role).filter(|known| known.role_id == *role_id);
                // A policy that cannot be parsed, which it could when the session was made, allows nothing.
                let parse = |policy: &String| Policy::parse(policy).into_iter().collect();
                Some(Self {
                    code: &catalogue::FORBIDDEN,
                    kind: "AssumedRoleUser",
                    name: format!("{role}:{session}"),
                    who: format!("session {session} of the role {role}"),
                    policies: known.map(|role| documents(state, &role.policies)).unwrap_or_default(),
                    session_policy: policy.as_ref().map(parse),
                })
            }
        }
    }

    /// Whether all kinds of policies allow it.
    fn may(&self, request: &AccessRequest<'_>) -> Result<(), Missing> {
        let own = ("AccountLevelIdentityBasedPolicy", Some(&self.policies));
        for (policy_type, policies) in [own, ("SessionPolicy", self.session_policy.as_ref())] {
            let decision = policies.map_or(Decision::Allowed, |policies| evaluate(policies, request));
            if !decision.is_allowed() {
                return Err(Missing { policy_type, decision });
            }
        }
        Ok(())
    }

    /// What the answer tells about a permission that is missing.
    fn denied(
        &self,
        action: &str,
        resource: &str,
        account: &AccountId,
        missing: Missing,
    ) -> BTreeMap<String, String> {
        let why = match missing.decision {
            Decision::ExplicitDeny { .. } => "ExplicitDeny",
            Decision::ImplicitDeny | Decision::Allowed => "ImplicitDeny",
        };
        let members = [
            ("AuthAction", action),
            ("AuthPrincipalDisplayName", &self.name),
            ("AuthPrincipalOwnerId", account.as_str()),
            ("AuthPrincipalType", self.kind),
            ("NoPermissionType", why),
            ("PolicyType", missing.policy_type),
            ("AuthResource", resource),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// What attached policies say now. One that is not there or cannot be parsed (it was checked when it was made)
/// leaves nothing of the others either: it might be the one that denies.
fn documents(state: &AccountState, policies: &AttachedPolicies) -> Vec<Policy> {
    let policies = policies.iter().map(|(name, attached)| {
        let policy = ram_policy::find(state, attached.policy_type, name)?;
        Policy::parse(policy.document).ok()
    });
    policies.collect::<Option<_>>().unwrap_or_default()
}
