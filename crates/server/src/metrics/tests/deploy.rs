//! The alert rules and the dashboard ask for what there is.

use std::collections::{BTreeMap, BTreeSet};

use super::{everything, states};

/// What Prometheus itself adds to each series, and its buckets' label.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];

const FILES: [(&str, &str); 2] = [
    ("alerts.yml", include_str!("../../../../../deploy/alerts.yml")),
    ("grafana-dashboard.json", include_str!("../../../../../deploy/grafana-dashboard.json")),
];

/// A series that a query names, and the labels by which it chooses.
type Asked = (String, Vec<String>);

fn asked(text: &str) -> Vec<Asked> {
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut asked = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_of_name) {
        let end = rest[start..].find(|it| !is_of_name(it)).map_or(rest.len(), |length| start + length);
        let (name, after) = (&rest[start..end], &rest[end..]);
        rest = after;
        if name.starts_with("causeway_") || name.starts_with("process_") {
            let matchers = after.strip_prefix('{').and_then(|it| it.split_once('}')).map_or("", |(it, _)| it);
            let labels = matchers.split(',').filter_map(|it| it.split(['=', '!']).next());
            let labels = labels.filter(|it| !it.is_empty()).map(str::to_owned);
            asked.push((name.to_owned(), labels.collect()));
        }
    }
    asked
}

#[test]
fn every_query_names_a_series_and_labels_that_exist() {
    let mut labels_of = BTreeMap::<String, BTreeSet<String>>::new();
    for sample in everything().samples {
        labels_of.entry(sample.name).or_default().extend(sample.labels.into_keys());
    }
    for (file, text) in FILES {
        let asked = asked(text);
        assert!(asked.len() > 10, "{file}: the queries were not found");
        for (name, labels) in asked {
            let known = labels_of.get(&name).unwrap_or_else(|| panic!("{file}: there is no {name}"));
            for label in labels {
                let exists = known.contains(&label) || OF_PROMETHEUS.contains(&label.as_str());
                assert!(exists, "{file}: {name} has no label {label}");
            }
        }
    }
}

/// The states between a matcher of `causeway_connection_state` and its end.
fn states_after<'a>(text: &'a str, matcher: &str) -> BTreeSet<&'a str> {
    let (_, after) = text.split_once(matcher).unwrap_or_else(|| panic!("there is no {matcher}"));
    let end = after.find(['"', '\\']).unwrap();
    after[..end].split('|').collect()
}

#[test]
fn a_connection_of_each_kind_is_in_force_or_on_its_way_or_attached_to_nothing() {
    let [(_, alerts), (_, dashboard)] = FILES;
    let on_their_way = states_after(alerts, "causeway_connection_state{state=~\"");
    let in_force = states_after(dashboard, ",state!~\\\"");
    assert_eq!(in_force, BTreeSet::from(["active", "attached"]));
    let all: BTreeSet<_> = states().into_iter().map(|state| state.as_str()).collect();
    let named: BTreeSet<_> = on_their_way.union(&in_force).copied().collect();
    assert_eq!(all.difference(&named).copied().collect::<Vec<_>>(), ["init"]);
    assert!(named.is_subset(&all) && on_their_way.is_disjoint(&in_force), "{named:?}");
}

#[test]
fn as_many_series_as_the_readme_says_there_are() {
    let told = everything();
    // Of the first tunnel both round-trip times are known.
    let of_tunnel = told.samples.iter().filter(|it| it.label("tunnel") == "tun-1").count();
    let is_of_connection = |labels: &BTreeMap<String, String>| {
        labels.contains_key("connection") && !labels.contains_key("tunnel")
    };
    let of_connection = told.samples.iter().filter(|it| is_of_connection(&it.labels)).count();
    let thousands = of_connection + 2 * of_tunnel;
    let sentence = format!(
        "A tunnel has {of_tunnel} series and a connection {of_connection}: a thousand connections with two tunnels each are {thousands},000."
    );
    let readme = include_str!("../../../../../deploy/README.md");
    assert!(readme.contains(&sentence), "deploy/README.md does not say: {sentence}");
}

#[test]
fn every_query_of_the_dashboard_is_found() {
    let dashboard: serde_json::Value = serde_json::from_str(FILES[1].1).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(queries.len() > 20);
    for query in queries {
        assert!(!asked(query).is_empty(), "{query} asks for nothing of ours");
    }
}

#[test]
fn a_query_is_read_with_its_labels() {
    let read = asked("rate(causeway_a_total{x=~\"1|2\",y!=\"z\"}[5m]) / on (causeway) causeway_b");
    let expected = [("causeway_a_total", vec!["x", "y"]), ("causeway_b", vec![])];
    let expected =
        expected.map(|(name, labels)| (name.to_owned(), labels.iter().map(ToString::to_string).collect()));
    assert_eq!(read, expected);
}
