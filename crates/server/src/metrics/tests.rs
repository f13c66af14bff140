//! The whole exposition, read back.

mod deploy;

use std::collections::BTreeSet;
use std::fmt;

use causeway_control::desired::{Domain, DomainOwner};
use causeway_control::observed::TunnelStatus;
use causeway_control::resource::vpn_connection::State;
use causeway_gateway::GatewaySnapshot;
use causeway_gateway::counters::{Counters, CountersSnapshot, DropReason};
use causeway_gateway::snapshot::DomainSnapshot;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;

use super::exposition::{Exposition, Sample};
use super::picture::{ConnectionPicture, Picture, TunnelPicture};
use super::process::ProcessCollector;
use super::requests::{Commits, Requests};
use crate::api::http_refusal;
use crate::observations::TunnelHistory;

/// A picture that does not change.
struct Still(Picture);

impl fmt::Debug for Still {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Still")
    }
}

impl Collector for Still {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        super::gateway::encode(encoder, &self.0)
    }
}

const NAME: &str = "to \"Köln\"\\\nvia A";

fn tunnel(id: &str, role: &'static str, status: TunnelStatus, counters: CountersSnapshot) -> TunnelPicture {
    TunnelPicture {
        connection: "vco-a".into(),
        id: id.into(),
        role,
        peer: "198.51.100.7".into(),
        is_configured: true,
        status,
        is_healthy: status == TunnelStatus::IpsecSaEstablished,
        carries: role == "master",
        is_in_error: status != TunnelStatus::IpsecSaEstablished,
        history: TunnelHistory { establishments: 3, errors: 2 },
        counters,
    }
}

/// In every state there is: whoever adds one is led here by the compiler.
fn states() -> Vec<State> {
    let next = |state: &State| match state {
        State::Provisioning => Some(State::Active),
        State::Active => Some(State::Init),
        State::Init => Some(State::Attaching),
        State::Attaching => Some(State::Attached),
        State::Attached => Some(State::Updating),
        State::Updating => Some(State::Detaching),
        State::Detaching => None,
    };
    std::iter::successors(Some(State::Provisioning), next).collect()
}

/// One connection, whose master is up and has seen traffic, and whose slave never was up; and traffic that belongs to none.
fn picture() -> Picture {
    let passed = Counters::default();
    passed.sent(2, 300, 1);
    passed.received(1_000, 1);
    passed.child_used();
    passed.child_used();
    passed.probe_sent();
    passed.probe_sent();
    passed.probe_answered(Some(std::time::Duration::from_micros(1_500)));
    passed.ike_answered(std::time::Duration::from_micros(900));
    passed.dropped_many(DropReason::Replayed, 4);
    let lost = Counters::default();
    lost.dropped_many(DropReason::TunnelDown, 9);
    let domain = Domain {
        account: "1234567890123456".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
        owner: DomainOwner::TransitRouter("tr-a".parse().unwrap()),
    };
    let device = DomainSnapshot { device: "cway0".into(), prefixes: 5, counters: lost.snapshot() };
    let connection = ConnectionPicture {
        id: "vco-a".into(),
        account: "1234567890123456".into(),
        region: "eu-central-1".into(),
        name: NAME.into(),
        state: State::Updating,
        routes: 6,
        routes_in_force: 5,
        is_withdrawn: true,
        counters: lost.snapshot(),
        tunnels: vec![
            tunnel("tun-1", "master", TunnelStatus::IpsecSaEstablished, passed.snapshot()),
            tunnel("tun-2", "slave", TunnelStatus::IkeSaNotEstablished, CountersSnapshot::default()),
        ],
    };
    let engine =
        GatewaySnapshot { domains: [(domain, device)].into(), ike_dropped: 7, ..GatewaySnapshot::default() };
    Picture { connections: vec![connection], engine }
}

/// What is told of a picture.
fn told_of(picture: Picture) -> Exposition {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Still(picture)));
    let mut out = String::new();
    text::encode(&mut out, &registry).unwrap();
    Exposition::parse(&out).unwrap()
}

/// Everything that there is to tell, with at least one series of each family.
fn everything() -> Exposition {
    let (requests, commits) = (Requests::default(), Commits::default());
    let moment = std::time::Duration::from_millis(2);
    requests.answered(Some("DescribeRegions"), &http_refusal(400, "Code", "Sentence."), moment);
    commits.settled(true, moment);
    let mut registry = Registry::default();
    requests.register(&mut registry);
    commits.register(&mut registry);
    registry.register_collector(Box::new(Still(picture())));
    registry.register_collector(Box::new(ProcessCollector));
    let mut out = String::new();
    text::encode(&mut out, &registry).unwrap();
    Exposition::parse(&out).unwrap()
}

/// The names that queries may use: those of the samples.
fn family_of<'a>(exposition: &'a Exposition, sample: &'a str) -> Option<(&'a str, &'a str)> {
    let suffixes =
        [("counter", "_total"), ("histogram", "_bucket"), ("histogram", "_sum"), ("histogram", "_count")];
    let known = |name: &str, kind: &str| exposition.families.get(name).is_some_and(|it| it == kind);
    let suffixed = suffixes.into_iter().find_map(|(kind, suffix)| {
        sample.strip_suffix(suffix).filter(|name| known(name, kind)).map(|name| (name, kind))
    });
    suffixed.or_else(|| known(sample, "gauge").then_some((sample, "gauge")))
}

fn value(exposition: &Exposition, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has = |sample: &&Sample| labels.iter().all(|(name, value)| sample.label(name) == *value);
    exposition.named(name).find(has).map(|sample| sample.value)
}

#[test]
fn every_series_belongs_to_a_family_of_its_type_and_is_told_once() {
    let told = everything();
    let mut seen = BTreeSet::new();
    for sample in &told.samples {
        let (family, _) =
            family_of(&told, &sample.name).unwrap_or_else(|| panic!("{} has no family", sample.name));
        let is_ours = family.starts_with("causeway_") || family.starts_with("process_");
        assert!(is_ours && family.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{family}");
        assert!(sample.value >= 0.0, "{sample:?}");
        assert!(seen.insert((&sample.name, &sample.labels)), "{sample:?} is told twice");
    }
    let with_series: BTreeSet<_> = told
        .samples
        .iter()
        .filter_map(|sample| family_of(&told, &sample.name))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(with_series, told.families.keys().map(String::as_str).collect());
}

#[test]
fn a_tunnel_that_never_was_up_has_all_the_series_of_one_that_is() {
    let told = everything();
    let of = |tunnel: &str| -> BTreeSet<(&str, &str, &str)> {
        let its = told.samples.iter().filter(|sample| sample.label("tunnel") == tunnel);
        // Nothing is known of how long answers take before there was one.
        let its = its.filter(|sample| sample.name != "causeway_tunnel_rtt_seconds");
        its.map(|sample| (sample.name.as_str(), sample.label("status"), sample.label("reason"))).collect()
    };
    assert_eq!(of("tun-1"), of("tun-2"));
    let slave = [("connection", "vco-a"), ("tunnel", "tun-2"), ("role", "slave"), ("peer", "198.51.100.7")];
    assert_eq!(value(&told, "causeway_tunnel_configured", &slave), Some(1.0));
    assert_eq!(value(&told, "causeway_tunnel_up", &slave), Some(0.0));
    assert_eq!(value(&told, "causeway_tunnel_in_error", &slave), Some(1.0));
}

#[test]
fn what_was_counted_is_what_is_told() {
    let told = everything();
    let master = |name| value(&told, name, &[("tunnel", "tun-1")]);
    assert_eq!(master("causeway_tunnel_up"), Some(1.0));
    assert_eq!(master("causeway_tunnel_sent_packets_total"), Some(2.0));
    assert_eq!(master("causeway_tunnel_sent_bytes_total"), Some(300.0));
    assert_eq!(master("causeway_tunnel_received_packets_total"), Some(1.0));
    assert_eq!(master("causeway_tunnel_received_bytes_total"), Some(1_000.0));
    assert_eq!(master("causeway_tunnel_handshakes_total"), Some(2.0));
    assert_eq!(master("causeway_tunnel_establishments_total"), Some(3.0));
    assert_eq!(master("causeway_tunnel_errors_total"), Some(2.0));
    assert_eq!(
        (master("causeway_tunnel_healthy"), master("causeway_tunnel_carries")),
        (Some(1.0), Some(1.0))
    );
    assert_eq!(master("causeway_tunnel_probes_sent_total"), Some(2.0));
    assert_eq!(master("causeway_tunnel_probes_answered_total"), Some(1.0));
    let took = |by| value(&told, "causeway_tunnel_rtt_seconds", &[("tunnel", "tun-1"), ("by", by)]);
    assert_eq!((took("probe"), took("ike")), (Some(0.001_5), Some(0.000_9)));
    assert_eq!(told.named("causeway_tunnel_rtt_seconds").count(), 2, "the other was never answered");
    assert_eq!(told.sum("causeway_connection_withdrawn"), 1.0);
    let dropped = |name, reason| value(&told, name, &[("reason", reason)]);
    assert_eq!(dropped("causeway_tunnel_dropped_packets_total", "replayed"), Some(4.0));
    assert_eq!(dropped("causeway_tunnel_dropped_packets_total", "spoofed"), Some(0.0));
    assert_eq!(dropped("causeway_connection_dropped_packets_total", "tunnel_down"), Some(9.0));
    assert_eq!(dropped("causeway_domain_dropped_packets_total", "tunnel_down"), Some(9.0));
    assert_eq!(told.sum("causeway_connection_routes"), 6.0);
    assert_eq!(told.sum("causeway_connection_routes_in_force"), 5.0);
    assert_eq!(told.sum("causeway_gateway_ike_dropped_messages_total"), 7.0);
    let state = |state| value(&told, "causeway_connection_state", &[("state", state)]);
    assert_eq!((state("updating"), state("attached")), (Some(1.0), Some(0.0)));
}

#[test]
fn exactly_one_status_and_one_state_is_the_case() {
    let told = everything();
    assert_eq!(told.named("causeway_tunnel_status").count(), 8);
    assert_eq!(told.sum("causeway_tunnel_status"), 2.0);
    assert_eq!(told.sum("causeway_connection_state"), 1.0);
}

#[test]
fn whatever_state_a_connection_is_in_is_the_one_that_is_the_case() {
    for state in states() {
        let mut picture = picture();
        picture.connections.iter_mut().for_each(|connection| connection.state = state);
        let told = told_of(picture);
        assert_eq!(told.named("causeway_connection_state").count(), 7);
        assert_eq!(told.sum("causeway_connection_state"), 1.0, "{state}");
        let this = value(&told, "causeway_connection_state", &[("state", state.as_str())]);
        assert_eq!(this, Some(1.0), "{state}");
    }
}

#[test]
fn a_name_with_quotes_and_line_breaks_is_one_label() {
    let told = everything();
    let info = told.named("causeway_connection_info").next().unwrap();
    assert_eq!(info.label("name"), NAME);
    assert_eq!(info.labels.len(), 4);
}

#[test]
fn requests_and_commits_are_counted_and_timed() {
    let told = everything();
    let request = [("operation", "DescribeRegions"), ("result", "refused")];
    assert_eq!(value(&told, "causeway_api_requests_total", &request), Some(1.0));
    let bucket = |le| value(&told, "causeway_api_request_duration_seconds_bucket", &[("le", le)]);
    assert_eq!((bucket("0.001"), bucket("0.0025"), bucket("+Inf")), (Some(0.0), Some(1.0), Some(1.0)));
    assert_eq!(value(&told, "causeway_store_commits_total", &[("result", "stored")]), Some(1.0));
    assert_eq!(value(&told, "causeway_store_commits_total", &[("result", "failed")]), Some(0.0));
    assert_eq!(told.sum("causeway_store_commit_duration_seconds_count"), 1.0);
}
