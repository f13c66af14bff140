//! A transaction: what an operation reads, and what it wants to write.
//!
//! It reads the state of one account at one revision, and its own writes over it. Nothing is written
//! before the plan is complete; a plan that is refused leaves nothing behind.

use std::collections::BTreeMap;

use crate::account::Caller;
use crate::catalogue;
use crate::context::CallContext;
use crate::error::{ApiError, Busy};
use crate::ids::{
    AccountId, CenId, CustomerGatewayId, IdSource, RegionId, TransitRouterId, VpnConnectionId, VpnGatewayId,
};
use crate::observed::{Level, LogLine, Logs, Observations, ObservedConnection};
use crate::permission::{self, Permission, Permit, Wish};
use crate::record::{Change, Record, Stored};
use crate::resource::cen::Cen;
use crate::resource::customer_gateway::CustomerGateway;
use crate::resource::tag::Tags;
use crate::resource::transit_router::{BUILT_IN_NAME, TransitRouter};
use crate::resource::vco_route_entry::{RouteId, VcoRouteEntry};
use crate::resource::vpn_connection::view::Surroundings;
use crate::resource::vpn_connection::{VpnConnection, VpnGatewayBinding};
use crate::resource::vpn_gateway::{self, VpnGateway};
use crate::settings::Settings;
use crate::state::AccountState;

/// A view of an account and the writes over it.
pub struct Tx<'a> {
    state: &'a AccountState,
    context: &'a CallContext<'a>,
    writes: BTreeMap<(&'static str, String), Option<Record>>,
    ids: IdSource,
    log_lines: Vec<LogLine>,
}

impl<'a> Tx<'a> {
    /// Begins at a state, for a call that is permitted.
    pub fn begin(_permit: &Permit, state: &'a AccountState, context: &'a CallContext<'a>) -> Self {
        let ids = IdSource::new(context.seed);
        Self { state, context, writes: BTreeMap::new(), ids, log_lines: Vec::new() }
    }

    /// Whose account it is.
    pub fn account_id(&self) -> &'a AccountId {
        self.state.account_id()
    }

    /// Who calls.
    pub fn caller(&self) -> &'a Caller {
        &self.context.caller
    }

    /// Everything that the call brings along.
    pub fn context(&self) -> &'a CallContext<'a> {
        self.context
    }

    /// The time, in UNIX milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.context.now_ms
    }

    /// The name by which the caller reached the server.
    pub fn host(&self) -> &'a str {
        self.context.host
    }

    /// Quotas, regions and addresses.
    pub fn settings(&self) -> &'a Settings {
        self.context.settings
    }

    /// What the gateway reported.
    pub fn observations(&self) -> &'a dyn Observations {
        self.context.observations
    }

    /// The logs of the connections.
    pub fn logs(&self) -> &'a dyn Logs {
        self.context.logs
    }

    /// The state that the transaction began at, without its own writes.
    pub fn state(&self) -> &'a AccountState {
        self.state
    }

    /// Where new ids come from.
    pub fn ids(&mut self) -> &mut IdSource {
        &mut self.ids
    }

    /// The revision that the account has once this is committed: the generation of what is changed here.
    pub fn next_revision(&self) -> u64 {
        self.state.revision() + 1
    }

    /// Finds a thing by its id.
    pub fn find<T: Stored>(&self, id: &T::Id) -> Option<&T> {
        if self.writes.is_empty() {
            return T::find(self.state, id);
        }
        match self.writes.get(&(T::KIND, id.to_string())) {
            Some(written) => written.as_ref().and_then(T::from_record),
            None => T::find(self.state, id),
        }
    }

    /// Writes a thing, in place of the one with its id.
    pub fn put<T: Stored>(&mut self, thing: T) {
        self.writes.insert((T::KIND, thing.id().to_string()), Some(thing.into_record()));
    }

    /// Removes a thing.
    pub fn delete<T: Stored>(&mut self, id: &T::Id) {
        self.writes.insert((T::KIND, id.to_string()), None);
    }

    /// Writes a record, whatever it is, in place of the one with its kind and id.
    pub fn put_record(&mut self, record: Record) {
        self.writes.insert((record.kind(), record.id()), Some(record));
    }

    /// Removes a record, whatever it is.
    pub fn delete_record(&mut self, kind: &'static str, id: String) {
        self.writes.insert((kind, id), None);
    }

    /// Refuses what the caller is not allowed to do, where that follows from what is stored.
    ///
    /// # Errors
    ///
    /// As [`permission::permit`].
    pub fn must_be_permitted(
        &self,
        region: Option<&RegionId>,
        permission: &Permission,
    ) -> Result<(), ApiError> {
        let request_tags = Tags::new();
        let wish = Wish { state: self.state, context: self.context, region, request_tags: &request_tags };
        permission::permit(&wish, permission).map(drop)
    }

    /// A customer gateway of a region.
    ///
    /// # Errors
    ///
    /// `InvalidCustomerGatewayInstanceId.NotFound`, also for one in another region.
    pub fn customer_gateway(
        &self,
        region: &RegionId,
        id: &CustomerGatewayId,
    ) -> Result<&CustomerGateway, ApiError> {
        self.find::<CustomerGateway>(id)
            .filter(|gateway| gateway.region == *region)
            .ok_or(ApiError::new(&catalogue::CUSTOMER_GATEWAY_NOT_FOUND))
    }

    /// A VPN gateway of a region.
    ///
    /// # Errors
    ///
    /// `InvalidVpnGatewayInstanceId.NotFound`, also for one in another region.
    pub fn vpn_gateway(&self, region: &RegionId, id: &VpnGatewayId) -> Result<&VpnGateway, ApiError> {
        self.find::<VpnGateway>(id)
            .filter(|gateway| gateway.region == *region && !gateway.is_deleted)
            .ok_or(ApiError::new(&catalogue::VPN_GATEWAY_NOT_FOUND))
    }

    /// The same, also one that is `deleting`.
    ///
    /// # Errors
    ///
    /// As of [`Self::vpn_gateway`].
    pub fn vpn_gateway_or_deleting(
        &self,
        region: &RegionId,
        id: &VpnGatewayId,
    ) -> Result<&VpnGateway, ApiError> {
        let is_open = || self.observations().vpn_gateway(id).is_some();
        self.find::<VpnGateway>(id)
            .filter(|gateway| gateway.region == *region && (!gateway.is_deleted || is_open()))
            .ok_or(ApiError::new(&catalogue::VPN_GATEWAY_NOT_FOUND))
    }

    /// Where a VPN gateway is in its life; `None` of one that was deleted and is given up.
    pub fn vpn_gateway_status(&self, gateway: &VpnGateway) -> Option<vpn_gateway::Status> {
        let is_settled = self.unsettled_connection(gateway).is_none();
        gateway.status(self.observations().vpn_gateway(&gateway.id), is_settled)
    }

    /// Refuses a change of a VPN gateway while the one before, or one of its connections, is not in force.
    ///
    /// # Errors
    ///
    /// `VpnGateway.Configuring`, marked with what to wait for.
    pub fn must_be_settled(&self, gateway: &VpnGateway) -> Result<(), ApiError> {
        if self.vpn_gateway_status(gateway) == Some(vpn_gateway::Status::Active) {
            return Ok(());
        }
        let refusal = ApiError::busy(Busy::VpnGateway(gateway.id.clone()));
        let is_open = gateway.status(self.observations().vpn_gateway(&gateway.id), true);
        match self.unsettled_connection(gateway).filter(|_| is_open == Some(vpn_gateway::Status::Active)) {
            Some(connection) => {
                Err(ApiError { busy: Some(Box::new(Busy::VpnConnection(connection.id.clone()))), ..refusal })
            }
            None => Err(refusal),
        }
    }

    fn unsettled_connection(&self, gateway: &VpnGateway) -> Option<&'a VpnConnection> {
        self.state
            .connections_of(&gateway.id)
            .find(|connection| connection.must_be_settled(self.observations()).is_err())
    }

    /// A change of the VPN gateway itself: it is `updating` until it is in force.
    pub fn touch_vpn_gateway(&mut self, mut gateway: VpnGateway) {
        gateway.generation = self.next_revision();
        self.put(gateway);
    }

    /// Shows a VPN gateway, as `view` does, with what the gateway reported.
    pub fn show_vpn_gateway<V>(
        &self,
        gateway: &VpnGateway,
        view: fn(&VpnGateway, &vpn_gateway::view::Surroundings<'_>) -> V,
    ) -> Option<V> {
        let around = vpn_gateway::view::Surroundings {
            settings: self.settings(),
            status: self.vpn_gateway_status(gateway)?,
            enable_bgp: self.state.connections_of(&gateway.id).any(|connection| connection.enable_bgp),
        };
        Some(view(gateway, &around))
    }

    /// An IPsec-VPN connection of a region.
    ///
    /// # Errors
    ///
    /// `InvalidVpnConnectionInstanceId.NotFound`, also for one in another region.
    pub fn vpn_connection(
        &self,
        region: &RegionId,
        id: &VpnConnectionId,
    ) -> Result<&VpnConnection, ApiError> {
        self.find::<VpnConnection>(id)
            .filter(|connection| connection.region == *region)
            .ok_or(ApiError::new(&catalogue::VPN_CONNECTION_NOT_FOUND))
    }

    /// An IPsec-VPN connection of a region that is attached, or can be, to a transit router.
    ///
    /// # Errors
    ///
    /// `InvalidVpnConnectionInstanceId.NotFound`, also for a connection of a VPN gateway.
    pub fn vpn_attachment(
        &self,
        region: &RegionId,
        id: &VpnConnectionId,
    ) -> Result<&VpnConnection, ApiError> {
        let connection = self.vpn_connection(region, id)?;
        match &connection.vpn_gateway {
            None => Ok(connection),
            Some(gateway) => Err(ApiError::new(&catalogue::VPN_CONNECTION_NOT_FOUND).detail(format!(
                "{id} is a connection of the VPN gateway {}, which the operations on VpnConnection are for.",
                gateway.id
            ))),
        }
    }

    /// An IPsec-VPN connection of a region that belongs to a VPN gateway, and that.
    ///
    /// # Errors
    ///
    /// `InvalidVpnConnectionInstanceId.NotFound`, also for a VPN attachment.
    pub fn connection_of_vpn_gateway(
        &self,
        region: &RegionId,
        id: &VpnConnectionId,
    ) -> Result<(&VpnConnection, &VpnGatewayBinding), ApiError> {
        let connection = self.vpn_connection(region, id)?;
        let attachment = || {
            ApiError::new(&catalogue::VPN_CONNECTION_NOT_FOUND).detail(format!(
                "{id} belongs to no VPN gateway; the operations on VpnAttachment are for it."
            ))
        };
        Ok((connection, connection.vpn_gateway.as_ref().ok_or_else(attachment)?))
    }

    /// A change of the connection or of something that belongs to it: it is `updating` until it is in force.
    pub fn touch(&mut self, mut connection: VpnConnection) {
        connection.generation = self.next_revision();
        self.put(connection);
    }

    /// The routes of a connection, the oldest first, with those that are written here after the others.
    pub fn vco_routes(&self, connection: &VpnConnectionId) -> Vec<&VcoRouteEntry> {
        let written = self.writes.iter().filter_map(|((kind, _), record)| match record {
            Some(Record::VcoRouteEntry(route)) if *kind == Record::VCO_ROUTE_ENTRY => Some(route),
            Some(_) | None => None,
        });
        let untouched = |route: &&VcoRouteEntry| {
            self.writes.is_empty()
                || !self.writes.contains_key(&(Record::VCO_ROUTE_ENTRY, route.id().to_string()))
        };
        let stored = self.state.vco_routes(connection).filter(untouched);
        stored.chain(written.filter(|route| route.vpn_connection_id == *connection)).collect()
    }

    /// How many routes a connection has.
    pub fn vco_route_count(&self, connection: &VpnConnectionId) -> usize {
        let begins = format!("{connection}:");
        let mut count = self.state.vco_route_count(connection);
        for ((kind, id), record) in &self.writes {
            if *kind == Record::VCO_ROUTE_ENTRY && id.starts_with(&begins) {
                let stored = id.parse::<RouteId>().ok().and_then(|id| VcoRouteEntry::find(self.state, &id));
                count = count + usize::from(record.is_some()) - usize::from(stored.is_some());
            }
        }
        count
    }

    /// The built-in transit router of a region.
    pub fn built_in_transit_router(&self, region: &RegionId) -> TransitRouterId {
        TransitRouterId::built_in(self.account_id(), region)
    }

    /// The region whose built-in transit router this is.
    pub fn region_of_built_in(&self, id: &TransitRouterId) -> Option<&'a RegionId> {
        self.settings().regions.iter().find(|region| self.built_in_transit_router(region) == *id)
    }

    /// The name of a transit router, be it made or built in.
    pub fn transit_router_name(&self, id: &TransitRouterId) -> String {
        let made = self.find::<TransitRouter>(id).map(|router| router.name.clone());
        made.unwrap_or_else(|| BUILT_IN_NAME.to_owned())
    }

    /// A transit router that somebody made in a region.
    ///
    /// # Errors
    ///
    /// `InvalidTransitRouterId.NotFound`, also for one in another region.
    pub fn transit_router(
        &self,
        region: &RegionId,
        id: &TransitRouterId,
    ) -> Result<&TransitRouter, ApiError> {
        self.find::<TransitRouter>(id)
            .filter(|router| router.region == *region)
            .ok_or(ApiError::new(&catalogue::TRANSIT_ROUTER_NOT_FOUND))
    }

    /// A Cloud Enterprise Network instance.
    ///
    /// # Errors
    ///
    /// `ParameterCenInstanceId`.
    pub fn cen(&self, id: &CenId) -> Result<&Cen, ApiError> {
        self.find::<Cen>(id).ok_or(ApiError::new(&catalogue::CEN_NOT_FOUND))
    }

    /// Shows a connection, as `view` does, with its peers and with what the gateway reported.
    pub fn show<V>(&self, connection: &VpnConnection, view: fn(&VpnConnection, &Surroundings<'_>) -> V) -> V {
        let observed: Option<ObservedConnection> = self.observations().get(&connection.id);
        let peer = |id: &CustomerGatewayId| self.find::<CustomerGateway>(id);
        let transit_router_name = |id: &TransitRouterId| self.transit_router_name(id);
        view(
            connection,
            &Surroundings {
                peer: &peer,
                transit_router_name: &transit_router_name,
                settings: self.settings(),
                observed: observed.as_ref(),
            },
        )
    }

    /// A warning for the log of a connection, if the plan comes to be.
    pub fn warn(&mut self, connection: &VpnConnectionId, text: impl Into<String>) {
        let line = LogLine {
            connection: connection.clone(),
            tunnel: None,
            level: Level::Warning,
            text: text.into(),
        };
        self.log_lines.push(line);
    }

    /// What is to be written, in the order of kind and id, and what is to be logged.
    pub fn finish(self) -> (Vec<Change>, Vec<LogLine>) {
        let change = |((kind, id), record): ((&'static str, String), Option<Record>)| match record {
            Some(record) => Change::Put(record),
            None => Change::Delete { kind, id },
        };
        (self.writes.into_iter().map(change).collect(), self.log_lines)
    }
}
