use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use ipnet::Ipv4Net;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

use super::Trie;

fn prefix() -> impl Strategy<Value = Ipv4Net> {
    // Few distinct bits, so that prefixes often contain each other and are often removed again.
    let address = (0_u32..4, 0_u32..8, any::<bool>()).prop_map(|(high, middle, low)| {
        Ipv4Addr::from(high << 30 | middle << 17 | u32::from(low) << 5 | u32::from(low))
    });
    (address, 0_u8..=32).prop_map(|(address, len)| {
        Ipv4Net::new(address, len).expect("a length of at most 32 is valid").trunc()
    })
}

#[derive(Debug, Clone)]
enum Change {
    Put(Ipv4Net, u32),
    Remove(Ipv4Net),
}

fn change() -> impl Strategy<Value = Change> {
    (any::<bool>(), prefix(), any::<u32>()).prop_map(|(put, prefix, value)| match put {
        true => Change::Put(prefix, value),
        false => Change::Remove(prefix),
    })
}

/// The values of all prefixes that contain the address, the longest first.
fn naive_matches(model: &BTreeMap<Ipv4Net, u32>, address: Ipv4Addr) -> Vec<u32> {
    let mut matches: Vec<_> = model.iter().filter(|(prefix, _)| prefix.contains(&address)).collect();
    matches.sort_by_key(|(prefix, _)| Reverse(prefix.prefix_len()));
    matches.into_iter().map(|(_, value)| *value).collect()
}

proptest! {
    #[test]
    fn the_trie_answers_like_a_linear_search(
        changes in prop::collection::vec(change(), 0..60),
        addresses in prop::collection::vec(prefix(), 20),
    ) {
        let mut model = BTreeMap::new();
        let mut trie = Trie::default();
        for change in changes {
            let before = (trie.clone(), model.clone());
            match change {
                Change::Put(prefix, value) => {
                    trie = trie.with(prefix, Arc::new(value));
                    model.insert(prefix, value);
                }
                Change::Remove(prefix) => {
                    trie = trie.without(prefix);
                    model.remove(&prefix);
                }
            }
            for (trie, model) in [&before, &(trie.clone(), model.clone())] {
                prop_assert_eq!(trie.len(), model.len());
                for prefix in &addresses {
                    let address = prefix.network();
                    let matches = naive_matches(model, address);
                    // The one that is chosen is the last that is asked.
                    let is_chosen = |value: &u32| value.is_multiple_of(4);
                    let asked_max = matches.iter().position(is_chosen).map_or(matches.len(), |at| at + 1);
                    let mut asked = Vec::new();
                    let found = trie.longest_match(address, |value| {
                        asked.push(**value);
                        is_chosen(value).then_some(**value)
                    });
                    prop_assert_eq!(&asked, &matches[..asked_max]);
                    prop_assert_eq!(found, matches.into_iter().find(is_chosen));
                    prop_assert_eq!(trie.get(*prefix).map(|value| **value), model.get(prefix).copied());
                }
            }
        }
        for prefix in model.keys() {
            trie = trie.without(*prefix);
        }
        prop_assert!(trie.is_empty());
        prop_assert!(trie.root.children.is_empty(), "empty nodes are not kept");
    }
}

#[test]
fn the_longest_prefix_for_which_there_is_an_answer_wins() {
    let net = |text: &str| text.parse::<Ipv4Net>().expect("a prefix");
    let trie = Trie::default()
        .with(net("0.0.0.0/0"), Arc::new("default"))
        .with(net("10.0.0.0/8"), Arc::new("eight"))
        .with(net("10.1.0.0/16"), Arc::new("sixteen"))
        .with(net("10.1.2.3/32"), Arc::new("host"));
    let find = |address: [u8; 4], refused: &str| {
        trie.longest_match(address.into(), |value| (**value != refused).then_some(**value))
    };
    assert_eq!(find([10, 1, 2, 3], ""), Some("host"));
    assert_eq!(find([10, 1, 2, 3], "host"), Some("sixteen"));
    assert_eq!(find([10, 1, 2, 4], ""), Some("sixteen"));
    assert_eq!(find([10, 2, 0, 0], ""), Some("eight"));
    assert_eq!(find([11, 0, 0, 0], ""), Some("default"));
    assert_eq!(find([11, 0, 0, 0], "default"), None);
}

#[test]
fn one_change_among_100_000_routes_takes_less_than_a_millisecond() {
    let prefix = |n: u32| {
        let scattered = n.wrapping_mul(2_654_435_761);
        Ipv4Net::new(Ipv4Addr::from(scattered), 24).expect("24 is valid").trunc()
    };
    let mut trie = (0..100_000).fold(Trie::default(), |trie, n| trie.with(prefix(n), Arc::new(n)));
    let start = Instant::now();
    for n in 0..1_000 {
        trie = trie.without(prefix(n));
        trie = trie.with(prefix(n), Arc::new(n));
    }
    let per_change = start.elapsed() / 2_000;
    assert!(per_change.as_micros() < 1_000, "{per_change:?} per change");
}
