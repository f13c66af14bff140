use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

use super::MainRoutes;
use crate::netlink::message::{ListedRoute, NextHop, Target};
use crate::routes::TableRoutes;

/// Interfaces 1 and 2 are those of VPCs, 3 is another.
const OWN: u32 = 1;

/// Where packets go in the end.
#[derive(Debug, PartialEq)]
enum Way {
    OwnVpc,
    Nowhere,
    /// By the route of main for this prefix.
    Main(Option<Ipv4Net>),
}

fn route() -> impl Strategy<Value = ListedRoute> {
    let dest = (any::<u8>(), prop::sample::select(vec![0_u8, 1, 2, 3, 4]))
        .prop_map(|(byte, len)| Ipv4Net::new(Ipv4Addr::new(byte, 0, 0, 0), len).expect("valid").trunc());
    let hop = (1_u32..4).prop_map(|device| NextHop { device, target: Some(Target::Device(device)) });
    (dest, prop::collection::vec(hop, 0..3)).prop_map(|(dest, hops)| ListedRoute {
        table: 254,
        protocol: 4,
        is_forwarding: true,
        dest,
        target: None,
        hops,
    })
}

fn longest<'a>(dests: impl Iterator<Item = &'a Ipv4Net>, address: Ipv4Addr) -> Option<Ipv4Net> {
    dests.filter(|dest| dest.contains(&address)).max_by_key(|dest| dest.prefix_len()).copied()
}

/// What the kernel does: the table first, and then main.
fn way(table: &TableRoutes, main: &[ListedRoute], address: Ipv4Addr) -> Way {
    let by_main = || Way::Main(longest(main.iter().map(|route| &route.dest), address));
    longest(table.keys(), address).map_or_else(by_main, |dest| match table[&dest] {
        Target::Throw => by_main(),
        Target::Blackhole => Way::Nowhere,
        Target::Device(device) | Target::Gateway(device, _) => {
            assert_eq!(device, OWN, "no other way is ever added");
            Way::OwnVpc
        }
    })
}

/// What is to be: the longest prefix of main decides, and its routes say whose it is.
fn expected(main: &[ListedRoute], address: Ipv4Addr, own: Option<u32>) -> Way {
    let dest = longest(main.iter().map(|route| &route.dest), address);
    let routes: Vec<_> = main.iter().filter(|route| Some(route.dest) == dest).collect();
    let leads = |route: &ListedRoute, to: &dyn Fn(u32) -> bool| route.hops.iter().any(|hop| to(hop.device));
    if routes.iter().any(|route| leads(route, &|device| Some(device) == own)) {
        return Way::OwnVpc;
    }
    match routes.first() {
        Some(first) if leads(first, &|device| device < 3) => Way::Nowhere,
        _ => Way::Main(dest),
    }
}

proptest! {
    #[test]
    fn a_domain_finds_its_own_vpc_and_what_is_of_no_vpc(main in prop::collection::vec(route(), 0..8), byte in any::<u8>(), has_vpc in any::<bool>()) {
        let (own, address) = (has_vpc.then_some(OWN), Ipv4Addr::new(byte, 0, 0, 1));
        let table = MainRoutes::new(main.clone(), BTreeSet::from([1, 2])).of_domain(own);
        prop_assert_eq!(way(&table, &main, address), expected(&main, address, own));
        let none = MainRoutes::new(main, BTreeSet::new());
        prop_assert_eq!(none.of_domain(None), TableRoutes::new(), "where there is no VPC nothing changes");
    }
}
