//! The transcripts of clients (`tests/transcripts/*.txt`) against the pure core.

use std::collections::BTreeSet;
use std::path::Path;

use causeway_transcript::{Reply, Stage, Transcript};
use serde_json::json;

use crate::account::Caller;
use crate::error::ApiError;
use crate::observed::{ObservedTunnel, TunnelStatus};
use crate::operation::{self, Entry};
use crate::testing::{Reports, World};

/// Operations that no transcript has answered yet, and why. A line that is no longer true is to be removed.
const NOT_ANSWERED: &[(&str, &str)] = &[];

/// The operation that a transcript means, with its product: of those that share a name, `TagResources` alone is Vpc's.
pub(crate) fn full_name(action: &str) -> String {
    operation::named(action).unwrap_or_else(|| panic!("{action} is no operation")).full_name()
}

pub(crate) fn transcripts() -> Vec<Transcript> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts");
    causeway_transcript::load(&folder).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(error: &ApiError) -> Reply {
    let body = json!({
        "Code": error.code(),
        "Message": error.message(),
        "Recommend": error.recommend(),
        "AccessDeniedDetail": error.access_denied,
    });
    Reply { status: error.status(), body }
}

impl Stage for World {
    fn call(&mut self, action: &str, parameters: &[(&str, &str)]) -> Reply {
        let answer = Self::call(self, action, parameters);
        answer.map_or_else(|error| refused(&error), |body| Reply { status: 200, body })
    }

    fn reconcile(&mut self) {
        self.settle();
    }

    fn pass(&mut self, time_ms: i64) {
        self.now_ms += time_ms;
    }

    fn tunnel(&mut self, connection: &str, index: u32, is_up: bool) {
        let id = connection.parse().unwrap();
        let tunnels = &self.state.vpn_connection(&id).unwrap().tunnels;
        let tunnel = tunnels[usize::try_from(index).unwrap() - 1].id.clone();
        let status = if is_up { TunnelStatus::IpsecSaEstablished } else { TunnelStatus::IkeSaNotEstablished };
        let observed = ObservedTunnel { status, ..ObservedTunnel::default() };
        self.reports.0.get_mut(&id).unwrap().tunnels.insert(tunnel, observed);
    }

    fn restart(&mut self) {
        self.state = self.restored();
        self.reports = Reports::default();
    }

    fn call_as(&mut self, key: Option<(&str, &str)>) {
        self.caller = key.map_or(Caller::Root, |(id, secret)| {
            let key = self.state.access_key(&id.parse().unwrap()).unwrap();
            assert_eq!(key.secret.expose(), secret);
            key.caller()
        });
    }
}

#[test]
fn every_transcript_is_followed() {
    let failures: Vec<String> = transcripts()
        .iter()
        .filter_map(|transcript| causeway_transcript::run(transcript, &mut World::new()).err())
        .map(|failure| failure.to_string())
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_operation_is_answered_in_a_transcript() {
    let transcripts = transcripts();
    let answered: BTreeSet<String> =
        transcripts.iter().flat_map(Transcript::answered).map(full_name).collect();
    let all: BTreeSet<String> = operation::all().iter().map(Entry::full_name).collect();
    let excused: BTreeSet<String> = NOT_ANSWERED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let open: Vec<&String> = all.difference(&answered).filter(|name| !excused.contains(*name)).collect();
    assert!(open.is_empty(), "add calls of {open:?} that are answered to tests/transcripts/");
    let stale: Vec<&String> =
        excused.iter().filter(|name| answered.contains(*name) || !all.contains(*name)).collect();
    assert!(stale.is_empty(), "{stale:?} are answered or no operations: remove them from NOT_ANSWERED");
}
