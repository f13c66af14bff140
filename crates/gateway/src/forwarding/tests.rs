use std::cmp::Reverse;
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
    // Few priorities that are often the same, the outermost among them.
    let priority = prop::sample::select(vec![1_u8, 2, 50, 100]);
    let policy = (priority, dest()).prop_map(|(priority, source)| Policy { priority, source });
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

/// The routes of one entry, the preferred one first.
type Asked = Vec<u8>;

impl Model {
    /// The routes that match, entry by entry, in the order in which they are to be asked.
    fn matching(&self, source: Ipv4Addr, address: Ipv4Addr) -> Vec<Asked> {
        let matches = |of: &RouteMatch| {
            of.dest.contains(&address) && of.policy.is_none_or(|policy| policy.source.contains(&source))
        };
        let mut matching: Vec<_> = self.routes.iter().filter(|((of, _), _)| matches(of)).collect();
        matching.sort_by_key(|((of, connection), weight)| {
            // A destination-based route comes after all policy-based ones.
            let priority = of.policy.map_or(u8::MAX, |policy| policy.priority);
            let source = of.policy.map_or(0, |policy| policy.source.prefix_len());
            let longest = (Reverse(source), Reverse(of.dest.prefix_len()));
            (priority, longest, Reverse(**weight), *connection)
        });
        let of_one_entry = matching.chunk_by(|((a, _), _), ((b, _), _)| a == b);
        of_one_entry.map(|routes| routes.iter().map(|((_, connection), _)| *connection).collect()).collect()
    }

    fn is_up(&self, connection: u8) -> bool {
        self.up[usize::from(connection)]
    }

    fn lookup(&self, source: Ipv4Addr, address: Ipv4Addr) -> (Expected, Vec<Asked>) {
        let mut asked = self.matching(source, address);
        if let Some(last) = asked.iter().position(|entry| entry.iter().any(|it| self.is_up(*it))) {
            asked.truncate(last + 1);
        }
        let up = asked.iter().flatten().find(|connection| self.is_up(**connection));
        let expected = match (up, asked.first()) {
            (Some(connection), _) => Expected::Path(*connection),
            (None, Some(first)) => Expected::Down(first[0]),
            (None, None) => Expected::NoRoute,
        };
        (expected, asked)
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
    told(table.read().lookup(source, address))
}

fn told(lookup: Lookup<'_, u8, u8>) -> Expected {
    match lookup {
        Lookup::Path(path) => Expected::Path(**path.as_ref().expect("a path that was found is there")),
        Lookup::Down(candidate) => Expected::Down(candidate.connection),
        Lookup::NoRoute => Expected::NoRoute,
    }
}

/// What a lookup finds, and which entries it asks for that.
fn found_asking(
    table: &ForwardingTable<u8, u8>,
    source: Ipv4Addr,
    address: Ipv4Addr,
) -> (Expected, Vec<Asked>) {
    let (snapshot, mut asked) = (table.read(), Vec::new());
    let lookup = snapshot.lookup_asking(source, address, |entry| {
        asked.push(entry.candidates.iter().map(|candidate| candidate.connection).collect());
        entry.path()
    });
    let told = told(lookup);
    (told, asked)
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
                let expected = model.lookup(source, dest);
                prop_assert_eq!(&found_asking(&table, source, dest), &expected);
                prop_assert_eq!(found(&table, source, dest), expected.0);
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

fn net(text: &str) -> Ipv4Net {
    text.parse().expect("a prefix")
}

fn policy_based(priority: u8, source: Ipv4Net, dest: Ipv4Net) -> RouteMatch {
    RouteMatch { policy: Some(Policy { priority, source }), dest }
}

/// A table whose connections 1 and on are up, all but `down`.
fn table_of(routes: impl IntoIterator<Item = (RouteMatch, u8)>, down: &[u8]) -> ForwardingTable<u8, u8> {
    let table = ForwardingTable::default();
    for (of, connection) in routes {
        let carrier = Carrier::new(Arc::default());
        carrier.switch((!down.contains(&connection)).then(|| Arc::new(connection)));
        table.put(of, Candidate { weight: 100, connection, carrier });
    }
    table
}

#[test]
fn without_policies_the_longest_of_nested_prefixes_is_asked_and_no_other() {
    let routes = || {
        let nested = (0_u8..=32).map(|len| Ipv4Net::new([10, 1, 2, 3].into(), len).expect("at most 32"));
        nested.map(|net| (RouteMatch::from(net.trunc()), net.prefix_len()))
    };
    let to = Ipv4Addr::new(10, 1, 2, 3);
    assert_eq!(found_asking(&table_of(routes(), &[]), ANYBODY, to), (Expected::Path(32), vec![vec![32]]));
    let down: Vec<u8> = (20..=32).collect();
    let asked: Vec<Asked> = (19..=32).rev().map(|len| vec![len]).collect();
    assert_eq!(found_asking(&table_of(routes(), &down), ANYBODY, to), (Expected::Path(19), asked));
    assert_eq!(found_asking(&table_of([], &[]), ANYBODY, to), (Expected::NoRoute, vec![]));
}

#[test]
fn a_policy_of_the_last_priority_comes_before_a_longer_destination_and_after_all_others() {
    let (any, wide, host) = (net("0.0.0.0/0"), net("10.0.0.0/8"), net("10.1.2.3/32"));
    let priorities = (1..=100).map(|priority| (policy_based(priority, any, wide), priority));
    let routes = priorities.chain([(host.into(), 101)]);
    let table = |down: &[u8]| table_of(routes.clone(), down);
    let others: Vec<u8> = (1..100).collect();
    let all: Vec<u8> = (1..=100).collect();
    let asked = |last: u8| (1..=last).map(|it| vec![it]).collect::<Vec<Asked>>();
    assert_eq!(found_asking(&table(&[]), ANYBODY, host.addr()), (Expected::Path(1), asked(1)));
    assert_eq!(found_asking(&table(&others), ANYBODY, host.addr()), (Expected::Path(100), asked(100)));
    assert_eq!(found_asking(&table(&all), ANYBODY, host.addr()), (Expected::Path(101), asked(101)));
}

#[test]
fn of_ten_thousand_policy_based_routes_a_lookup_asks_only_those_that_match() {
    let of = |n: u32| {
        let net = |first: u32| Ipv4Net::from(Ipv4Addr::from(first << 24 | n));
        policy_based(1 + u8::try_from(n % 100).expect("small"), net(172), net(10))
    };
    let routes = (0..10_000).map(|n| (of(n), 1)).chain([(net("10.0.0.0/8").into(), 2)]);
    let table = table_of(routes, &[]);
    let (one, other) = ([10, 0, 3, 7].into(), [10, 0, 3, 8].into());
    let from = [172, 0, 3, 7].into();
    assert_eq!(found_asking(&table, from, one), (Expected::Path(1), vec![vec![1]]));
    assert_eq!(found_asking(&table, from, other), (Expected::Path(2), vec![vec![2]]));
    assert_eq!(found_asking(&table, ANYBODY, one), (Expected::Path(2), vec![vec![2]]));
}

#[test]
fn a_tunnel_that_is_only_not_good_is_the_last_resort_of_its_routes() {
    let table = ForwardingTable::<u8, u8>::default();
    let carriers = [0, 1].map(|_| Carrier::new(Arc::default()));
    let [narrow, wide]: [Ipv4Net; 2] = ["10.2.0.0/24", "10.0.0.0/8"].map(|it| it.parse().unwrap());
    for (connection, (dest, carrier)) in [narrow, wide].into_iter().zip(&carriers).enumerate() {
        let candidate = Candidate { weight: 100, connection: connection as u8, carrier: Arc::clone(carrier) };
        table.put(dest, candidate);
    }
    let to = Ipv4Addr::new(10, 2, 0, 9);
    let last_resort = || table.read().last_resort(ANYBODY, to).map(|path| *path);
    assert_eq!(last_resort(), None);
    carriers[1].switch_last_resort(Some(Arc::new(1)));
    assert_eq!(last_resort(), Some(1), "that of a shorter prefix, where the longer one has none");
    carriers[0].switch_last_resort(Some(Arc::new(0)));
    assert_eq!(last_resort(), Some(0));
    assert!(
        matches!(table.read().lookup(ANYBODY, to), Lookup::Down(_)),
        "it is no way that others give way to"
    );
    carriers[1].switch(Some(Arc::new(7)));
    let found = table.read();
    let Lookup::Path(path) = found.lookup(ANYBODY, to) else { panic!("the wide one is up") };
    assert_eq!(path.as_deref(), Some(&7), "a route that is up comes before the last resort");
}
