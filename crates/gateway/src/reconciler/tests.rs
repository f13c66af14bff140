use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use causeway_control::desired::{DesiredRoute, RouteMatch};
use causeway_control::observed::ObservedForwarding;
use causeway_control::resource::tunnel::TunnelRole;
use causeway_netlab::{Host, Lab};
use crossbeam_channel::{Receiver, unbounded};

use super::check::SURVEY_INTERVAL;
use super::{RETRY_AFTER, Reconciler};
use crate::config::GatewayConfig;
use crate::domains::{Domains, Listed, MAIN_LISTED_AGE};
use crate::engine::Command;
use crate::path::worker::Workers;
use crate::reports::Reports;
use crate::routes::{LinuxRoutes, RouteNumbers};
use crate::snapshot::Registry;
use crate::withdrawals::Withdrawn;

#[path = "../../tests/support/wanted.rs"]
mod wanted;
use wanted::{World, connection, route, tunnel, vpn_gateway_domain};

/// A reconciler on a host of its own that looks when it is told to, and negotiates nothing.
struct Bench {
    reconciler: Reconciler,
    world: Arc<World>,
    registry: Arc<Registry>,
    host: Host,
    lab: Lab,
    _commands: Receiver<Command>,
}

impl Bench {
    fn new() -> Self {
        let lab = Lab::new("rec").expect("this test makes network namespaces: run it as root");
        let host = lab.host("gateway").expect("a namespace");
        let (world, registry) = (World::new(), Arc::new(Registry::default()));
        let config = GatewayConfig::at([Ipv4Addr::LOCALHOST]);
        let domains =
            host.enter(|| Domains::new(&config, Workers::default())).expect("entered").expect("a socket");
        let (sender, commands) = unbounded();
        let reports = Arc::new(Reports::new(Arc::clone(&world) as _));
        let desires = Arc::clone(&world) as _;
        let reconciler =
            Reconciler::new(desires, reports, Arc::clone(&registry), domains, sender, Withdrawn::default());
        Self { reconciler, world, registry, host, lab, _commands: commands }
    }

    fn look(&mut self) {
        let reconciler = &mut self.reconciler;
        self.host.enter(|| reconciler.look()).expect("entered");
    }

    fn check(&mut self) {
        let reconciler = &mut self.reconciler;
        self.host.enter(|| reconciler.check()).expect("entered");
        while self.reconciler.domains.is_surveying() {
            let listed = self.reconciler.domains.listings().recv().expect("the lister lives");
            self.listed(listed);
        }
    }

    fn listed(&mut self, listed: Listed) {
        self.reconciler.listed(listed);
        while self.reconciler.domains.is_comparing() {
            let reconciler = &mut self.reconciler;
            self.host.enter(|| reconciler.compare()).expect("entered");
        }
    }

    /// From now on routes are changed where our devices are not.
    fn refuse(&mut self) {
        let elsewhere = self.lab.host("elsewhere").expect("a namespace");
        self.change_routes_of(&elsewhere);
    }

    fn accept(&mut self) {
        self.change_routes_of(&self.host.clone());
    }

    fn change_routes_of(&mut self, host: &Host) {
        let routes = host.enter(|| LinuxRoutes::open(RouteNumbers::default())).expect("entered");
        self.reconciler.domains.change_routes_of(routes.expect("a socket"));
    }

    fn told(&self, id: &str, of: impl Into<RouteMatch>) -> ObservedForwarding {
        let id = id.parse().expect("an id");
        self.registry.forwarding(&id, Some(of.into())).expect("the connection is known")
    }

    /// Whether the gateway says that Linux brings a destination to a device of it.
    fn is_told_as_brought(&self, id: &str, dest: &str) -> bool {
        self.told(id, route(dest).dest).linux_route.is_some()
    }

    fn table(&self) -> String {
        self.host.ip("route show table 20200").unwrap_or_default()
    }
}

fn withdrawn(dest: &str) -> DesiredRoute {
    DesiredRoute { is_published: false, ..route(dest) }
}

#[test]
fn what_linux_brings_is_told_of_the_domain_whosever_route_it_is() {
    let mut bench = Bench::new();
    bench.world.want(connection("vco-one", vec![], &[]));
    bench.world.change("vco-one", |it| it.routes = vec![withdrawn("10.2.0.0/24")]);
    bench.look();
    assert!(!bench.is_told_as_brought("vco-one", "10.2.0.0/24"), "{}", bench.table());
    bench.world.want(connection("vco-other", vec![], &["10.2.0.0/24"]));
    bench.look();
    assert!(bench.table().contains("10.2.0.0/24 dev cw0"), "{}", bench.table());
    assert!(bench.is_told_as_brought("vco-one", "10.2.0.0/24"), "{}", bench.table());
    // A shorter prefix brings it as well.
    bench.world.change("vco-other", |it| it.routes = vec![route("10.0.0.0/8")]);
    bench.look();
    assert!(bench.is_told_as_brought("vco-one", "10.2.0.0/24"), "{}", bench.table());
    bench.world.change("vco-other", |it| it.routes.clear());
    bench.look();
    assert!(!bench.is_told_as_brought("vco-one", "10.2.0.0/24"), "{}", bench.table());
}

#[test]
fn after_a_plan_that_was_cut_off_what_was_done_is_told_and_nothing_else() {
    let mut bench = Bench::new();
    bench.world.want(connection("vco-one", vec![], &["10.2.0.0/24"]));
    bench.look();
    bench.refuse();
    let address = Ipv4Addr::new(192, 0, 2, 1);
    bench.world.change("vco-one", |it| {
        it.tunnels = vec![tunnel("tun-one", TunnelRole::Master, address, address)];
        it.routes = vec![route("10.2.0.0/24"), withdrawn("10.3.0.0/24"), route("10.4.0.0/24")];
    });
    bench.look();
    let told = bench.told("vco-one", route("10.4.0.0/24").dest);
    assert_eq!((told.entry, told.linux_route), (Some(100), None), "the kernel refused its Linux route");
    assert_eq!(told.tunnels.len(), 1, "the tunnel came before that");
    assert!(!bench.is_told_as_brought("vco-one", "10.3.0.0/24"));
    assert!(bench.is_told_as_brought("vco-one", "10.2.0.0/24"), "it is there: {}", bench.table());

    bench.accept();
    bench.world.change("vco-one", |it| it.routes.retain(|route| route.is_published));
    bench.look();
    assert!(bench.is_told_as_brought("vco-one", "10.4.0.0/24"), "{}", bench.table());
}

#[test]
fn what_the_kernel_did_of_a_change_that_it_refused_does_not_stay() {
    let mut bench = Bench::new();
    bench.world.want(connection("vco-one", vec![], &["10.2.0.0/24"]));
    bench.look();
    bench.check();
    for command in
        ["link add lan type veth peer name other", "link set lan up", "route add 10.4.1.0/24 dev lan"]
    {
        bench.host.ip(command).expect("done");
    }
    bench.reconciler.domains.check_main().expect("listed");
    // What main knows more exactly is thrown back to it first, which needs no device. The route itself needs one.
    bench.host.ip("link set cw0 down").expect("done");
    bench.world.change("vco-one", |it| it.routes.push(route("10.4.0.0/16")));
    bench.look();
    assert_eq!(bench.table().trim(), "throw 10.4.1.0/24 proto 202 scope host", "a part of the change");
    bench.world.change("vco-one", |it| it.routes.truncate(1));
    bench.look();
    // Long before all routes are listed without a reason.
    let end = Instant::now() + SURVEY_INTERVAL / 3;
    while bench.table().trim() != "10.2.0.0/24 dev cw0 proto 202 scope link" {
        assert!(Instant::now() < end, "{}", bench.table());
        bench.check();
    }
}

#[test]
fn what_others_did_to_many_routes_is_undone_and_nothing_else() {
    let mut bench = Bench::new();
    let dests: Vec<_> = (0..5_000).map(|n| format!("10.{}.{}.0/24", n / 250, n % 250)).collect();
    bench.world.want(connection("vco-one", vec![], &dests.iter().map(String::as_str).collect::<Vec<_>>()));
    bench.look();
    bench.check();
    let before = bench.table();
    assert_eq!(before.lines().count(), dests.len());
    // The first and the last one, some in between, and what nobody asked for at either end.
    for dest in [0, 1_999, 2_000, 2_001, 4_999].map(|n| &dests[n]) {
        bench.host.ip(&format!("route del {dest} table 20200")).expect("deleted");
    }
    for dest in ["9.0.0.0/8", "10.3.7.0/25", "11.0.0.0/8"] {
        bench.host.ip(&format!("route add {dest} dev cw0 table 20200 proto 202 scope link")).expect("added");
    }
    bench.reconciler.changes.note_ours();
    let end = Instant::now() + SURVEY_INTERVAL / 3;
    while bench.table() != before {
        assert!(Instant::now() < end, "{}", bench.table());
        bench.check();
    }
}

#[test]
fn what_is_changed_while_all_routes_are_looked_at_stays_changed() {
    let mut bench = Bench::new();
    bench.world.want(connection("vco-one", vec![], &["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]));
    bench.look();
    bench.host.ip("route del 10.3.0.0/16 table 20200").expect("deleted");
    let reconciler = &mut bench.reconciler;
    bench.host.enter(|| reconciler.check()).expect("entered");
    let listed = bench.reconciler.domains.listings().recv().expect("a listing");
    bench.world.change("vco-one", |it| it.routes[0] = route("10.9.0.0/16"));
    bench.look();
    bench.listed(listed);
    let table = bench.table();
    let dests: Vec<_> = table.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(dests, ["10.2.0.0/16", "10.3.0.0/16", "10.9.0.0/16"]);
    assert!(!bench.reconciler.domains.is_surveying());
}

#[test]
fn what_main_learns_while_a_route_is_made_is_thrown_back_for_all_routes() {
    let mut bench = Bench::new();
    bench.world.want(connection("vco-one", vec![], &["10.0.0.0/8"]));
    bench.look();
    bench.check();
    bench.host.ip("link set lo up").expect("up");
    bench.host.ip("route add 10.4.1.0/24 dev lo").expect("a route");
    std::thread::sleep(MAIN_LISTED_AGE);
    bench.world.want(connection("vco-other", vec![], &["10.9.0.0/24"]));
    bench.look();
    assert!(bench.table().contains("throw 10.4.1.0/24"), "{}", bench.table());
}

#[test]
fn a_connection_that_is_deleted_before_it_could_join_its_domain_is_forgotten() {
    let mut bench = Bench::new();
    let mut wanted = connection("vco-one", vec![], &["10.2.0.0/24"]);
    // Nobody opens it.
    wanted.domain = vpn_gateway_domain("one");
    bench.world.want(wanted);
    bench.check();
    bench.look();
    assert_eq!(bench.reconciler.retries.len(), 1);
    bench.world.forget("vco-one");
    std::thread::sleep(RETRY_AFTER);
    bench.look();
    assert!(bench.world.is_gone("vco-one"), "whoever deleted it waits for that");
    assert!(bench.reconciler.pause() > RETRY_AFTER, "there is nothing to be tried again");
}
