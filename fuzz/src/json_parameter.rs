//! Requests whose parameters hold JSON text, through the whole core: none is answered with a 5xx, the one that is refused
//! changes nothing, and what the one that is answered changes can be stored, read back, programmed and shown.
//!
//! The input is lines: the action, and then a parameter each, `Name=Value`; `$cgw`, `$vco` and `$vpn` stand for the ids
//! of what there is.

use std::sync::OnceLock;

use causeway_control::core::Outcome;
use causeway_control::desired::{desired, generations};
use causeway_control::operation;
use causeway_control::record::{Change, Record};
use causeway_control::state::AccountState;
use causeway_wire::{Format, Params, render_success};

use crate::world::{REGION, World, params};

/// What shows everything that a request could have made.
const DESCRIBE: [&str; 4] =
    ["DescribeVpnConnections", "DescribeVpnAttachments", "DescribeCustomerGateways", "DescribeVpnGateways"];

/// Plans a request, and applies what it changes.
///
/// # Panics
///
/// When it is answered with a 5xx, or has changes that cannot be stored, read back, programmed or shown.
pub fn check(bytes: &[u8]) {
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(World::new);
    let Some((action, params)) = request(world, bytes) else { return };
    let versions = operation::all().iter().filter(|entry| entry.name == action);
    for version in versions.map(|entry| entry.product.version()) {
        match world.plan(&world.state, &action, version, &params) {
            Outcome::Answered { body, changes, .. } => {
                check_render(&action, &body);
                check_changes(world, &changes);
            }
            Outcome::Refused(error) => {
                assert!((400..500).contains(&error.status()), "{action}: {error:?}");
                let values = error.value.as_deref().map_or(0, |value| value.split('\n').count());
                assert!(error.kind.values() <= values, "the sentence lacks a value: {action}: {error:?}");
            }
        }
    }
}

fn request(world: &World, bytes: &[u8]) -> Option<(String, Params)> {
    let text = world.named(std::str::from_utf8(bytes).ok()?);
    let (action, lines) = text.split_once('\n')?;
    let pairs: Vec<_> = lines.lines().filter_map(|line| line.split_once('=')).collect();
    let region = (!pairs.iter().any(|(name, _)| *name == "RegionId")).then_some(("RegionId", REGION));
    Some((action.to_owned(), params(pairs.iter().copied().chain(region))?))
}

fn check_render(action: &str, body: &serde_json::Value) {
    let (_, json) = render_success(action, body, Format::Json);
    serde_json::from_str::<serde_json::Value>(&json).expect("an answer is JSON");
    let (_, xml) = render_success(action, body, Format::Xml);
    assert!(xml.ends_with(&format!("</{action}Response>")), "{xml}");
}

fn check_changes(world: &World, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    for change in changes {
        if let Change::Put(record) = change {
            let read = Record::from_json(record.kind(), &record.to_json());
            assert_eq!(read.as_ref().ok(), Some(record), "{read:?}");
        }
    }
    let mut state = world.state.clone();
    state.apply(changes);
    assert!(state.revision() > world.state.revision());
    for (connection, generation) in generations(&state) {
        let desired = desired(&state, &connection, &world.settings).expect("it is listed");
        assert_eq!(desired.generation, generation);
    }
    check_shown(world, &state);
}

fn check_shown(world: &World, state: &AccountState) {
    let everything = params([("RegionId", REGION)]).expect("it is well formed");
    for action in DESCRIBE {
        let shown = world.plan(state, action, "2016-04-28", &everything);
        match shown {
            Outcome::Answered { body, changes, .. } => {
                assert!(changes.is_empty(), "{action} only shows");
                check_render(action, &body);
            }
            Outcome::Refused(error) => panic!("{action}: {error:?}"),
        }
    }
}
