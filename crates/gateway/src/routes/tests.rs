use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

use super::{RouteChange, TableRoutes, Visible, route_changes, table_changes, table_wanted};
use crate::netlink::message::Target;

const DEVICE: u32 = 7;

fn nets(texts: &[&str]) -> BTreeSet<Ipv4Net> {
    texts.iter().map(|text| text.parse().expect("a prefix")).collect()
}

/// Main, of which nothing is hidden.
fn seen(prefixes: &BTreeSet<Ipv4Net>) -> Visible<'_> {
    static NONE: BTreeSet<Ipv4Net> = BTreeSet::new();
    Visible { prefixes, hidden: &NONE }
}

fn prefixes() -> impl Strategy<Value = BTreeSet<Ipv4Net>> {
    let prefix = (any::<u8>(), prop::sample::select(vec![0_u8, 1, 2, 3, 4, 5]))
        .prop_map(|(byte, len)| Ipv4Net::new(Ipv4Addr::new(byte, 0, 0, 0), len).expect("valid").trunc());
    prop::collection::btree_set(prefix, 0..12)
}

fn table() -> impl Strategy<Value = TableRoutes> {
    (prefixes(), any::<u64>()).prop_map(|(prefixes, bits)| {
        let target =
            |n: usize| if bits >> n & 1 == 0 { Target::Throw } else { Target::Device(bits as u32 % 9) };
        prefixes.into_iter().enumerate().map(|(n, dest)| (dest, target(n))).collect()
    })
}

/// What the kernel does, with our table before main.
fn takes_the_tunnel(ours: &TableRoutes, address: Ipv4Addr) -> bool {
    let longest =
        ours.iter().filter(|(dest, _)| dest.contains(&address)).max_by_key(|(dest, _)| dest.prefix_len());
    matches!(longest, Some((_, Target::Device(_))))
}

#[test]
fn a_lan_inside_of_a_routed_prefix_keeps_its_packets() {
    let wanted =
        table_wanted(&nets(&["10.0.0.0/8"]), seen(&nets(&["10.1.0.0/24", "192.168.0.0/16"])), DEVICE, ..);
    assert!(takes_the_tunnel(&wanted, [10, 2, 0, 1].into()));
    assert!(!takes_the_tunnel(&wanted, [10, 1, 0, 1].into()));
    assert_eq!(wanted.len(), 2, "routes of main outside of our prefixes do not matter");
}

#[test]
fn a_routed_prefix_is_taken_although_main_has_the_same_or_a_shorter_one() {
    let wanted =
        table_wanted(&nets(&["10.1.0.0/24"]), seen(&nets(&["10.1.0.0/24", "10.0.0.0/8"])), DEVICE, ..);
    assert_eq!(wanted, TableRoutes::from([("10.1.0.0/24".parse().expect("valid"), Target::Device(DEVICE))]));
}

proptest! {
    #[test]
    fn a_packet_goes_where_one_table_with_all_routes_would_send_it(ours in prefixes(), main in prefixes(), byte in any::<u8>()) {
        let address = Ipv4Addr::new(byte, 0, 0, 1);
        let longest = |nets: &BTreeSet<Ipv4Net>| {
            nets.iter().filter(|net| net.contains(&address)).map(Ipv4Net::prefix_len).max()
        };
        let ours_is_as_long = longest(&ours).is_some_and(|ours| longest(&main).is_none_or(|main| ours >= main));
        prop_assert_eq!(takes_the_tunnel(&table_wanted(&ours, seen(&main), DEVICE, ..), address), ours_is_as_long);
    }

    #[test]
    fn the_changes_make_any_table_the_wanted_one(present in table(), wanted in table()) {
        let mut table = present.clone();
        let changes = table_changes(&present, &wanted);
        for change in &changes {
            match *change {
                RouteChange::Put(dest, target) => { table.insert(dest, target); }
                RouteChange::Delete(dest) => prop_assert!(table.remove(&dest).is_some()),
            }
        }
        prop_assert_eq!(&table, &wanted);
        prop_assert!(table_changes(&table, &wanted).is_empty());
    }

    #[test]
    fn changing_some_prefixes_gives_the_table_that_making_it_anew_gives(
        before in prefixes(), after in prefixes(), main in prefixes(),
    ) {
        let mut table = table_wanted(&before, seen(&main), DEVICE, ..);
        let touched: Vec<_> = before.symmetric_difference(&after).copied().collect();
        for change in route_changes(&table.clone(), &after, seen(&main), &touched, DEVICE) {
            match change {
                RouteChange::Put(dest, target) => { table.insert(dest, target); }
                RouteChange::Delete(dest) => prop_assert!(table.remove(&dest).is_some()),
            }
        }
        prop_assert_eq!(&table, &table_wanted(&after, seen(&main), DEVICE, ..));
    }

    #[test]
    fn a_packet_that_main_keeps_before_and_after_is_kept_in_between(
        before in prefixes(), after in prefixes(), main in prefixes(), byte in any::<u8>(),
    ) {
        let address = Ipv4Addr::new(byte, 0, 0, 1);
        let (mut table, wanted) = (table_wanted(&before, seen(&main), DEVICE, ..), table_wanted(&after, seen(&main), DEVICE, ..));
        let kept = !takes_the_tunnel(&table, address) && !takes_the_tunnel(&wanted, address);
        for change in table_changes(&table.clone(), &wanted) {
            match change {
                RouteChange::Put(dest, target) => { table.insert(dest, target); }
                RouteChange::Delete(dest) => { table.remove(&dest); }
            }
            prop_assert!(!kept || !takes_the_tunnel(&table, address));
        }
    }
}
