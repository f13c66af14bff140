//! What must hold after a change was reverted: what the operations by hand hold as well.

mod networks;

use std::collections::{BTreeMap, BTreeSet};

use crate::access_key::{AccessKey, Owner, PER_ACCOUNT_MAX, PER_RAM_USER_MAX, Status};
use crate::catalogue;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{CustomerGatewayId, VpnGatewayId};
use crate::operations::vpn_route;
use crate::ram_policy::{self, PolicyType, RamPolicy};
use crate::ram_role::RamRole;
use crate::ram_user::{POLICIES_MAX, RAM_USERS_MAX, RamUser};
use crate::record::{Record, Stored};
use crate::recorded_change::{Effect, RecordedChange, Touched, connection_of};
use crate::resource::customer_gateway::CustomerGateway;
use crate::resource::transit_router::TransitRouter;
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_gateway::VpnGateway;
use crate::resource::vpn_route_entry::{RouteKind, VpnRouteEntry, VpnRouteId};
use crate::tx::Tx;

/// Holds what is written in the transaction, the inverse of a change, to the rules.
pub(super) fn check(change: &RecordedChange, tx: &Tx<'_>) -> Result<(), ApiError> {
    for touched in &change.touched {
        match touched.kind.as_str() {
            Record::CUSTOMER_GATEWAY => customer_gateway(touched, tx)?,
            Record::VPN_CONNECTION => vpn_connection(change, touched, tx)?,
            Record::VPN_GATEWAY => vpn_gateway(touched, tx)?,
            Record::VPC => networks::vpc(touched, tx)?,
            Record::V_SWITCH => networks::v_switch(touched, tx)?,
            Record::VCO_ROUTE_ENTRY | Record::VPN_ROUTE_ENTRY => {}
            Record::RAM_USER => ram_user(touched, tx)?,
            Record::RAM_POLICY => ram_policy(touched, tx)?,
            Record::ACCESS_KEY => access_key(touched, tx)?,
            _ => return Err(ApiError::new(&catalogue::CHANGE_NOT_REVERTIBLE)),
        }
    }
    routes(change, tx)?;
    vpn_routes(change, tx)
}

fn refuse(holds: bool, code: &'static ErrorCode) -> Result<(), ApiError> {
    if holds { Ok(()) } else { Err(ApiError::new(code)) }
}

fn customer_gateway(touched: &Touched, tx: &Tx<'_>) -> Result<(), ApiError> {
    let Ok(id) = touched.id.parse::<CustomerGatewayId>() else { return Ok(()) };
    let Some(gateway) = tx.find::<CustomerGateway>(&id) else {
        let is_user = |user: &VpnConnection| {
            let after = tx.find::<VpnConnection>(&user.id);
            after.is_some_and(|after| after.customer_gateways().any(|used| *used == id))
        };
        let used = tx.state().users_of(&id).any(is_user);
        return refuse(!used, &catalogue::CUSTOMER_GATEWAY_IN_USE);
    };
    let at = tx.state().customer_gateway_at(&gateway.region, gateway.ip_address);
    refuse(at.is_none_or(|other| other.id == id), &catalogue::IP_ADDRESS_EXISTS)?;
    let max = tx.settings().customer_gateways_per_region_max;
    let count = tx.state().customer_gateway_count(&gateway.region);
    refuse(touched.effect() != Effect::Deleted || count < max, &catalogue::QUOTA_FULL)
}

fn vpn_connection(change: &RecordedChange, touched: &Touched, tx: &Tx<'_>) -> Result<(), ApiError> {
    let Ok(id) = touched.id.parse() else { return Ok(()) };
    let Some(connection) = tx.find::<VpnConnection>(&id) else {
        let routes = tx.vco_route_count(&id);
        let detail = format!("{id} has {routes} routes that the change did not make.");
        let conflict = ApiError::new(&catalogue::CONFLICTING_CHANGE).detail(detail);
        let bound = tx.state().vpn_connection(&id).and_then(|connection| connection.vpn_gateway.as_ref());
        let mut left = bound
            .into_iter()
            .flat_map(|gateway| tx.state().vpn_routes_over(&gateway.id, &id))
            .filter(|route| tx.find::<VpnRouteEntry>(&route.id()).is_some());
        return if routes == 0 && left.next().is_none() { Ok(()) } else { Err(conflict) };
    };
    for gateway in connection.customer_gateways() {
        refuse(tx.find::<CustomerGateway>(gateway).is_some(), &catalogue::CUSTOMER_GATEWAY_NOT_FOUND)?;
    }
    if let Some(attachment) = &connection.attachment {
        let router = &attachment.transit_router_id;
        let is_built_in = tx.built_in_transit_router(&connection.region) == *router;
        let exists = is_built_in || tx.find::<TransitRouter>(router).is_some();
        refuse(exists, &catalogue::TRANSIT_ROUTER_NOT_FOUND)?;
    }
    if let Some(gateway) = &connection.vpn_gateway {
        let exists = tx.find::<VpnGateway>(&gateway.id).is_some_and(|gateway| !gateway.is_deleted);
        refuse(exists, &catalogue::VPN_GATEWAY_NOT_FOUND)?;
    }
    let restored = change.touched.iter().filter(|it| {
        it.kind == Record::VPN_CONNECTION
            && it.effect() == Effect::Deleted
            && it.region.as_ref() == Some(&connection.region)
    });
    let count = tx.state().vpn_connection_count(&connection.region) + restored.count();
    let max = tx.settings().vpn_connections_per_region_max;
    refuse(touched.effect() != Effect::Deleted || count <= max, &catalogue::QUOTA_FULL)
}

fn vpn_gateway(touched: &Touched, tx: &Tx<'_>) -> Result<(), ApiError> {
    let Ok(id) = touched.id.parse::<VpnGatewayId>() else { return Ok(()) };
    let is_bound = |connection: &VpnConnection| tx.find::<VpnConnection>(&connection.id).is_some();
    if tx.find::<VpnGateway>(&id).is_some() || !tx.state().connections_of(&id).any(is_bound) {
        return Ok(());
    }
    let detail = format!("{id} has connections that the change did not make.");
    Err(ApiError::new(&catalogue::CONFLICTING_CHANGE).detail(detail))
}

/// Looked at once for each connection: a change may have touched thousands of its routes.
fn routes(change: &RecordedChange, tx: &Tx<'_>) -> Result<(), ApiError> {
    let routes = change.touched.iter().filter(|touched| touched.kind == Record::VCO_ROUTE_ENTRY);
    let restored = routes.filter(|touched| touched.effect() != Effect::Created);
    let connections: BTreeSet<_> = restored.filter_map(|touched| connection_of(&touched.id)).collect();
    for id in connections {
        refuse(tx.find::<VpnConnection>(&id).is_some(), &catalogue::VPN_CONNECTION_NOT_FOUND)?;
        let max = tx.settings().vco_routes_per_connection_max;
        // Of routes that only changed there are as many as before.
        let before = tx.state().vco_route_count(&id);
        refuse(tx.vco_route_count(&id) <= before.max(max), &catalogue::QUOTA_FULL)?;
    }
    Ok(())
}

/// Routes of VPN gateways that are there again need what they point to, and room.
fn vpn_routes(change: &RecordedChange, tx: &Tx<'_>) -> Result<(), ApiError> {
    let routes = change.touched.iter().filter(|touched| touched.kind == Record::VPN_ROUTE_ENTRY);
    let restored = routes.filter(|touched| touched.effect() == Effect::Deleted);
    let mut counts = BTreeMap::new();
    for id in restored.filter_map(|touched| touched.id.parse::<VpnRouteId>().ok()) {
        let next_hop = &id.key.next_hop;
        refuse(tx.find::<VpnConnection>(next_hop).is_some(), &catalogue::VPN_CONNECTION_NOT_FOUND)?;
        *counts.entry((id.vpn_gateway, id.key.source.is_some())).or_insert(0_usize) += 1;
    }
    for ((gateway, is_policy), count) in counts {
        let kind = if is_policy { RouteKind::Policy } else { RouteKind::Destination };
        let after = tx.state().vpn_route_count(&gateway, kind) + count;
        refuse(after <= vpn_route::quota(tx, kind), &catalogue::QUOTA_FULL)?;
    }
    Ok(())
}

fn ram_user(touched: &Touched, tx: &Tx<'_>) -> Result<(), ApiError> {
    let Some(user) = tx.find::<RamUser>(&touched.id) else {
        let has_key = access_keys(tx).any(|key| key.owner == Owner::RamUser(touched.id.clone()));
        return refuse(!has_key, &catalogue::USER_HAS_ACCESS_KEY);
    };
    for (name, attached) in &user.policies {
        let exists = match attached.policy_type {
            PolicyType::Custom => tx.find::<RamPolicy>(name).is_some(),
            PolicyType::System => ram_policy::find(tx.state(), PolicyType::System, name).is_some(),
        };
        refuse(exists, &catalogue::POLICY_NOT_FOUND)?;
    }
    refuse(user.policies.len() <= POLICIES_MAX, &catalogue::TOO_MANY_USER_POLICIES)?;
    let count = tx.state().ram_users().len();
    refuse(touched.effect() != Effect::Deleted || count < RAM_USERS_MAX, &catalogue::TOO_MANY_USERS)
}

fn ram_policy(touched: &Touched, tx: &Tx<'_>) -> Result<(), ApiError> {
    if tx.find::<RamPolicy>(&touched.id).is_none() {
        let users = tx.state().ram_users().filter_map(|user| tx.find::<RamUser>(&user.name));
        let is_attached =
            |policies| ram_policy::attachment(policies, PolicyType::Custom, &touched.id).is_some();
        refuse(!users.map(|user| &user.policies).any(is_attached), &catalogue::POLICY_HAS_USER)?;
        let roles = tx.state().ram_roles().filter_map(|role| tx.find::<RamRole>(&role.name));
        return refuse(!roles.map(|role| &role.policies).any(is_attached), &catalogue::POLICY_HAS_ROLE);
    }
    let count = tx.state().ram_policies().len();
    let is_restored = touched.effect() == Effect::Deleted;
    refuse(!is_restored || count < ram_policy::POLICIES_MAX, &catalogue::TOO_MANY_POLICIES)
}

fn access_key(touched: &Touched, tx: &Tx<'_>) -> Result<(), ApiError> {
    let active = |key: &AccessKey| key.owner == Owner::Root && key.status == Status::Active;
    let had = tx.state().access_keys().any(active);
    refuse(!had || access_keys(tx).any(active), &catalogue::LAST_ROOT_ACCESS_KEY)?;
    let Some(key) = touched.id.parse().ok().and_then(|id| tx.find::<AccessKey>(&id)) else { return Ok(()) };
    let max = match &key.owner {
        Owner::Root => PER_ACCOUNT_MAX,
        Owner::RamUser(name) => {
            refuse(tx.find::<RamUser>(name).is_some(), &catalogue::RAM_USER_NOT_FOUND)?;
            PER_RAM_USER_MAX
        }
    };
    let count = access_keys(tx).filter(|other| other.owner == key.owner).count();
    refuse(count <= max, &catalogue::TOO_MANY_ACCESS_KEYS)
}

/// The AccessKeys as they are afterwards. None is ever restored, so that all of them are there now.
fn access_keys<'t>(tx: &'t Tx<'_>) -> impl Iterator<Item = &'t AccessKey> {
    tx.state().access_keys().filter_map(|key| tx.find::<AccessKey>(&Stored::id(key)))
}
