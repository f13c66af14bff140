//! An account with a bit of everything, for requests to be planned at.

use std::net::{IpAddr, Ipv4Addr};

use causeway_control::account::Caller;
use causeway_control::core::{CallContext, Outcome, execute};
use causeway_control::ids::{RegionId, RequestId, Secret, VpnConnectionId, VpnGatewayId};
use causeway_control::observed::{LogEntry, Logs, Observations, ObservedConnection};
use causeway_control::role_session::Sealer;
use causeway_control::settings::Settings;
use causeway_control::state::AccountState;
use causeway_wire::{HttpRequest, Params, percent_encode};

/// The region of all that there is.
pub const REGION: &str = "eu-central-1";
const NOW_MS: i64 = 1_700_000_000_000;

/// A gateway that put everything in force and has nothing to tell.
pub struct World {
    /// The account as it is before each request.
    pub state: AccountState,
    /// What the server is configured to be.
    pub settings: Settings,
    /// What stands for an id in a request, and the id.
    pub ids: Vec<(&'static str, String)>,
}

/// Reports the generations of one state as being in force.
struct InForce<'a>(&'a AccountState);

impl Observations for InForce<'_> {
    fn get(&self, id: &VpnConnectionId) -> Option<ObservedConnection> {
        let generation = self.0.vpn_connection(id)?.generation;
        Some(ObservedConnection { generation, ..ObservedConnection::default() })
    }

    fn vpn_gateway(&self, id: &VpnGatewayId) -> Option<u64> {
        self.0.vpn_gateway(id).map(|gateway| gateway.generation)
    }
}

struct NoLines;

impl Logs for NoLines {
    fn lines(&self, _: &VpnConnectionId, _: i64, _: i64) -> Vec<LogEntry> {
        Vec::new()
    }
}

/// Seals so that everybody could open it.
struct Glass;

impl Sealer for Glass {
    fn seal(&self, plain: &Secret) -> String {
        plain.expose().to_owned()
    }

    fn open(&self, sealed: &str) -> Option<Secret> {
        Some(Secret::new(sealed))
    }
}

/// Parameters as a client sends them.
///
/// # Panics
///
/// Never: only what cannot be decoded is `None`.
pub fn params<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Params> {
    let encode = |(name, value)| format!("{}={}", percent_encode(name), percent_encode(value));
    let form = pairs.into_iter().map(encode).collect::<Vec<_>>().join("&");
    let request = HttpRequest { method: "POST", path: "/", query: "", headers: &[], body: form.as_bytes() };
    Params::decode(&request).ok()
}

impl World {
    /// An account with a customer gateway (`$cgw`), an attachment of two tunnels (`$vco`) and a VPN gateway (`$vpn`).
    ///
    /// # Panics
    ///
    /// When one of these is refused.
    pub fn new() -> Self {
        let settings = Settings {
            regions: vec![REGION.parse::<RegionId>().expect("it is one")],
            public_addresses: vec![Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2)],
            auto_attach: true,
            vco_routes_per_connection_max: 100,
            customer_gateways_per_region_max: 100,
            vpn_routes_per_gateway_max: 100,
            vpn_pbr_routes_per_gateway_max: 100,
            vpn_connections_per_region_max: 100,
            vpn_gateways_per_region_max: 100,
            vpcs: Vec::new(),
            recorded_bytes_max: 1 << 20,
            recorded_change_age_ms_max: 86_400_000,
            recorded_changes_max: 100,
        };
        let account = "1234567890123456".parse().expect("16 digits");
        let mut world = Self { state: AccountState::new(account), settings, ids: Vec::new() };
        world.make("$cgw", "CreateCustomerGateway", "CustomerGatewayId", &[("IpAddress", "198.51.100.7")]);
        let networks = [("LocalSubnet", "10.1.0.0/16"), ("RemoteSubnet", "10.2.0.0/16")];
        let tunnels = [
            ("TunnelOptionsSpecification.1.CustomerGatewayId", "$cgw"),
            ("TunnelOptionsSpecification.2.CustomerGatewayId", "$cgw"),
        ];
        world.make("$vco", "CreateVpnAttachment", "VpnConnectionId", &[networks, tunnels].concat());
        let gateway = [("VpcId", "vpc-1"), ("Bandwidth", "100")];
        world.make("$vpn", "CreateVpnGateway", "VpnGatewayId", &gateway);
        world
    }

    fn make(&mut self, name: &'static str, action: &str, member: &str, pairs: &[(&str, &str)]) {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, self.named(value))).collect();
        let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str())).chain([("RegionId", REGION)]);
        let params = params(pairs).expect("it is well formed");
        match self.plan(&self.state, action, "2016-04-28", &params) {
            Outcome::Answered { body, changes, .. } => {
                self.state.apply(&changes);
                self.ids.push((name, body[member].as_str().expect("an id").to_owned()));
            }
            Outcome::Refused(error) => panic!("{action}: {error:?}"),
        }
    }

    /// A text with the ids in place of what stands for them.
    pub fn named(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
    }

    /// Plans a request at a state, for the account itself.
    pub fn plan(&self, state: &AccountState, action: &str, version: &str, params: &Params) -> Outcome {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&state.revision().to_be_bytes());
        let context = CallContext {
            caller: Caller::Root,
            request_id: RequestId::from_random([9; 16]),
            now_ms: NOW_MS,
            seed,
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            secure_transport: false,
            host: "127.0.0.1:8686",
            settings: &self.settings,
            observations: &InForce(state),
            logs: &NoLines,
            sealer: &Glass,
        };
        execute(state, &context, action, version, params)
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
