use std::collections::{BTreeMap, BTreeSet};

use causeway_control::fields::Weight;
use causeway_control::ids::VpnConnectionId;
use ipnet::Ipv4Net;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

use super::{Programmed, ProgrammedConnection, Step, entries, plan, prefixes};
use causeway_control::desired::{
    DesiredConnection, DesiredRoute, DesiredTunnel, Domain, DomainOwner, Policy,
};

const CONNECTIONS: u8 = 3;

fn connection_id(number: u8) -> VpnConnectionId {
    format!("vco-{number}").parse().expect("a valid id")
}

fn domain(number: u8) -> Domain {
    Domain {
        account: "1234567890123456".parse().expect("a valid id"),
        region: "eu-central-1".parse().expect("a valid id"),
        owner: DomainOwner::TransitRouter(format!("tr-{number}").parse().expect("a valid id")),
    }
}

fn tunnel(number: u8, version: u8) -> DesiredTunnel {
    crate::samples::tunnel(&format!("tun-{number}"), version)
}

fn dest(number: u8) -> Ipv4Net {
    Ipv4Net::new([10, number, 0, 0].into(), 16).expect("valid")
}

fn desired(number: u8) -> impl Strategy<Value = DesiredConnection> {
    let route = (0_u8..5, any::<bool>(), prop::option::of(0_u8..2));
    let routes = prop::collection::btree_map(route, any::<bool>(), 0..8);
    let tunnels = prop::collection::btree_map(0_u8..2, 0_u8..2, 0..3);
    (0_u8..2, tunnels, routes).prop_map(move |(in_domain, tunnels, routes)| DesiredConnection {
        id: connection_id(number),
        domain: domain(in_domain),
        generation: 1,
        // Tunnels of different connections have different ids.
        tunnels: tunnels.into_iter().map(|(index, version)| tunnel(number * 10 + index, version)).collect(),
        routes: routes
            .into_iter()
            .map(|((to, preferred, from), is_published)| DesiredRoute {
                policy: from.map(|from| Policy { priority: 10 + from, source: dest(100 + from) }),
                is_published,
                ..DesiredRoute::to(dest(to), if preferred { Weight::HIGH } else { Weight::LOW })
            })
            .collect(),
    })
}

fn world() -> impl Strategy<Value = Vec<Option<DesiredConnection>>> {
    (prop::option::of(desired(0)), prop::option::of(desired(1)), prop::option::of(desired(2)))
        .prop_map(|(a, b, c)| vec![a, b, c])
}

/// The Linux routes, which only steps change.
type Linux = BTreeSet<(Domain, Ipv4Net)>;

fn apply(programmed: &mut Programmed, linux: &mut Linux, id: &VpnConnectionId, step: &Step) {
    match step {
        Step::RemoveRoute(domain, dest) => drop(linux.remove(&(domain.clone(), *dest))),
        Step::PutRoute(domain, dest) => drop(linux.insert((domain.clone(), *dest))),
        _ => {}
    }
    programmed.done(id, step);
}

fn wanted(desired: &DesiredConnection) -> ProgrammedConnection {
    let entries = entries(desired);
    ProgrammedConnection {
        domain: desired.domain.clone(),
        tunnels: desired.tunnels.iter().map(|tunnel| (tunnel.id.clone(), tunnel.clone())).collect(),
        prefixes: prefixes(desired),
        entries,
    }
}

fn others(programmed: &Programmed, id: &VpnConnectionId) -> BTreeMap<VpnConnectionId, ProgrammedConnection> {
    let others = programmed.connections().filter(|(other, _)| *other != id);
    others.map(|(id, connection)| (id.clone(), connection.clone())).collect()
}

proptest! {
    /// Each plan is cut off somewhere (an error, a crash) before the next change of what is desired.
    #[test]
    fn from_any_state_the_plan_reaches_what_is_desired_and_touches_nothing_else(
        history in prop::collection::vec((world(), prop::collection::vec(0_usize..12, 3)), 0..5),
        last in world(),
    ) {
        let (mut programmed, mut linux) = (Programmed::default(), Linux::new());
        for (world, cuts) in history {
            for number in 0..CONNECTIONS {
                let (id, desired) = (connection_id(number), world[usize::from(number)].as_ref());
                let cut = cuts[usize::from(number)];
                for step in plan(&programmed, &id, desired).iter().take(cut) {
                    apply(&mut programmed, &mut linux, &id, step);
                }
            }
        }
        for number in 0..CONNECTIONS {
            let (id, desired) = (connection_id(number), last[usize::from(number)].as_ref());
            let untouched = others(&programmed, &id);
            for step in plan(&programmed, &id, desired) {
                apply(&mut programmed, &mut linux, &id, &step);
                prop_assert_eq!(&others(&programmed, &id), &untouched);
                for connection in untouched.values() {
                    let routed = |dest: &Ipv4Net| linux.contains(&(connection.domain.clone(), *dest));
                    prop_assert!(connection.prefixes.iter().all(routed), "a route of another connection went");
                }
            }
            prop_assert_eq!(programmed.connection(&id).cloned(), desired.map(wanted));
            prop_assert_eq!(plan(&programmed, &id, desired), vec![], "what is in force needs nothing");
        }
        let all = last.iter().flatten().flat_map(|it| prefixes(it).into_iter().map(|dest| (it.domain.clone(), dest)));
        prop_assert_eq!(&linux, &all.collect::<Linux>());
        for number in 0..2 {
            let in_domain = linux.iter().filter(|(it, _)| *it == domain(number)).map(|(_, dest)| *dest);
            prop_assert_eq!(programmed.prefixes(&domain(number)), in_domain.collect::<BTreeSet<_>>());
        }
    }

    /// At no step is there a Linux route of this connection without a forwarding entry, unless it is on its way out.
    #[test]
    fn routes_follow_entries_and_entries_follow_tunnels(before in desired(0), after in desired(0)) {
        let id = connection_id(0);
        let mut programmed = Programmed::default();
        for step in plan(&programmed.clone(), &id, Some(&before)) {
            programmed.done(&id, &step);
        }
        let steps = plan(&programmed, &id, Some(&after));
        let position = |wanted: &dyn Fn(&Step) -> bool| steps.iter().position(wanted);
        for step in &steps {
            match step {
                Step::PutRoute(domain, dest) => {
                    let entry = position(&|it| matches!(it, Step::PutEntry(_, of, _) if of.dest == *dest));
                    let route = position(&|it| *it == Step::PutRoute(domain.clone(), *dest));
                    prop_assert!(entry < route);
                }
                Step::RemoveRoute(domain, dest) => {
                    let entry = position(&|it| matches!(it, Step::RemoveEntry(_, of) if of.dest == *dest));
                    let route = position(&|it| *it == Step::RemoveRoute(domain.clone(), *dest));
                    prop_assert!(entry < route);
                    let keeps = after.domain == before.domain && prefixes(&after).contains(dest);
                    prop_assert!(!keeps, "a published destination keeps its Linux route");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn deleting_one_route_is_two_steps() {
    let id = connection_id(0);
    let route = |number| DesiredRoute::to(dest(number), Weight::HIGH);
    let mut desired = DesiredConnection {
        id: id.clone(),
        domain: domain(0),
        generation: 1,
        tunnels: vec![tunnel(1, 0)],
        routes: vec![route(1), route(2)],
    };
    let mut programmed = Programmed::default();
    for step in plan(&programmed.clone(), &id, Some(&desired)) {
        programmed.done(&id, &step);
    }
    desired.routes.pop();
    let steps = plan(&programmed, &id, Some(&desired));
    assert_eq!(
        steps,
        vec![Step::RemoveEntry(domain(0), dest(2).into()), Step::RemoveRoute(domain(0), dest(2))]
    );
}

#[test]
fn a_destination_that_is_withdrawn_keeps_its_entry_and_loses_its_linux_route() {
    let id = connection_id(0);
    let mut desired = DesiredConnection {
        id: id.clone(),
        domain: domain(0),
        generation: 1,
        tunnels: vec![tunnel(1, 0)],
        routes: vec![DesiredRoute::to(dest(1), Weight::HIGH)],
    };
    let mut programmed = Programmed::default();
    for step in plan(&programmed.clone(), &id, Some(&desired)) {
        programmed.done(&id, &step);
    }
    desired.routes[0].is_published = false;
    assert_eq!(plan(&programmed, &id, Some(&desired)), vec![Step::RemoveRoute(domain(0), dest(1))]);
}

#[test]
fn the_higher_of_two_weights_counts() {
    let route = |weight| DesiredRoute::to(dest(1), weight);
    let desired = DesiredConnection {
        id: connection_id(0),
        domain: domain(0),
        generation: 1,
        tunnels: vec![],
        routes: vec![route(Weight::HIGH), route(Weight::LOW)],
    };
    assert_eq!(entries(&desired), BTreeMap::from([(dest(1).into(), 100)]));
}
