//! A world for tests: one account, its state, a store of bytes beside it, and a gateway that reports when asked.

pub(crate) mod declared;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use causeway_wire::{HttpRequest, Params, percent_encode};
use serde_json::Value;

use crate::account::Caller;
use crate::catalogue;
use crate::core::{CallContext, Outcome, execute};
use crate::desired::RouteMatch;
use crate::error::{ApiError, ErrorCode};
use crate::ids::{AccountId, RequestId, Secret, VpnConnectionId, VpnGatewayId};
use crate::observed::{
    LogEntry, LogLine, Logs, Observations, ObservedConnection, ObservedForwarding, ObservedTunnel,
    TunnelStatus,
};
use crate::operation::{self, Entry};
use crate::record::{Change, Record};
use crate::role_session::Sealer;
use crate::settings::Settings;
use crate::state::AccountState;

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const OTHER_REGION: &str = "ap-southeast-2";
pub(crate) const ACCOUNT: &str = "1234567890123456";

/// The parameters of a call.
pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

#[derive(Clone, Default)]
pub(crate) struct Reports(
    pub(crate) BTreeMap<VpnConnectionId, ObservedConnection>,
    pub(crate) BTreeMap<VpnGatewayId, u64>,
    pub(crate) BTreeMap<VpnConnectionId, ObservedForwarding>,
);

impl Observations for Reports {
    fn get(&self, id: &VpnConnectionId) -> Option<ObservedConnection> {
        self.0.get(id).cloned()
    }

    fn vpn_gateway(&self, id: &VpnGatewayId) -> Option<u64> {
        self.1.get(id).copied()
    }

    fn forwarding(&self, id: &VpnConnectionId, _of: Option<RouteMatch>) -> Option<ObservedForwarding> {
        self.2.get(id).cloned()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Lines(pub(crate) Vec<LogEntry>);

impl Logs for Lines {
    fn lines(&self, id: &VpnConnectionId, from_ms: i64, to_ms: i64) -> Vec<LogEntry> {
        let wanted =
            |entry: &&LogEntry| entry.line.connection == *id && (from_ms..=to_ms).contains(&entry.at_ms);
        self.0.iter().filter(wanted).cloned().collect()
    }
}

/// Seals so that everybody could open it, which is as good for tests.
pub(crate) struct Glass;

impl Sealer for Glass {
    fn seal(&self, plain: &Secret) -> String {
        format!("glass:{}", plain.expose())
    }

    fn open(&self, sealed: &str) -> Option<Secret> {
        sealed.strip_prefix("glass:").map(Secret::new)
    }
}

/// What is taken for a certificate of a peer's authority; nobody looks into it here.
pub(crate) const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";

/// Somebody with a role whose id is its name.
pub(crate) fn role_session(role: &str, session: &str) -> Caller {
    Caller::RoleSession {
        role: role.to_owned(),
        role_id: role.to_owned(),
        session: session.to_owned(),
        policy: None,
    }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) state: AccountState,
    /// What a store would hold: written from the changes alone.
    pub(crate) rows: BTreeMap<(String, String), Vec<u8>>,
    pub(crate) settings: Settings,
    pub(crate) reports: Reports,
    pub(crate) lines: Lines,
    pub(crate) caller: Caller,
    pub(crate) now_ms: i64,
    calls: u64,
}

pub(crate) fn settings() -> Settings {
    Settings {
        regions: [REGION, OTHER_REGION].map(|region| region.parse().unwrap()).to_vec(),
        public_addresses: vec![Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2)],
        auto_attach: true,
        vco_routes_per_connection_max: 100,
        customer_gateways_per_region_max: 100,
        vpn_routes_per_gateway_max: 100,
        vpn_pbr_routes_per_gateway_max: 100,
        vpn_connections_per_region_max: 100,
        vpn_gateways_per_region_max: 100,
        vpcs: Vec::new(),
        recorded_changes_max: 10_000,
        recorded_change_age_ms_max: 90 * 24 * 60 * 60 * 1000,
        recorded_bytes_max: 64 << 20,
    }
}

pub(crate) fn params(pairs: &[(&str, &str)]) -> Params {
    let encode = |(name, value): &(&str, &str)| format!("{}={}", percent_encode(name), percent_encode(value));
    let query = pairs.iter().map(encode).collect::<Vec<_>>().join("&");
    Params::decode(&HttpRequest { method: "GET", path: "/", query: &query, headers: &[], body: &[] }).unwrap()
}

/// The codes that every operation has, without listing them.
const OF_EVERY_OPERATION: [&ErrorCode; 8] = [
    &catalogue::MISSING_PARAMETER,
    &catalogue::INVALID_PARAMETER,
    &catalogue::FORBIDDEN,
    &catalogue::FORBIDDEN_SUB_USER,
    &catalogue::REGION_NOT_FOUND,
    &catalogue::IDEMPOTENT_PARAMETER_MISMATCH,
    &catalogue::ACTION_NOT_FOUND,
    &catalogue::DRY_RUN,
];

/// An operation refuses with no code that it does not list.
pub(crate) fn check_listed(action: &str, error: &ApiError) {
    let Some(entry) = operation::named(action) else { return };
    let listed = entry.errors.contains(&error.kind) || OF_EVERY_OPERATION.contains(&error.kind);
    assert!(listed, "{action} does not list {}", error.code());
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(ACCOUNT)
    }

    pub(crate) fn of(account: &str) -> Self {
        let account: AccountId = account.parse().unwrap();
        Self {
            state: AccountState::new(account),
            rows: BTreeMap::new(),
            settings: settings(),
            reports: Reports::default(),
            lines: Lines::default(),
            caller: Caller::Root,
            now_ms: 1_700_000_000_000,
            calls: 0,
        }
    }

    /// A world with a customer gateway and a connection of two tunnels to it, attached and in force.
    pub(crate) fn with_connection() -> (Self, String) {
        let mut world = Self::new();
        let gateway = world.customer_gateway("198.51.100.7");
        let connection = world.two_tunnels(&gateway);
        world.settle();
        (world, connection)
    }

    /// Plans a call without letting anything happen. The region is added where the call names none.
    pub(crate) fn plan(&self, action: &str, pairs: &[(&str, &str)]) -> Outcome {
        let mut all = pairs.to_vec();
        if !pairs.iter().any(|(name, _)| *name == "RegionId") {
            all.push(("RegionId", REGION));
        }
        self.plan_exactly(action, &params(&all))
    }

    /// Plans a call with exactly these parameters.
    pub(crate) fn plan_exactly(&self, action: &str, params: &Params) -> Outcome {
        let entry = operation::named(action);
        let version = entry.map_or("2016-04-28", |entry| entry.product.version());
        let action = entry.map_or(action, |entry| entry.name);
        self.execute(action, version, params)
    }

    /// Plans a call of this very operation with exactly these parameters.
    pub(crate) fn plan_as(&self, entry: &Entry, pairs: Pairs<'_>) -> Outcome {
        self.execute(entry.name, entry.product.version(), &params(pairs))
    }

    fn execute(&self, action: &str, version: &str, params: &Params) -> Outcome {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&self.calls.to_be_bytes());
        seed[8..24].copy_from_slice(self.state.account_id().as_str().as_bytes());
        let mut request_id = [0; 16];
        request_id[8..].copy_from_slice(&self.calls.to_be_bytes());
        let context = CallContext {
            caller: self.caller.clone(),
            request_id: RequestId::from_random(request_id),
            now_ms: self.now_ms,
            seed,
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            secure_transport: false,
            host: "127.0.0.1:8686",
            settings: &self.settings,
            observations: &self.reports,
            logs: &self.lines,
            sealer: &Glass,
        };
        execute(&self.state, &context, action, version, params)
    }

    /// Calls, and lets what was planned happen.
    pub(crate) fn call(&mut self, action: &str, pairs: &[(&str, &str)]) -> Result<Value, ApiError> {
        self.calls += 1;
        self.now_ms += 1;
        match self.plan(action, pairs) {
            Outcome::Answered { body, changes, log_lines } => {
                self.commit(&changes);
                self.log(log_lines);
                Ok(body)
            }
            Outcome::Refused(error) => {
                check_listed(action, &error);
                Err(error)
            }
        }
    }

    /// Calls what must be refused, and answers with which code.
    pub(crate) fn refusal(&mut self, action: &str, pairs: &[(&str, &str)]) -> ApiError {
        match self.call(action, pairs) {
            Ok(body) => panic!("{action} was answered {body}"),
            Err(error) => error,
        }
    }

    pub(crate) fn commit(&mut self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        self.state.apply(changes);
        for change in changes {
            match change {
                Change::Put(record) => {
                    self.rows.insert((record.kind().to_owned(), record.id()), record.to_json());
                }
                Change::Delete { kind, id } => {
                    self.rows.remove(&((*kind).to_owned(), id.clone()));
                }
            }
        }
    }

    pub(crate) fn log(&mut self, lines: Vec<LogLine>) {
        let at_ms = self.now_ms;
        self.lines.0.extend(lines.into_iter().map(|line| LogEntry { at_ms, line }));
    }

    /// The state as a restart would find it.
    pub(crate) fn restored(&self) -> AccountState {
        let record =
            |((kind, _), json): (&(String, String), &Vec<u8>)| Record::from_json(kind, json).unwrap();
        let records = self.rows.iter().map(record).collect();
        AccountState::restore(self.state.account_id().clone(), self.state.revision(), records)
    }

    /// The gateway has everything in force, all tunnels are up, and what is gone is gone.
    pub(crate) fn settle(&mut self) {
        let attached =
            self.state.all_vpn_connections().filter(|connection| connection.domain_owner().is_some());
        let up = ObservedTunnel { status: TunnelStatus::IpsecSaEstablished, ..ObservedTunnel::default() };
        self.reports.0 = attached
            .map(|connection| {
                let tunnels =
                    connection.tunnels.iter().map(|tunnel| (tunnel.id.clone(), up.clone())).collect();
                (
                    connection.id.clone(),
                    ObservedConnection { generation: connection.generation, tunnels, is_withdrawn: false },
                )
            })
            .collect();
        let gateways = self.state.all_vpn_gateways().filter(|gateway| !gateway.is_deleted);
        self.reports.1 = gateways.map(|gateway| (gateway.id.clone(), gateway.generation)).collect();
    }

    /// A VPN gateway in a VPC of its own, not in force yet.
    pub(crate) fn vpn_gateway(&mut self, vpc: &str) -> String {
        let asked = [("VpcId", vpc), ("Bandwidth", "100")];
        let answer = self.call("CreateVpnGateway", &asked).unwrap();
        answer["VpnGatewayId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn vpn_gateway_status(&mut self, gateway: &str) -> String {
        let answer = self.call("DescribeVpnGateway", &[("VpnGatewayId", gateway)]).unwrap();
        answer["Status"].as_str().unwrap().to_owned()
    }

    pub(crate) fn customer_gateway(&mut self, address: &str) -> String {
        let answer = self.call("CreateCustomerGateway", &[("IpAddress", address)]).unwrap();
        answer["CustomerGatewayId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn two_tunnels(&mut self, gateway: &str) -> String {
        let answer = self.call(
            "CreateVpnAttachment",
            &[
                ("LocalSubnet", "0.0.0.0/0"),
                ("RemoteSubnet", "0.0.0.0/0"),
                ("TunnelOptionsSpecification.1.CustomerGatewayId", gateway),
                ("TunnelOptionsSpecification.2.CustomerGatewayId", gateway),
            ],
        );
        answer.unwrap()["VpnConnectionId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn route(
        &mut self,
        action: &str,
        connection: &str,
        dest: &str,
        weight: &str,
    ) -> Result<Value, ApiError> {
        let route = [
            ("VpnConnectionId", connection),
            ("RouteDest", dest),
            ("NextHop", connection),
            ("Weight", weight),
        ];
        self.call(action, &route)
    }

    pub(crate) fn connection_state(&mut self, connection: &str) -> String {
        let answer = self.call("DescribeVpnConnection", &[("VpnConnectionId", connection)]).unwrap();
        answer["State"].as_str().unwrap().to_owned()
    }
}
