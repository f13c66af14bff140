use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ipnet::Ipv4Net;
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

use causeway_control::desired::{Policy, RouteMatch};

use super::{Candidate, Carrier, ForwardingTable, Lookup};

const CONNECTIONS: u8 = 4;

/// A source that no policy-based route is for.
const ANYBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);

#[derive(Debug, Clone)]
enum Change {
    Put { of: RouteMatch, connection: u8, weight: u8 },
    Remove { of: RouteMatch, connection: u8 },
    Up { connection: u8 },
    Down { connection: u8 },
}

fn dest() -> impl Strategy<Value = Ipv4Net> {
    (0_u32..8, prop::sample::select(vec![0_u8, 8, 9, 10, 11, 24, 32])).prop_map(|(bits, len)| {
        Ipv4Net::new(Ipv4Addr::from(10 << 24 | bits << 21 | bits), len).expect("at most 32").trunc()
    })
}

fn of() -> impl Strategy<Value = RouteMatch> {
    let policy = (1_u8..4, dest()).prop_map(|(priority, source)| Policy { priority, source });
    (prop::option::of(policy), dest()).prop_map(|(policy, dest)| RouteMatch { policy, dest })
}

fn change() -> impl Strategy<Value = Change> {
    let connection = 0..CONNECTIONS;
    prop_oneof![
        (of(), connection.clone(), any::<bool>()).prop_map(|(of, connection, preferred)| Change::Put {
            of,
            connection,
            weight: if preferred { 100 } else { 0 }
        }),
        (of(), connection.clone()).prop_map(|(of, connection)| Change::Remove { of, connection }),
        connection.clone().prop_map(|connection| Change::Up { connection }),
        connection.prop_map(|connection| Change::Down { connection }),
    ]
}

/// What the table should hold, kept as a list and searched from one end to the other.
#[derive(Default)]
struct Model {
    routes: BTreeMap<(RouteMatch, u8), u8>,
    up: [bool; CONNECTIONS as usize],
}

#[derive(Debug, PartialEq)]
enum Expected {
    Path(u8),
    Down(u8),
    NoRoute,
}

impl Model {
    fn lookup(&self, source: Ipv4Addr, address: Ipv4Addr) -> Expected {
        let matches = |of: &RouteMatch| {
            of.dest.contains(&address) && of.policy.is_none_or(|policy| policy.source.contains(&source))
        };
        let mut matching: Vec<_> = self.routes.iter().filter(|((of, _), _)| matches(of)).collect();
        matching.sort_by_key(|((of, connection), weight)| {
            // A destination-based route comes after all policy-based ones.
            let priority = of.policy.map_or(u8::MAX, |policy| policy.priority);
            let source = of.policy.map_or(0, |policy| policy.source.prefix_len());
            let longest = (std::cmp::Reverse(source), std::cmp::Reverse(of.dest.prefix_len()));
            (priority, longest, std::cmp::Reverse(**weight), *connection)
        });
        let connection = |((_, connection), _): &(&(RouteMatch, u8), &u8)| *connection;
        let up = matching.iter().map(connection).find(|connection| self.up[usize::from(*connection)]);
        match (up, matching.first()) {
            (Some(connection), _) => Expected::Path(connection),
            (None, Some(first)) => Expected::Down(connection(first)),
            (None, None) => Expected::NoRoute,
        }
    }
}

fn apply(change: Change, model: &mut Model, table: &ForwardingTable<u8, u8>, carriers: &[Arc<Carrier<u8>>]) {
    match change {
        Change::Put { of, connection, weight } => {
            model.routes.insert((of, connection), weight);
            let carrier = Arc::clone(&carriers[usize::from(connection)]);
            table.put(of, Candidate { weight, connection, carrier });
        }
        Change::Remove { of, connection } => {
            model.routes.remove(&(of, connection));
            table.remove(of, &connection);
        }
        Change::Up { connection } => {
            model.up[usize::from(connection)] = true;
            carriers[usize::from(connection)].switch(Some(Arc::new(connection)));
        }
        Change::Down { connection } => {
            model.up[usize::from(connection)] = false;
            carriers[usize::from(connection)].switch(None);
        }
    }
}

fn found(table: &ForwardingTable<u8, u8>, source: Ipv4Addr, address: Ipv4Addr) -> Expected {
    match table.read().lookup(source, address) {
        Lookup::Path(path) => Expected::Path(**path.as_ref().expect("a path that was found is there")),
        Lookup::Down(candidate) => Expected::Down(candidate.connection),
        Lookup::NoRoute => Expected::NoRoute,
    }
}

proptest! {
    #[test]
    fn the_table_chooses_like_a_linear_search(changes in prop::collection::vec(change(), 0..80), probes in prop::collection::vec((dest(), dest()), 10)) {
        let table = ForwardingTable::default();
        let carriers: Vec<_> = (0..CONNECTIONS).map(|_| Carrier::new(Arc::default())).collect();
        let mut model = Model::default();
        for change in changes {
            apply(change, &mut model, &table, &carriers);
            for (source, dest) in &probes {
                let (source, dest) = (source.network(), dest.network());
                prop_assert_eq!(found(&table, source, dest), model.lookup(source, dest));
            }
            let counted: std::collections::BTreeSet<_> = model.routes.keys().map(|(of, _)| *of).collect();
            prop_assert_eq!(table.len(), counted.len());
        }
    }
}

#[test]
fn a_snapshot_does_not_change_while_it_is_read() {
    let (table, carrier) = (ForwardingTable::default(), Carrier::new(Arc::default()));
    let dest: Ipv4Net = "10.0.0.0/8".parse().expect("a prefix");
    carrier.switch(Some(Arc::new(7)));
    table.put(dest, Candidate { weight: 0, connection: 1, carrier });
    let before = table.read();
    table.remove(dest, &1);
    assert!(matches!(before.lookup(ANYBODY, dest.addr()), Lookup::Path(_)));
    assert!(matches!(table.read().lookup(ANYBODY, dest.addr()), Lookup::NoRoute));
}

#[test]
fn readers_see_every_change_whole_while_the_writer_works() {
    let table = ForwardingTable::<u8, u8>::default();
    let dest: Ipv4Net = "10.0.0.0/8".parse().expect("a prefix");
    let stable: Ipv4Net = "10.1.0.0/16".parse().expect("a prefix");
    let carrier = Carrier::new(Arc::default());
    carrier.switch(Some(Arc::new(1)));
    table.put(stable, Candidate { weight: 0, connection: 1, carrier: Arc::clone(&carrier) });
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut lookups = 0_u64;
            while !done.load(Ordering::Relaxed) || lookups == 0 {
                assert_eq!(
                    found(&table, ANYBODY, stable.addr()),
                    Expected::Path(1),
                    "nothing touched this route"
                );
                lookups += 1;
            }
        });
        for _ in 0..5_000 {
            table.put(dest, Candidate { weight: 100, connection: 2, carrier: Arc::clone(&carrier) });
            table.remove(dest, &2);
        }
        done.store(true, Ordering::Relaxed);
        reader.join().expect("the reader found what it looked for");
    });
}

#[test]
fn one_route_of_100_000_is_deleted_in_less_than_a_millisecond() {
    let (table, carrier) = (ForwardingTable::<u8, u8>::default(), Carrier::new(Arc::default()));
    let dest = |n: u32| Ipv4Net::from(Ipv4Addr::from(n.wrapping_mul(2_654_435_761)));
    for n in 0..100_000 {
        table.put(dest(n), Candidate { weight: 0, connection: 0, carrier: Arc::clone(&carrier) });
    }
    let start = Instant::now();
    for n in 0..1_000 {
        table.remove(dest(n), &0);
    }
    let per_change = start.elapsed() / 1_000;
    assert_eq!(table.len(), 99_000);
    assert!(per_change.as_micros() < 1_000, "{per_change:?} per change");
}

#[test]
fn ten_thousand_policy_based_routes_cost_a_lookup_no_walk_through_them() {
    let carrier = Carrier::new(Arc::default());
    carrier.switch(Some(Arc::new(1)));
    let table_of = |policies: u32| {
        let table = ForwardingTable::<u8, u8>::default();
        let put = |of: RouteMatch| {
            table.put(of, Candidate { weight: 100, connection: 1, carrier: Arc::clone(&carrier) });
        };
        put("10.0.0.0/8".parse::<Ipv4Net>().expect("a prefix").into());
        for n in 0..policies {
            let net = |first: u8| Ipv4Net::from(Ipv4Addr::from(u32::from(first) << 24 | n));
            let policy = Policy { priority: 1 + u8::try_from(n % 4).expect("small"), source: net(172) };
            put(RouteMatch { policy: Some(policy), dest: net(10) });
        }
        table
    };
    let per_lookup = |table: &ForwardingTable<u8, u8>| {
        let (snapshot, start) = (table.read(), Instant::now());
        for n in 0..20_000_u32 {
            let address = |first: u32| Ipv4Addr::from(first << 24 | n);
            assert!(matches!(snapshot.lookup(address(172), address(10)), Lookup::Path(_)));
        }
        start.elapsed() / 20_000
    };
    let (few, many) = (per_lookup(&table_of(10)), per_lookup(&table_of(10_000)));
    // A walk through them would take a thousand times as long.
    assert!(many < few * 50, "{few:?} with 10, {many:?} with 10,000");
}
