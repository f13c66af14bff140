//! Pairwise covering: which pairs of choices the scenarios have both ends agree on.

use std::collections::BTreeSet;

use causeway_control::resource::ike_config::{IkeMode, IkeOptions, IkeVersion};
use causeway_control::resource::ipsec_config::IpsecOptions;
use schemars::schema_for;
use serde::Serialize;
use serde_json::Value;

use crate::{Expectation, Sa, Scenario, Step, TunnelSettings};

/// A choice: what is chosen, and the value in the API's words.
pub type Choice = (&'static str, String);

/// Two choices that a scenario makes at once, the first before the second in the order of [`Suite`].
pub type Pair = (Choice, Choice);

/// All choices of one scenario that both ends agree on, packets having passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite(Vec<Choice>);

/// A choice with all its values.
type Dimension = (&'static str, Vec<String>);

/// The choices, whose values are those that the API documents: one that is added is missing at once.
fn dimensions() -> Vec<Dimension> {
    let (ike, ipsec) = (schema_for!(IkeOptions), schema_for!(IpsecOptions));
    let of = |schema: &schemars::Schema, name: &'static str| {
        let mut values = Vec::new();
        collect_values(&schema.as_value()["properties"][name], &mut values);
        (name, values)
    };
    vec![
        ("Ike", ["ikev1 main", "ikev1 aggressive", "ikev2"].map(str::to_owned).to_vec()),
        ("Begins", ["gateway", "peer"].map(str::to_owned).to_vec()),
        of(&ike, "IkeEncAlg"),
        of(&ike, "IkeAuthAlg"),
        of(&ike, "IkePfs"),
        of(&ipsec, "IpsecEncAlg"),
        of(&ipsec, "IpsecAuthAlg"),
        of(&ipsec, "IpsecPfs"),
    ]
}

/// The words that a schema allows.
fn collect_values(schema: &Value, values: &mut Vec<String>) {
    match schema {
        Value::Object(members) => members.iter().for_each(|(name, member)| match (name.as_str(), member) {
            ("const", Value::String(word)) => values.push(word.clone()),
            ("enum", Value::Array(words)) => {
                values.extend(words.iter().filter_map(|word| word.as_str().map(str::to_owned)));
            }
            _ => collect_values(member, values),
        }),
        Value::Array(members) => members.iter().for_each(|member| collect_values(member, values)),
        _ => {}
    }
}

/// The API's word for a value: that which serde writes.
fn word<T: Serialize>(value: &T) -> String {
    let written = serde_json::to_value(value).ok();
    written.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Suite {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let TunnelSettings { ike, ipsec, .. } = &scenario.connection;
        let version = match (ike.ike_version, ike.ike_mode) {
            (IkeVersion::Ikev2, _) => "ikev2",
            (IkeVersion::Ikev1, IkeMode::Main) => "ikev1 main",
            (IkeVersion::Ikev1, IkeMode::Aggressive) => "ikev1 aggressive",
        };
        let begins = if scenario.peer.begins { "peer" } else { "gateway" };
        Self(vec![
            ("Ike", version.to_owned()),
            ("Begins", begins.to_owned()),
            ("IkeEncAlg", word(&ike.ike_enc_alg)),
            ("IkeAuthAlg", word(&ike.ike_auth_alg)),
            ("IkePfs", word(&ike.ike_pfs)),
            ("IpsecEncAlg", word(&ipsec.ipsec_enc_alg)),
            ("IpsecAuthAlg", word(&ipsec.ipsec_auth_alg)),
            ("IpsecPfs", word(&ipsec.ipsec_pfs)),
        ])
    }

    fn pairs(&self) -> impl Iterator<Item = Pair> {
        let pairs = self.0.iter().enumerate().flat_map(|(at, first)| {
            self.0[at + 1..].iter().map(move |second| (first.clone(), second.clone()))
        });
        pairs.filter(exists)
    }
}

/// IKEv1 has no AES-GCM for its own messages. (Beside AES-GCM the authentication is only the PRF of IKE, and nothing of ESP;
/// it is a choice all the same.)
fn exists(pair: &Pair) -> bool {
    let ((_, first), (name, second)) = pair;
    !(first.starts_with("ikev1") && *name == "IkeEncAlg" && second.ends_with("gcm"))
}

/// Whether both ends agree and packets pass: that the tunnel comes up, that something arrives, and that the child SA is
/// rekeyed, because IKEv2 uses `IpsecPfs` only then (RFC 7296, 1.3).
fn proves_its_suite(scenario: &Scenario) -> bool {
    let expects = |wanted: fn(&Expectation) -> bool| {
        scenario.steps.iter().any(|(_, step)| matches!(step, Step::Expect(expected) if wanted(expected)))
    };
    let differs = scenario.peer.tunnel != scenario.connection;
    !differs
        && expects(|expected| matches!(expected, Expectation::Up { .. }))
        && expects(|expected| matches!(expected, Expectation::Ping(_) | Expectation::Traffic(_)))
        && expects(|expected| matches!(expected, Expectation::Rekeyed { sa: Sa::Child, .. }))
}

/// The pairs of choices that exist and that no scenario shows to work, in order.
#[must_use]
pub fn missing_pairs(scenarios: &[Scenario]) -> Vec<Pair> {
    let covered = scenarios.iter().filter(|scenario| proves_its_suite(scenario));
    let covered: BTreeSet<Pair> = covered.flat_map(|it| it.suite().pairs().collect::<Vec<_>>()).collect();
    let dimensions = dimensions();
    let mut missing = Vec::new();
    for (at, (first, first_values)) in dimensions.iter().enumerate() {
        for (second, second_values) in &dimensions[at + 1..] {
            for one in first_values {
                for other in second_values {
                    let pair = ((*first, one.clone()), (*second, other.clone()));
                    if exists(&pair) && !covered.contains(&pair) {
                        missing.push(pair);
                    }
                }
            }
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::missing_pairs;
    use crate::Scenario;

    fn scenario(steps: &str) -> Scenario {
        Scenario::parse("x", &format!("# A title.\nconnection\n  IkePfs = group14\nsteps\n{steps}")).unwrap()
    }

    #[test]
    fn a_scenario_covers_its_pairs_when_packets_pass_and_only_then() {
        let all = missing_pairs(&[]).len();
        let covered = |steps: &str| all - missing_pairs(&[scenario(steps)]).len();
        let (up, ping, rekeyed) =
            (" -> up within 5s\n", " -> ping loses nothing\n", " -> child rekeyed 1 times within 5s\n");
        assert_eq!(covered(&[up, ping, rekeyed].concat()), 8 * 7 / 2);
        assert_eq!(covered(&[up, ping].concat()), 0);
        assert_eq!(covered(&[up, rekeyed].concat()), 0);
        assert_eq!(covered(" -> ping loses all"), 0);
    }

    #[test]
    fn the_choices_are_those_of_the_api() {
        let counts: Vec<usize> = super::dimensions().iter().map(|(_, values)| values.len()).collect();
        assert_eq!(counts, [3, 2, 8, 5, 6, 8, 5, 7]);
    }

    #[test]
    fn ikev1_needs_no_aes_gcm_of_its_own_and_has_it_for_packets() {
        let missing = missing_pairs(&[]);
        let has = |first: &str, second: (&str, &str)| {
            missing.iter().any(|((_, one), (name, other))| one == first && (*name, other.as_str()) == second)
        };
        assert!(!has("ikev1 main", ("IkeEncAlg", "aes128gcm")));
        assert!(has("ikev1 main", ("IpsecEncAlg", "aes128gcm")));
        assert!(has("ikev2", ("IkeEncAlg", "aes128gcm")));
    }
}
