use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{accept, narrow, nets, offer, selectors_name};
use crate::message::selector::Selector;

fn net(text: &str) -> Ipv4Net {
    text.parse().expect("a network")
}

fn range(start: &str, end: &str) -> Selector {
    let parse = |text: &str| text.parse::<Ipv4Addr>().expect("an address");
    Selector::range(parse(start), parse(end))
}

#[test]
fn networks_become_ranges_and_ranges_networks() {
    let offered = offer(&[net("10.1.0.0/16"), net("0.0.0.0/0")]);
    assert_eq!(offered, [range("10.1.0.0", "10.1.255.255"), range("0.0.0.0", "255.255.255.255")]);
    assert_eq!(
        nets(&[range("10.0.0.1", "10.0.0.4")]),
        Some(vec![net("10.0.0.1/32"), net("10.0.0.2/31"), net("10.0.0.4/32")])
    );
    assert_eq!(nets(&[range("10.0.0.4", "10.0.0.1")]), None);
}

#[test]
fn a_responder_accepts_what_both_sides_have() {
    let ours = [net("10.1.0.0/16"), net("10.3.0.0/16")];
    assert_eq!(narrow(&[range("0.0.0.0", "255.255.255.255")], &ours), offer(&ours));
    assert_eq!(narrow(&[range("10.1.2.0", "10.1.2.255")], &ours), [range("10.1.2.0", "10.1.2.255")]);
    assert_eq!(
        narrow(&[range("10.1.255.0", "10.3.0.7")], &ours),
        [range("10.1.255.0", "10.1.255.255"), range("10.3.0.0", "10.3.0.7")]
    );
    assert_eq!(narrow(&[range("10.2.0.0", "10.2.255.255")], &ours), []);
}

#[test]
fn single_protocols_and_other_families_are_left_out() {
    let everything = [net("0.0.0.0/0")];
    let tcp = Selector::Ipv4 {
        protocol: 6,
        ports: (0, u16::MAX),
        start: [10, 0, 0, 1].into(),
        end: [10, 0, 0, 1].into(),
    };
    let all = range("10.0.0.0", "10.0.0.255");
    assert_eq!(narrow(&[tcp.clone(), Selector::Other(8), all.clone()], &everything), [all]);
    assert_eq!(narrow(&[tcp], &everything), []);
}

#[test]
fn an_initiator_accepts_less_than_it_offered_but_not_more() {
    let ours = [net("10.1.0.0/17"), net("10.1.128.0/17")];
    assert_eq!(accept(&[range("10.1.0.0", "10.1.255.255")], &ours), Some(vec![net("10.1.0.0/16")]));
    assert_eq!(accept(&[range("10.1.2.0", "10.1.2.255")], &ours), Some(vec![net("10.1.2.0/24")]));
    assert_eq!(accept(&[range("10.1.2.0", "10.2.2.255")], &ours), None);
    assert_eq!(accept(&[], &ours), None);
}

#[test]
fn a_log_line_names_networks_where_they_are_some() {
    assert_eq!(
        selectors_name(&[range("10.0.0.0", "10.0.0.255"), range("10.0.0.1", "10.0.0.4")]),
        "10.0.0.0/24,10.0.0.1-10.0.0.4"
    );
    assert_eq!(selectors_name(&[]), "nothing");
    let many = vec![Selector::Other(8); 10];
    assert!(selectors_name(&many).ends_with("and 2 more"));
}
