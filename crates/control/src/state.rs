//! Everything that one account owns, in memory.
//!
//! The maps are ordered, and each question that an operation asks about a single object is answered without
//! looking at the others: an account can have 10,000 connections and 100,000 routes.

mod connections;
mod diagnoses;
mod networks;
mod ram;
mod recorded;
mod routes;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::access_key::AccessKey;
use crate::account::Account;
use crate::ids::{
    AccessKeyId, AccountId, CenId, CustomerGatewayId, DiagnoseId, RegionId, RequestId,
    TransitRouterAttachmentId, TransitRouterId, TunnelId, VSwitchId, VpcId, VpnConnectionId, VpnGatewayId,
};
use crate::ram_policy::RamPolicy;
use crate::ram_role::RamRole;
use crate::ram_user::RamUser;
use crate::recorded_change::RecordedChange;
use crate::resource::cen::Cen;
use crate::resource::client_token::ClientToken;
use crate::resource::customer_gateway::CustomerGateway;
use crate::resource::diagnosis::Diagnosis;
use crate::resource::transit_router::TransitRouter;
use crate::resource::vco_route_entry::{RouteId, RouteKey, VcoRouteEntry};
use crate::resource::vpc::{VSwitch, Vpc};
use crate::resource::vpn_connection::VpnConnection;
use crate::resource::vpn_gateway::VpnGateway;
use crate::resource::vpn_route_entry::{RouteKind, VpnRouteEntry, VpnRouteId, VpnRouteKey};
use table::Table;

pub use crate::record::{Change, Record, RecordError};

/// The state of an account at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    account_id: AccountId,
    revision: u64,
    account: Option<Account>,
    ram_users: BTreeMap<String, RamUser>,
    ram_policies: BTreeMap<String, RamPolicy>,
    ram_roles: BTreeMap<String, RamRole>,
    access_keys: BTreeMap<AccessKeyId, AccessKey>,
    customer_gateways: Table<RegionId, CustomerGatewayId, CustomerGateway>,
    vpn_connections: Table<RegionId, VpnConnectionId, VpnConnection>,
    vpn_gateways: Table<RegionId, VpnGatewayId, VpnGateway>,
    vpcs: Table<RegionId, VpcId, Vpc>,
    v_switches: Table<VpcId, VSwitchId, VSwitch>,
    cens: Table<(), CenId, Cen>,
    transit_routers: Table<RegionId, TransitRouterId, TransitRouter>,
    vco_routes: BTreeMap<VpnConnectionId, Table<(), RouteKey, VcoRouteEntry>>,
    vpn_routes: BTreeMap<VpnGatewayId, Table<RouteKind, VpnRouteKey, VpnRouteEntry>>,
    diagnoses: Table<(), DiagnoseId, Diagnosis>,
    client_tokens: Table<(), String, ClientToken>,
    /// By the revision that each led to.
    recorded_changes: BTreeMap<u64, RecordedChange>,
    /// The bytes of all of them, about.
    recorded_bytes: usize,
    /// Which customer gateway of a region has an address.
    addresses: BTreeMap<(RegionId, Ipv4Addr), CustomerGatewayId>,
    /// Which connections use a customer gateway.
    users: BTreeMap<CustomerGatewayId, BTreeSet<VpnConnectionId>>,
    /// The connections of a VPN gateway.
    members: BTreeMap<VpnGatewayId, BTreeSet<VpnConnectionId>>,
    /// Which connection a tunnel is of.
    tunnels: BTreeMap<TunnelId, VpnConnectionId>,
    /// Which connection has an attachment.
    attachments: BTreeMap<TransitRouterAttachmentId, VpnConnectionId>,
    /// The connections that are attached to a transit router.
    attached: BTreeMap<TransitRouterId, BTreeSet<VpnConnectionId>>,
    /// The transit router of a Cloud Enterprise Network instance in a region.
    routers: BTreeMap<(CenId, RegionId), TransitRouterId>,
    /// Which revision a request led to.
    requests: BTreeMap<RequestId, u64>,
}

impl AccountState {
    /// An account that owns nothing yet, at revision 0.
    pub fn new(account_id: AccountId) -> Self {
        Self {
            account_id,
            revision: 0,
            account: None,
            ram_users: BTreeMap::new(),
            ram_policies: BTreeMap::new(),
            ram_roles: BTreeMap::new(),
            access_keys: BTreeMap::new(),
            customer_gateways: Table::default(),
            vpn_connections: Table::default(),
            vpn_gateways: Table::default(),
            vpcs: Table::default(),
            v_switches: Table::default(),
            vco_routes: BTreeMap::new(),
            vpn_routes: BTreeMap::new(),
            diagnoses: Table::default(),
            client_tokens: Table::default(),
            recorded_changes: BTreeMap::new(),
            recorded_bytes: 0,
            addresses: BTreeMap::new(),
            users: BTreeMap::new(),
            members: BTreeMap::new(),
            tunnels: BTreeMap::new(),
            attachments: BTreeMap::new(),
            attached: BTreeMap::new(),
            routers: BTreeMap::new(),
            cens: Table::default(),
            transit_routers: Table::default(),
            requests: BTreeMap::new(),
        }
    }

    /// An account as it was stored.
    pub fn restore(account_id: AccountId, revision: u64, records: Vec<Record>) -> Self {
        let mut state = Self::new(account_id);
        for record in records {
            state.put(record);
        }
        state.revision = revision;
        state
    }

    /// Applies what was planned at this state: afterwards it has the next revision.
    pub fn apply(&mut self, changes: &[Change]) {
        self.revision += 1;
        for change in changes {
            match change {
                Change::Put(record) => self.put(record.clone()),
                Change::Delete { kind, id } => self.delete(kind, id),
            }
        }
    }

    /// Whose state it is.
    pub fn account_id(&self) -> &AccountId {
        &self.account_id
    }

    /// How often it was changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The account's own record.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// A customer gateway.
    pub fn customer_gateway(&self, id: &CustomerGatewayId) -> Option<&CustomerGateway> {
        self.customer_gateways.get(id)
    }

    /// The customer gateways of a region, the oldest first.
    pub fn customer_gateways(&self, region: &RegionId) -> impl Iterator<Item = &CustomerGateway> {
        self.customer_gateways.iter_of(region)
    }

    /// How many customer gateways a region has.
    pub fn customer_gateway_count(&self, region: &RegionId) -> usize {
        self.customer_gateways.len_of(region)
    }

    /// The customer gateway of a region that has an address.
    pub fn customer_gateway_at(&self, region: &RegionId, address: Ipv4Addr) -> Option<&CustomerGateway> {
        self.customer_gateway(self.addresses.get(&(region.clone(), address))?)
    }

    /// The connections that use a customer gateway.
    pub fn users_of(&self, id: &CustomerGatewayId) -> impl Iterator<Item = &VpnConnection> {
        self.users.get(id).into_iter().flatten().filter_map(|id| self.vpn_connections.get(id))
    }

    /// An IPsec-VPN connection.
    pub fn vpn_connection(&self, id: &VpnConnectionId) -> Option<&VpnConnection> {
        self.vpn_connections.get(id)
    }

    /// The IPsec-VPN connections of a region, the oldest first.
    pub fn vpn_connections(&self, region: &RegionId) -> impl Iterator<Item = &VpnConnection> {
        self.vpn_connections.iter_of(region)
    }

    /// How many IPsec-VPN connections a region has.
    pub fn vpn_connection_count(&self, region: &RegionId) -> usize {
        self.vpn_connections.len_of(region)
    }

    /// The IPsec-VPN connections of all regions, by id.
    pub fn all_vpn_connections(&self) -> impl Iterator<Item = &VpnConnection> {
        self.vpn_connections.iter()
    }

    /// A VPN gateway.
    pub fn vpn_gateway(&self, id: &VpnGatewayId) -> Option<&VpnGateway> {
        self.vpn_gateways.get(id)
    }

    /// The VPN gateways of a region, the oldest first.
    pub fn vpn_gateways(&self, region: &RegionId) -> impl Iterator<Item = &VpnGateway> {
        self.vpn_gateways.iter_of(region)
    }

    /// How many VPN gateways a region has.
    pub fn vpn_gateway_count(&self, region: &RegionId) -> usize {
        self.vpn_gateways.len_of(region)
    }

    /// The VPN gateways of all regions, by id.
    pub fn all_vpn_gateways(&self) -> impl Iterator<Item = &VpnGateway> {
        self.vpn_gateways.iter()
    }

    /// The connections of a VPN gateway, by id.
    pub fn connections_of(&self, id: &VpnGatewayId) -> impl Iterator<Item = &VpnConnection> {
        self.members.get(id).into_iter().flatten().filter_map(|id| self.vpn_connections.get(id))
    }

    /// A Cloud Enterprise Network instance.
    pub fn cen(&self, id: &CenId) -> Option<&Cen> {
        self.cens.get(id)
    }

    /// The Cloud Enterprise Network instances, the oldest first.
    pub fn cens(&self) -> impl Iterator<Item = &Cen> {
        self.cens.iter_of(&())
    }

    /// How many Cloud Enterprise Network instances there are.
    pub fn cen_count(&self) -> usize {
        self.cens.len()
    }

    /// A transit router that somebody made.
    pub fn transit_router(&self, id: &TransitRouterId) -> Option<&TransitRouter> {
        self.transit_routers.get(id)
    }

    /// The transit routers that somebody made in a region, the oldest first.
    pub fn transit_routers(&self, region: &RegionId) -> impl Iterator<Item = &TransitRouter> {
        self.transit_routers.iter_of(region)
    }

    /// The transit router of a Cloud Enterprise Network instance in a region.
    pub fn transit_router_of(&self, cen: &CenId, region: &RegionId) -> Option<&TransitRouter> {
        self.transit_router(self.routers.get(&(cen.clone(), region.clone()))?)
    }

    /// The transit routers of a Cloud Enterprise Network instance, by region.
    pub fn transit_routers_of<'a>(&'a self, cen: &'a CenId) -> impl Iterator<Item = &'a TransitRouter> {
        let of_cen = self.routers.iter().filter(move |((of, _), _)| of == cen);
        of_cen.filter_map(|(_, id)| self.transit_router(id))
    }

    /// The connections that are attached to a transit router, by id.
    pub fn attached_to(&self, id: &TransitRouterId) -> impl Iterator<Item = &VpnConnection> {
        self.attached.get(id).into_iter().flatten().filter_map(|id| self.vpn_connections.get(id))
    }

    /// The connection that has an attachment.
    pub fn attached_by(&self, id: &TransitRouterAttachmentId) -> Option<&VpnConnection> {
        self.attachments.get(id).and_then(|id| self.vpn_connections.get(id))
    }

    /// The generation of each connection.
    pub fn generations(&self) -> impl Iterator<Item = (VpnConnectionId, u64)> {
        self.vpn_connections.iter().map(|connection| (connection.id.clone(), connection.generation))
    }

    /// What was answered to a request with a client token.
    pub fn client_token(&self, id: &str) -> Option<&ClientToken> {
        self.client_tokens.get(id)
    }

    /// What was answered to requests with client tokens, the oldest first.
    pub fn client_tokens(&self) -> impl Iterator<Item = &ClientToken> {
        self.client_tokens.iter_of(&())
    }

    /// How many client tokens are remembered.
    pub fn client_token_count(&self) -> usize {
        self.client_tokens.len()
    }

    fn put(&mut self, record: Record) {
        match record {
            Record::Account(account) => self.account = Some(account),
            Record::RamUser(user) => {
                self.ram_users.insert(user.name.clone(), user);
            }
            Record::RamPolicy(policy) => {
                self.ram_policies.insert(policy.name.clone(), policy);
            }
            Record::RamRole(role) => {
                self.ram_roles.insert(role.name.clone(), role);
            }
            Record::AccessKey(key) => {
                self.access_keys.insert(key.id.clone(), key);
            }
            Record::CustomerGateway(gateway) => {
                self.forget_customer_gateway(&gateway.id);
                let (region, id) = (gateway.region.clone(), gateway.id.clone());
                self.addresses.insert((region.clone(), gateway.ip_address), id.clone());
                self.customer_gateways.put(region, id, gateway.created_ms, gateway);
            }
            Record::VpnConnection(connection) => self.put_vpn_connection(*connection),
            Record::VpnGateway(gateway) => {
                let (region, id) = (gateway.region.clone(), gateway.id.clone());
                self.vpn_gateways.put(region, id, gateway.created_ms, *gateway);
            }
            Record::Vpc(vpc) => self.put_vpc(vpc),
            Record::VSwitch(v_switch) => self.put_v_switch(v_switch),
            Record::Cen(cen) => self.cens.put((), cen.id.clone(), cen.created_ms, cen),
            Record::TransitRouter(router) => {
                let (region, id) = (router.region.clone(), router.id.clone());
                self.routers.insert((router.cen_id.clone(), region.clone()), id.clone());
                self.transit_routers.put(region, id, router.created_ms, router);
            }
            Record::VpnRouteEntry(route) => {
                let routes = self.vpn_routes.entry(route.vpn_gateway_id.clone()).or_default();
                routes.put(route.kind(), route.key(), route.created_ms, route);
            }
            Record::VcoRouteEntry(route) => {
                let routes = self.vco_routes.entry(route.vpn_connection_id.clone()).or_default();
                routes.put((), route.key(), route.created_ms, route);
            }
            Record::Diagnosis(diagnosis) => self.put_diagnosis(diagnosis),
            Record::ClientToken(token) => {
                let id = ClientToken::id(&token.action, &token.token);
                self.client_tokens.put((), id, token.created_ms, token);
            }
            Record::RecordedChange(change) => {
                self.forget_recorded_change(change.revision);
                self.recorded_bytes += change.bytes();
                self.requests.insert(change.request_id.clone(), change.revision);
                self.recorded_changes.insert(change.revision, *change);
            }
        }
    }

    /// Takes a change out of the record and out of the index.
    fn forget_recorded_change(&mut self, revision: u64) {
        if let Some(change) = self.recorded_changes.remove(&revision) {
            self.recorded_bytes -= change.bytes();
            self.requests.remove(&change.request_id);
        }
    }

    /// Takes a customer gateway out of its table and out of the index.
    fn forget_customer_gateway(&mut self, id: &CustomerGatewayId) {
        if let Some(gateway) = self.customer_gateways.delete(id) {
            self.addresses.remove(&(gateway.region, gateway.ip_address));
        }
    }

    /// Takes a transit router out of its table and out of the index.
    fn forget_transit_router(&mut self, id: &str) {
        let id = id.parse::<TransitRouterId>().ok();
        if let Some(router) = id.and_then(|id| self.transit_routers.delete(&id)) {
            self.routers.remove(&(router.cen_id, router.region));
        }
    }

    /// A text that is no id of the kind names nothing, so that there is nothing to delete.
    fn delete(&mut self, kind: &str, id: &str) {
        match kind {
            Record::ACCOUNT => self.account = None,
            Record::RAM_USER => {
                self.ram_users.remove(id);
            }
            Record::RAM_POLICY => {
                self.ram_policies.remove(id);
            }
            Record::RAM_ROLE => {
                self.ram_roles.remove(id);
            }
            Record::ACCESS_KEY => {
                id.parse().ok().and_then(|id| self.access_keys.remove(&id));
            }
            Record::CUSTOMER_GATEWAY => {
                if let Ok(id) = id.parse() {
                    self.forget_customer_gateway(&id);
                }
            }
            Record::VPN_CONNECTION => {
                if let Ok(id) = id.parse() {
                    self.forget_vpn_connection(&id);
                }
            }
            Record::VPN_GATEWAY => {
                id.parse::<VpnGatewayId>().ok().and_then(|id| self.vpn_gateways.delete(&id));
            }
            Record::VPC => drop(id.parse::<VpcId>().ok().and_then(|id| self.vpcs.delete(&id))),
            Record::V_SWITCH => drop(id.parse::<VSwitchId>().ok().and_then(|id| self.v_switches.delete(&id))),
            Record::CEN => {
                id.parse::<CenId>().ok().and_then(|id| self.cens.delete(&id));
            }
            Record::TRANSIT_ROUTER => self.forget_transit_router(id),
            Record::VPN_ROUTE_ENTRY => {
                if let Ok(id) = id.parse() {
                    self.delete_vpn_route(&id);
                }
            }
            Record::VCO_ROUTE_ENTRY => {
                if let Ok(id) = id.parse() {
                    self.delete_route(&id);
                }
            }
            Record::DIAGNOSIS => {
                id.parse::<DiagnoseId>().ok().and_then(|id| self.diagnoses.delete(&id));
            }
            Record::CLIENT_TOKEN => {
                self.client_tokens.delete(id);
            }
            Record::RECORDED_CHANGE => {
                if let Some(revision) = RecordedChange::revision_of(id) {
                    self.forget_recorded_change(revision);
                }
            }
            _ => {}
        }
    }

    fn delete_vpn_route(&mut self, id: &VpnRouteId) {
        if let Some(routes) = self.vpn_routes.get_mut(&id.vpn_gateway) {
            routes.delete(&id.key);
            if routes.len() == 0 {
                self.vpn_routes.remove(&id.vpn_gateway);
            }
        }
    }

    fn delete_route(&mut self, id: &RouteId) {
        if let Some(routes) = self.vco_routes.get_mut(&id.connection) {
            routes.delete(&id.key);
            if routes.len() == 0 {
                self.vco_routes.remove(&id.connection);
            }
        }
    }
}

#[cfg(test)]
mod tests;
