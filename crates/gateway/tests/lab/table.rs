//! Runs scenarios, some at once and each in a process with a deadline, and prints how each ended.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use causeway_lab::Scenario;
use causeway_netlab::Interrupt;

use crate::stage;

const POLL: Duration = Duration::from_millis(10);
/// How long a scenario has to remove its hosts after it was asked to end.
const GRACE: Duration = Duration::from_secs(10);

/// A scenario under way.
struct Running<'a> {
    scenario: &'a Scenario,
    child: Child,
    output: File,
    start: Instant,
    /// It has been asked to end, because it took too long.
    ended_at: Option<Instant>,
}

/// How a scenario ended.
struct Ended<'a> {
    scenario: &'a Scenario,
    is_well: bool,
    took: Duration,
    said: String,
}

/// Runs them, at most `jobs` at once. Whether all is well.
pub fn run(scenarios: &[&Scenario], jobs: usize) -> Result<bool, String> {
    let interrupt = Interrupt::listen().map_err(|error| format!("{error:#}"))?;
    let begin = Instant::now();
    // Those that may take long begin, so that the others run meanwhile.
    let mut order = scenarios.to_vec();
    order.sort_by_key(|scenario| std::cmp::Reverse(stage::deadline(scenario)));
    let mut waiting = order.into_iter();
    let mut running: Vec<Running<'_>> = Vec::new();
    let mut failed = Vec::new();
    loop {
        while running.len() < jobs
            && let Some(scenario) = waiting.next()
        {
            running.push(Running::start(scenario).map_err(|error| format!("{}: {error}", scenario.name))?);
        }
        if running.is_empty() {
            break;
        }
        if interrupt.happened() {
            running.iter_mut().for_each(Running::end);
            return Err("interrupted".to_owned());
        }
        let mut still = Vec::new();
        for run in running {
            match run.look() {
                Ok(ended) => {
                    ended.print();
                    failed.extend((!ended.is_well).then_some(ended));
                }
                Err(run) => still.push(run),
            }
        }
        running = still;
        std::thread::sleep(POLL);
    }
    for ended in &failed {
        println!("\n==== {}: {}\n{}", ended.scenario.name, ended.scenario.title, ended.said);
    }
    let (verdict, passed) = (if failed.is_empty() { "ok" } else { "FAILED" }, scenarios.len() - failed.len());
    let took = begin.elapsed().as_secs_f32();
    println!("\ntest result: {verdict}. {passed} passed; {} failed; finished in {took:.1}s", failed.len());
    Ok(failed.is_empty())
}

impl<'a> Running<'a> {
    fn start(scenario: &'a Scenario) -> std::io::Result<Self> {
        let output = tempfile::tempfile()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--one", &scenario.name]).stdin(Stdio::null()).process_group(0);
        let child = command.stdout(output.try_clone()?).stderr(output.try_clone()?).spawn()?;
        Ok(Self { scenario, child, output, start: Instant::now(), ended_at: None })
    }

    /// How it ended, or itself when it has not.
    fn look(mut self) -> Result<Ended<'a>, Self> {
        let took = self.start.elapsed();
        match self.child.try_wait() {
            Ok(None) => {
                let is_late = took > stage::deadline(self.scenario);
                match self.ended_at {
                    None if is_late => {
                        self.signal(nix::sys::signal::Signal::SIGTERM);
                        self.ended_at = Some(Instant::now());
                    }
                    Some(at) if at.elapsed() > GRACE => self.signal(nix::sys::signal::Signal::SIGKILL),
                    _ => {}
                }
                Err(self)
            }
            Ok(Some(status)) => {
                let mut said = self.said();
                if self.ended_at.is_some() {
                    said.push_str(&format!("\nit was ended after {} s\n", took.as_secs()));
                }
                Ok(Ended { scenario: self.scenario, is_well: status.success(), took, said })
            }
            Err(error) => {
                let said = format!("{}\nwaiting for it: {error}", self.said());
                Ok(Ended { scenario: self.scenario, is_well: false, took, said })
            }
        }
    }

    fn said(&mut self) -> String {
        let mut said = Vec::new();
        let _as_far_as_it_goes = self.output.rewind().and_then(|()| self.output.read_to_end(&mut said));
        String::from_utf8_lossy(&said).into_owned()
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        let group = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap_or(i32::MAX));
        let _already_gone = nix::sys::signal::killpg(group, signal);
    }

    /// Asks it to remove its hosts, and waits until it has.
    fn end(&mut self) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let since = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && since.elapsed() < GRACE {
            std::thread::sleep(POLL);
        }
        self.signal(nix::sys::signal::Signal::SIGKILL);
    }
}

impl Ended<'_> {
    fn print(&self) {
        let verdict = if self.is_well { "ok" } else { "FAILED" };
        println!("test {:<44} ... {verdict:<6} {:>6} ms", self.scenario.name, self.took.as_millis());
    }
}
