//! Random sequences of calls, beside a model that is simple enough to be believed.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::Config;

use crate::ids::VpnConnectionId;
use crate::record::Record;
use crate::resource::vco_route_entry::RouteId;
use crate::resource::vpn_connection::State;
use crate::testing::{ACCOUNT, World};

#[derive(Debug, Clone)]
enum Step {
    CreateGateway { host: u8 },
    DeleteGateway { which: u8 },
    RekeyGateway { which: u8 },
    CreateConnection { peer: u8 },
    DeleteConnection { which: u8 },
    RenameConnection { which: u8 },
    ModifyConnection { which: u8, dpd: bool },
    Attach { which: u8 },
    Detach { which: u8 },
    CreateRoute { which: u8, dest: u8, high: bool },
    DeleteRoute { which: u8, dest: u8, high: bool },
    ModifyRoute { which: u8, dest: u8, high: bool },
    Settle,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..4_u8;
    let dest = 0..3_u8;
    let route = (which.clone(), dest, any::<bool>());
    prop_oneof![
        1 => (0..4_u8).prop_map(|host| Step::CreateGateway { host }),
        1 => which.clone().prop_map(|which| Step::DeleteGateway { which }),
        1 => which.clone().prop_map(|which| Step::RekeyGateway { which }),
        2 => (0..4_u8).prop_map(|peer| Step::CreateConnection { peer }),
        1 => which.clone().prop_map(|which| Step::DeleteConnection { which }),
        1 => which.clone().prop_map(|which| Step::RenameConnection { which }),
        1 => (which.clone(), any::<bool>()).prop_map(|(which, dpd)| Step::ModifyConnection { which, dpd }),
        1 => which.clone().prop_map(|which| Step::Attach { which }),
        1 => which.prop_map(|which| Step::Detach { which }),
        6 => route.clone().prop_map(|(which, dest, high)| Step::CreateRoute { which, dest, high }),
        4 => route.clone().prop_map(|(which, dest, high)| Step::DeleteRoute { which, dest, high }),
        3 => route.prop_map(|(which, dest, high)| Step::ModifyRoute { which, dest, high }),
        4 => Just(Step::Settle),
        1 => Just(Step::Restart),
    ]
}

/// The world, and beside it the routes as they should be: destination and whether the weight is 100.
struct Walk {
    world: World,
    routes: BTreeMap<String, BTreeSet<(u8, bool)>>,
    generations: BTreeMap<VpnConnectionId, u64>,
}

fn name(dest: u8) -> String {
    format!("192.168.{dest}.0/24")
}

fn weight(high: bool) -> &'static str {
    if high { "100" } else { "0" }
}

impl Walk {
    fn gateway(&self, which: u8) -> String {
        let region = "eu-central-1".parse().unwrap();
        let found = self.world.state.customer_gateways(&region).nth(which.into());
        found.map_or_else(|| "cgw-nothing".to_owned(), |gateway| gateway.id.to_string())
    }

    fn connection(&self, which: u8) -> String {
        let found = self.world.state.all_vpn_connections().nth(which.into());
        found.map_or_else(|| "vco-nothing".to_owned(), |connection| connection.id.to_string())
    }

    fn attachment(&self, which: u8) -> String {
        let found = self.world.state.all_vpn_connections().nth(which.into());
        let attachment = found.and_then(|connection| connection.attachment.as_ref());
        attachment.map_or_else(|| "tr-attach-nothing".to_owned(), |attachment| attachment.id.to_string())
    }

    fn state_of(&self, connection: &str) -> Option<State> {
        let id: VpnConnectionId = connection.parse().unwrap();
        let connection = self.world.state.vpn_connection(&id)?;
        Some(connection.state(self.world.reports.0.get(&id).map(|report| report.generation)))
    }

    /// What a change of a route is to be answered, by the model alone.
    fn expected(&self, connection: &str, action: &str, dest: u8, high: bool) -> &'static str {
        let Some(state) = self.state_of(connection) else { return "InvalidVpnConnectionInstanceId.NotFound" };
        let none = BTreeSet::new();
        let routes = self.routes.get(connection).unwrap_or(&none);
        let (this, other) = (routes.contains(&(dest, high)), routes.contains(&(dest, !high)));
        let attached = !matches!(state, State::Init | State::Detaching);
        match action {
            "CreateVcoRouteEntry" if !attached => return "IncorrectStatus.VpnConnection",
            "CreateVcoRouteEntry" if this => return "VpnRouteEntry.Conflict",
            "CreateVcoRouteEntry" => {}
            _ if this && action == "ModifyVcoRouteEntryWeight" && other => return "VpnRouteEntry.Conflict",
            _ if this => {}
            _ if other => return "VpnRouteEntry.Conflict",
            _ => return "InvalidRouteEntry.NotFound",
        }
        if matches!(state, State::Attaching | State::Updating) { "VpnConnection.Configuring" } else { "" }
    }

    /// Changes a route in the world and in the model, and holds one against the other.
    fn change_route(&mut self, which: u8, action: &str, dest: u8, high: bool) {
        let connection = self.connection(which);
        let expected = self.expected(&connection, action, dest, high);
        let dest_name = name(dest);
        let parameters = [
            ("VpnConnectionId", connection.as_str()),
            ("RouteDest", &dest_name),
            ("NextHop", &connection),
            ("Weight", weight(high)),
            ("NewWeight", weight(!high)),
        ];
        let answer = self.world.call(action, &parameters);
        let code = answer.map_or_else(|refusal| refusal.code().into_owned(), |_| String::new());
        assert_eq!(code, expected, "{action} {connection} {dest} {high}");
        if code.is_empty() {
            let routes = self.routes.entry(connection).or_default();
            if action != "CreateVcoRouteEntry" {
                routes.remove(&(dest, high));
            }
            if action != "DeleteVcoRouteEntry" {
                routes.insert((dest, high == (action == "CreateVcoRouteEntry")));
            }
        }
    }

    fn take(&mut self, step: &Step) {
        // What is refused here is refused for reasons that other tests are about; nothing may come of it.
        let before = (self.world.state.revision(), self.world.rows.clone());
        let answered = match step {
            Step::CreateRoute { which, dest, high } => {
                self.change_route(*which, "CreateVcoRouteEntry", *dest, *high);
                true
            }
            Step::DeleteRoute { which, dest, high } => {
                self.change_route(*which, "DeleteVcoRouteEntry", *dest, *high);
                true
            }
            Step::ModifyRoute { which, dest, high } => {
                self.change_route(*which, "ModifyVcoRouteEntryWeight", *dest, *high);
                true
            }
            Step::Settle => {
                self.world.settle();
                true
            }
            Step::Restart => {
                self.world.state = self.world.restored();
                self.world.reports.0.clear();
                true
            }
            other => self.call(other),
        };
        if !answered {
            assert_eq!((self.world.state.revision(), &self.world.rows), (before.0, &before.1), "{step:?}");
        }
    }

    fn call(&mut self, step: &Step) -> bool {
        let answer = match step {
            Step::CreateGateway { host } => {
                let address = format!("198.51.100.{host}");
                self.world.call("CreateCustomerGateway", &[("IpAddress", &address)])
            }
            Step::DeleteGateway { which } => {
                let id = self.gateway(*which);
                self.world.call("DeleteCustomerGateway", &[("CustomerGatewayId", &id)])
            }
            Step::RekeyGateway { which } => {
                let id = self.gateway(*which);
                let key = format!("key-{}", self.world.now_ms);
                let parameters = [("CustomerGatewayId", id.as_str()), ("AuthKey", &key)];
                self.world.call("ModifyCustomerGatewayAttribute", &parameters)
            }
            Step::CreateConnection { peer } => {
                let peer = self.gateway(*peer);
                let parameters = [
                    ("LocalSubnet", "0.0.0.0/0"),
                    ("RemoteSubnet", "0.0.0.0/0"),
                    ("CustomerGatewayId", &peer),
                ];
                self.world.call("CreateVpnAttachment", &parameters)
            }
            Step::DeleteConnection { which } => {
                let id = self.connection(*which);
                let answer = self.world.call("DeleteVpnAttachment", &[("VpnConnectionId", &id)]);
                if answer.is_ok() {
                    self.routes.remove(&id);
                }
                answer
            }
            Step::RenameConnection { which } => {
                let id = self.connection(*which);
                let name = format!("name-{}", self.world.now_ms);
                self.world.call("ModifyVpnAttachmentAttribute", &[("VpnConnectionId", &id), ("Name", &name)])
            }
            Step::ModifyConnection { which, dpd } => {
                let id = self.connection(*which);
                let dpd = dpd.to_string();
                self.world
                    .call("ModifyVpnAttachmentAttribute", &[("VpnConnectionId", &id), ("EnableDpd", &dpd)])
            }
            Step::Attach { which } => {
                let id = self.connection(*which);
                let parameters = [("VpnId", id.as_str()), ("VpnOwnerId", ACCOUNT)];
                self.world.call("CreateTransitRouterVpnAttachment", &parameters)
            }
            Step::Detach { which } => {
                let id = self.attachment(*which);
                self.world.call("DeleteTransitRouterVpnAttachment", &[("TransitRouterAttachmentId", &id)])
            }
            _ => return true,
        };
        answer.is_ok()
    }

    fn check_invariants(&mut self) {
        assert_eq!(self.world.state, self.world.restored(), "a restart finds another state");
        let mut generations = BTreeMap::new();
        for connection in self.world.state.all_vpn_connections() {
            let before = self.generations.get(&connection.id).copied().unwrap_or_default();
            assert!(connection.generation >= before, "the generation of {} went back", connection.id);
            assert!(connection.generation <= self.world.state.revision());
            generations.insert(connection.id.clone(), connection.generation);
            for gateway in connection.customer_gateways() {
                assert!(self.world.state.customer_gateway(gateway).is_some(), "a peer is gone");
            }
        }
        self.generations = generations;
        for (kind, id) in self.world.rows.keys().filter(|(kind, _)| kind == Record::VCO_ROUTE_ENTRY) {
            let route: RouteId = id.parse().unwrap();
            assert!(self.world.state.vpn_connection(&route.connection).is_some(), "{kind} {id} is left over");
        }
        self.check_routes();
    }

    /// All pages of the routes of each connection together are what the model has.
    fn check_routes(&mut self) {
        let ids: Vec<String> = self.world.state.all_vpn_connections().map(|it| it.id.to_string()).collect();
        for id in ids {
            let mut listed = BTreeSet::new();
            for number in ["1", "2", "3"] {
                let page = [("VpnConnectionId", id.as_str()), ("PageNumber", number), ("PageSize", "2")];
                let answer = self.world.call("DescribeVcoRouteEntries", &page).unwrap();
                for route in answer["VcoRouteEntries"].as_array().unwrap() {
                    let entry =
                        (route["RouteDest"].as_str().unwrap().to_owned(), route["Weight"].as_u64().unwrap());
                    assert!(listed.insert(entry), "a route is on two pages");
                }
            }
            let expected = self.routes.get(&id).into_iter().flatten();
            let expected: BTreeSet<(String, u64)> =
                expected.map(|(dest, high)| (name(*dest), if *high { 100 } else { 0 })).collect();
            assert_eq!(listed, expected);
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 96, failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_is_called_in_whatever_order_the_invariants_hold(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        let (mut world, _) = World::with_connection();
        world.settings.vpn_connections_per_region_max = 4;
        let mut walk = Walk { world, routes: BTreeMap::new(), generations: BTreeMap::new() };
        for step in &steps {
            walk.take(step);
            walk.check_invariants();
        }
        // Whatever happened, the gateway can catch up.
        walk.world.settle();
        for connection in walk.world.state.all_vpn_connections() {
            let expected = if connection.attachment.is_some() { State::Attached } else { State::Init };
            prop_assert_eq!(walk.state_of(connection.id.as_str()), Some(expected));
        }
    }
}
