//! The transcripts of clients (`tests/transcripts/*.txt`) against a server, over HTTP with signed requests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when something is wrong, its functions too"
)]

#[allow(dead_code, reason = "the binary's own client, of which these tests need a part")]
#[path = "../src/client.rs"]
mod client;
#[path = "support/stepped.rs"]
mod server;

use std::path::Path;

use causeway_control::operation;
use causeway_transcript::{Reply, Stage, Transcript, run};
use client::{Client, Credentials, Product};
use server::Server;

const REGION: &str = "eu-central-1";

/// What happens on the stage happens to a server whose gateway does nothing until it is told to.
struct Served {
    server: Server,
    /// Who calls: an AccessKey's id and secret, or the account.
    key: Option<(String, String)>,
}

const CONFIG: &str =
    "[api]\nchange_wait_ms = 0\n[gateway]\nsimulated_steps = true\n[metrics]\nenabled = false\n";

impl Stage for Served {
    fn call(&mut self, action: &str, parameters: &[(&str, &str)]) -> Reply {
        let entry = operation::named(action);
        let action = entry.map_or(action, |entry| entry.name);
        let version = entry.map_or("2016-04-28", |entry| entry.product.version());
        let mut parameters = parameters.to_vec();
        if !parameters.iter().any(|(name, _)| *name == "RegionId") {
            parameters.push(("RegionId", REGION));
        }
        let mut credentials: Credentials = self.server.credentials();
        if let Some((id, secret)) = &self.key {
            credentials.access_key_id.clone_from(id);
            credentials.access_key_secret.clone_from(secret);
        }
        let asked = Client::new(credentials).ask(Product { version }, action, &parameters);
        let (status, body) = asked.unwrap();
        Reply { status, body }
    }

    fn reconcile(&mut self) {
        self.server.signal("USR1");
        self.server.until_logged("the simulated gateway has caught up");
    }

    fn pass(&mut self, _time_ms: i64) {
        panic!("time cannot be made to pass here: say so in the head, `# over http: no, because ...`");
    }

    fn tunnel(&mut self, _connection: &str, _index: u32, _is_up: bool) {
        panic!("a tunnel cannot be moved here: say so in the head, `# over http: no, because ...`");
    }

    fn restart(&mut self) {
        self.server.restart();
    }

    fn call_as(&mut self, key: Option<(&str, &str)>) {
        self.key = key.map(|(id, secret)| (id.to_owned(), secret.to_owned()));
    }
}

#[test]
fn every_transcript_is_followed_over_http_but_for_those_that_say_why_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts");
    let transcripts = causeway_transcript::load(&folder).unwrap();
    let (run_here, not_here): (Vec<&Transcript>, Vec<&Transcript>) =
        transcripts.iter().partition(|transcript| transcript.not_over_http.is_none());
    assert!(run_here.len() > 2 * not_here.len(), "too many transcripts do not run over HTTP");
    let follow = |transcript: &Transcript| {
        let mut stage = Served { server: Server::start(CONFIG), key: None };
        run(transcript, &mut stage).err().map(|failure| failure.to_string())
    };
    let failures: Vec<String> = run_here.iter().filter_map(|transcript| follow(transcript)).collect();
    println!("{} transcripts over HTTP, {} not:", run_here.len(), not_here.len());
    for transcript in not_here {
        println!("  {}: {}", transcript.name, transcript.not_over_http.as_deref().unwrap_or_default());
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
