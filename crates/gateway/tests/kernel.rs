//! What we ask of Linux, asked for real: routes, rules, devices and sockets, each test in a namespace of its own.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use causeway_gateway::config::{GatewayConfig, StartError};
use causeway_gateway::netlink::message::Target;
use causeway_gateway::routes::{
    LinuxRoutes, RouteChange, RouteNumbers, TABLE_BASE, TableInterfaces, TableRoutes, Tables, Visible,
    vpc_table,
};
use causeway_gateway::sockets::LocalPorts;
use causeway_gateway::tun::TunDevice;
use causeway_netlab::Lab;
use ipnet::Ipv4Net;

fn lab() -> Lab {
    Lab::new("gw").expect("this test makes network namespaces: run it as root")
}

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn routes() -> LinuxRoutes {
    LinuxRoutes::open(RouteNumbers::default()).unwrap()
}

/// A device that is up, and its index.
fn device(routes: &mut LinuxRoutes) -> (TunDevice, u32) {
    let device = TunDevice::open("cw0", 1).unwrap();
    routes.set_link(device.index(), 1_400, "causeway test").unwrap();
    let index = device.index();
    (device, index)
}

/// The tables of domains by number, each with the interface of its VPC.
fn tables(numbers: &[(u32, Option<&str>)]) -> Tables {
    let table = |(number, vpc): &(u32, Option<&str>)| {
        let interfaces = TableInterfaces { device: format!("cw{number}"), vpc: vpc.map(ToOwned::to_owned) };
        (TABLE_BASE + number, interfaces)
    };
    numbers.iter().map(table).collect()
}

#[test]
fn routes_and_rules_are_put_observed_and_swept() {
    let lab = lab();
    let host = lab.host("router").unwrap();
    host.enter(|| {
        let mut routes = routes();
        let (_device, index) = device(&mut routes);
        let table = TableRoutes::from([
            (net("10.0.0.0/8"), Target::Device(index)),
            (net("10.1.0.0/16"), Target::Throw),
            (net("10.2.0.0/16"), Target::Blackhole),
            (net("10.3.0.0/16"), Target::Gateway(index, Ipv4Addr::new(192, 0, 2, 7))),
            (net("0.0.0.0/0"), Target::Device(index)),
        ]);
        let puts: Vec<_> = table.iter().map(|(dest, target)| RouteChange::Put(*dest, *target)).collect();
        routes.apply(TABLE_BASE, &puts).unwrap();
        routes.apply(TABLE_BASE, &puts).unwrap();
        assert_eq!(routes.observe(TABLE_BASE).unwrap(), table);

        routes.apply(TABLE_BASE, &[RouteChange::Put(net("10.1.0.0/16"), Target::Device(index))]).unwrap();
        assert_eq!(routes.observe(TABLE_BASE).unwrap()[&net("10.1.0.0/16")], Target::Device(index));
        let delete = RouteChange::Delete(net("10.1.0.0/16"));
        routes.apply(TABLE_BASE, &[delete, delete]).unwrap();
        assert_eq!(routes.observe(TABLE_BASE).unwrap().len(), 4);

        for table in [TABLE_BASE + 1, vpc_table(TABLE_BASE), vpc_table(TABLE_BASE + 1)] {
            routes.apply(table, &puts).unwrap();
        }
        assert_eq!(routes.sweep(&tables(&[(0, None)])).unwrap(), 10);
        assert_eq!(routes.observe(TABLE_BASE + 1).unwrap().len(), 0);
        assert_eq!(routes.observe(TABLE_BASE).unwrap().len(), 4);
        assert_eq!(routes.observe(vpc_table(TABLE_BASE)).unwrap().len(), 5, "the domain is still there");
    })
    .unwrap();
    host.enter(|| {
        let mut routes = routes();
        routes.put_rules(&tables(&[(0, None), (1, None)])).unwrap();
        routes.put_rules(&tables(&[(0, None), (2, None)])).unwrap();
    })
    .unwrap();
    let rules = host.ip("rule").unwrap();
    assert!(rules.contains("not from all fwmark 0xca lookup 20200 proto 202"), "{rules}");
    assert!(rules.contains("lookup 20202"), "{rules}");
    assert!(!rules.contains("lookup 20201"), "{rules}");
}

#[test]
fn packets_follow_our_table_unless_they_are_marked_or_main_knows_better() {
    let lab = lab();
    let host = lab.host("router").unwrap();
    host.ip("link add lan type veth peer name other").unwrap();
    host.ip("link set lan up").unwrap();
    host.ip("link set other up").unwrap();
    host.ip("address add 10.1.0.1/16 dev lan").unwrap();
    host.enter(|| {
        let mut routes = routes();
        let (_device, index) = device(&mut routes);
        let main = routes.observe_main(BTreeSet::new()).unwrap().prefixes;
        assert_eq!(main, BTreeSet::from([net("10.1.0.0/16")]));
        let wanted = causeway_gateway::routes::table_wanted(
            &BTreeSet::from([net("0.0.0.0/0"), net("10.1.2.0/24")]),
            Visible { prefixes: &main, hidden: &BTreeSet::new() },
            index,
            ..,
        );
        let changes = causeway_gateway::routes::table_changes(&TableRoutes::new(), &wanted);
        routes.apply(TABLE_BASE, &changes).unwrap();
        routes.put_rules(&tables(&[(0, None)])).unwrap();
    })
    .unwrap();
    assert!(host.ip("route get 8.8.8.8").unwrap().contains("dev cw0"));
    assert!(host.ip("route get 10.1.2.3").unwrap().contains("dev cw0"));
    assert!(host.ip("route get 10.1.3.3").unwrap().contains("dev lan"));
    assert!(host.ip("route get 10.1.2.3 mark 0xca").unwrap().contains("dev lan"));
    assert!(host.ip("route get 8.8.8.8 mark 0xca").is_err(), "main has no default route");
}

#[test]
fn what_comes_from_a_domain_sees_its_own_table_and_then_main() {
    let lab = lab();
    let host = lab.host("router").unwrap();
    for name in ["cw0", "cw1", "cw2", "vpc1", "lan", "wan"] {
        host.ip(&format!("link add {name} type veth peer name {name}-peer")).unwrap();
        host.ip(&format!("link set {name} up")).unwrap();
        host.ip(&format!("link set {name}-peer up")).unwrap();
        host.sysctl(&format!("net.ipv4.conf.{name}.rp_filter"), "0").unwrap();
    }
    host.sysctl("net.ipv4.conf.all.rp_filter", "0").unwrap();
    host.sysctl("net.ipv4.ip_forward", "1").unwrap();
    host.ip("address add 192.0.2.1/24 dev wan").unwrap();
    host.ip("route add default via 192.0.2.254").unwrap();
    let put = |tables: &Tables| {
        host.enter(|| routes().put_rules(tables)).unwrap().unwrap();
    };
    put(&tables(&[(0, None), (1, Some("vpc1")), (2, None)]));
    for (number, dest) in [(0, "10.0.0.0/16"), (1, "10.1.0.0/16"), (2, "10.2.0.0/16")] {
        host.ip(&format!("route add {dest} dev cw{number} table {}", TABLE_BASE + number)).unwrap();
    }
    let leads = |from: &str, to: &str| {
        let told = host.ip(&format!("route get {to} from 10.99.0.1 iif {from}")).unwrap();
        let device = told.split_whitespace().skip_while(|word| *word != "dev").nth(1);
        device.unwrap_or_default().to_owned()
    };
    let all = |expected: &[(&str, [&str; 3])]| {
        for (from, devices) in expected {
            let led = ["10.0.0.1", "10.1.0.1", "10.2.0.1"].map(|to| leads(from, to));
            assert_eq!(&led, devices, "from {from}: {}", host.ip("rule").unwrap());
            assert_eq!(leads(from, "198.51.100.1"), "wan");
        }
    };
    let isolated = [
        ("cw0", ["cw0", "wan", "wan"]),
        ("cw1", ["wan", "cw1", "wan"]),
        ("vpc1", ["wan", "cw1", "wan"]),
        ("lan", ["cw0", "wan", "cw2"]),
    ];
    all(&isolated);
    // Rules that somebody takes away or doubles are put right; others' are left alone.
    host.ip("rule add from all iif lan lookup main priority 20190").unwrap();
    host.ip("rule del priority 20201").unwrap();
    host.ip("rule del iif vpc1 priority 20199").unwrap();
    host.ip("rule add iif vpc1 goto 20201 priority 20150 protocol 202").unwrap();
    put(&tables(&[(0, None), (1, Some("vpc1")), (2, None)]));
    all(&isolated[..3]);
    let rules = host.ip("rule").unwrap();
    assert!(rules.contains("20190:") && !rules.contains("20150:"), "{rules}");
    put(&Tables::new());
    assert!(!host.ip("rule").unwrap().contains("proto 202"));
}

#[test]
fn the_device_and_its_routes_outlive_the_process_and_are_taken_over() {
    let lab = lab();
    let host = lab.host("router").unwrap();
    host.enter(|| {
        let mut routes = routes();
        let (device, index) = device(&mut routes);
        routes.apply(TABLE_BASE, &[RouteChange::Put(net("10.0.0.0/8"), Target::Device(index))]).unwrap();
        drop(device);
        assert_eq!(
            routes.observe(TABLE_BASE).unwrap().len(),
            1,
            "what is routed to us does not leave in clear"
        );
        let links = routes.links().unwrap();
        let left = links.iter().find(|link| link.name == "cw0").unwrap();
        assert_eq!(left.alias.as_deref(), Some("causeway test"));
        let again = TunDevice::open("cw0", 1).unwrap();
        assert_eq!(again.index(), index);
        routes.delete_link(index).unwrap();
        assert_eq!(routes.observe(TABLE_BASE).unwrap().len(), 0);
        routes.delete_link(index).unwrap();
    })
    .unwrap();
}

#[test]
fn ten_thousand_routes_are_added_and_removed_in_a_second() {
    let lab = lab();
    let host = lab.host("router").unwrap();
    host.enter(|| {
        let mut routes = routes();
        let (_device, index) = device(&mut routes);
        let dest = |n: u32| Ipv4Net::from(Ipv4Addr::from(10 << 24 | n));
        let start = Instant::now();
        let puts: Vec<_> = (0..10_000).map(|n| RouteChange::Put(dest(n), Target::Device(index))).collect();
        routes.apply(TABLE_BASE, &puts).unwrap();
        assert_eq!(routes.observe(TABLE_BASE).unwrap().len(), 10_000);
        let deletes: Vec<_> = (0..10_000).map(|n| RouteChange::Delete(dest(n))).collect();
        routes.apply(TABLE_BASE, &deletes).unwrap();
        assert_eq!(routes.observe(TABLE_BASE).unwrap().len(), 0);
        let elapsed = start.elapsed();
        eprintln!("10,000 routes added, listed and removed in {elapsed:?}");
        assert!(elapsed.as_secs() < 5, "{elapsed:?}");
    })
    .unwrap();
}

#[test]
fn what_the_kernel_refuses_is_told_and_the_rest_of_the_batch_is_done() {
    let lab = lab();
    let host = lab.host("router").unwrap();
    host.enter(|| {
        let mut routes = routes();
        let (_device, index) = device(&mut routes);
        let mut changes: Vec<_> = (0..300_u32)
            .map(|n| RouteChange::Put(Ipv4Net::from(Ipv4Addr::from(n)), Target::Device(index)))
            .collect();
        changes[200] = RouteChange::Put(net("10.9.9.9/32"), Target::Device(9_999));
        let error = routes.apply(TABLE_BASE, &changes).unwrap_err().to_string();
        assert!(error.contains("1 of 300") && error.contains("10.9.9.9/32"), "{error}");
        assert_eq!(routes.observe(TABLE_BASE).unwrap().len(), 299);
    })
    .unwrap();
}

#[test]
fn a_port_in_use_and_a_missing_address_are_told_apart() {
    let lab = lab();
    let host = lab.host("router").unwrap();
    host.enter(|| {
        let address = Ipv4Addr::LOCALHOST;
        let config = GatewayConfig::at([address]);
        let held = LocalPorts::bind(address, &config).unwrap();
        assert!(matches!(LocalPorts::bind(address, &config), Err(StartError::PortInUse { port: 500, .. })));
        drop(held);
        // Another test that starts a program at this moment holds what we have open until its child executes.
        let end = Instant::now() + Duration::from_secs(5);
        while let Err(error) = LocalPorts::bind(address, &config) {
            assert!(matches!(error, StartError::PortInUse { .. }) && Instant::now() < end, "{error}");
            std::thread::sleep(Duration::from_millis(1));
        }
        let elsewhere = Ipv4Addr::new(192, 0, 2, 1);
        assert!(matches!(
            LocalPorts::bind(elsewhere, &config),
            Err(StartError::AddressNotAvailable { address }) if address == elsewhere
        ));
    })
    .unwrap();
}

/// Set in the process that `missing_rights_...` starts without capabilities.
const WITHOUT_RIGHTS: &str = "CAUSEWAY_TEST_WITHOUT_RIGHTS";

/// Not a test but that process; by itself it has nothing to say.
#[test]
fn binding_without_rights() {
    if std::env::var_os(WITHOUT_RIGHTS).is_none() {
        return;
    }
    let config = GatewayConfig::at([Ipv4Addr::LOCALHOST]);
    let error = LocalPorts::bind(Ipv4Addr::LOCALHOST, &config).map(drop).unwrap_err();
    assert!(matches!(error, StartError::Permission { .. }), "{error}");
    println!("refused: {error}");
}

#[test]
fn missing_rights_are_told_with_what_to_do() {
    let lab = lab();
    let host = lab.host("router").unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "binding_without_rights", "--nocapture"]).env(WITHOUT_RIGHTS, "1");
    let output = host.output(&mut command, Duration::from_secs(20)).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("refused: no permission"), "{text}");
    assert!(text.contains("CAP_NET_ADMIN"), "{text}");
}
