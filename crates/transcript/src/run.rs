//! A transcript on a stage.

use crate::expect::{Captured, Reply, replace};
use crate::{Step, Transcript};

/// Where a transcript runs.
pub trait Stage {
    /// A client calls.
    fn call(&mut self, action: &str, parameters: &[(&str, &str)]) -> Reply;
    /// The gateway catches up with everything.
    fn reconcile(&mut self);
    /// Time passes.
    fn pass(&mut self, time_ms: i64);
    /// A tunnel of a connection comes up or goes down.
    fn tunnel(&mut self, connection: &str, index: u32, is_up: bool);
    /// The server is killed and starts again.
    fn restart(&mut self);
    /// Who calls from here on: id and secret of an AccessKey; the account itself when none.
    fn call_as(&mut self, key: Option<(&str, &str)>);
}

/// Where a transcript was not followed, and why.
#[derive(Debug, thiserror::Error)]
#[error("tests/transcripts/{name}.txt:{line}: {reason}")]
pub struct Failure {
    name: String,
    line: usize,
    reason: String,
}

/// Runs a transcript from its first line to its last.
///
/// # Errors
///
/// The first answer that is not as the transcript says.
pub fn run(transcript: &Transcript, stage: &mut dyn Stage) -> Result<(), Failure> {
    let mut captured = Captured::new();
    for (line, step) in &transcript.steps {
        take(step, stage, &mut captured).map_err(|reason| Failure {
            name: transcript.name.clone(),
            line: *line,
            reason,
        })?;
    }
    Ok(())
}

fn take(step: &Step, stage: &mut dyn Stage, captured: &mut Captured) -> Result<(), String> {
    match step {
        Step::Call(call) => {
            let replaced = |(name, value): &(String, String)| Ok((name.clone(), replace(value, captured)?));
            let parameters: Vec<_> = call.parameters.iter().map(replaced).collect::<Result<_, String>>()?;
            let pairs: Vec<_> =
                parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let reply = stage.call(&call.action, &pairs);
            let checked = call.expected.check(&reply, captured);
            checked.map_err(|reason| format!("{}: {reason}", call.action))?;
        }
        Step::Reconcile => stage.reconcile(),
        Step::Pass(time_ms) => stage.pass(*time_ms),
        Step::Tunnel { connection, index, is_up } => {
            stage.tunnel(&replace(connection, captured)?, *index, *is_up);
        }
        Step::Restart => stage.restart(),
        Step::CallAs(None) => stage.call_as(None),
        Step::CallAs(Some((id, secret))) => {
            stage.call_as(Some((&replace(id, captured)?, &replace(secret, captured)?)));
        }
    }
    Ok(())
}
