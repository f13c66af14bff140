//! The story: nine steps, each of which is as it should be or not.

mod opening;
mod route;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use causeway_netlab::Interrupt;

use super::print::Voice;
use super::report::{Report, Step, millis};
use super::stage::Stage;

/// How the story ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every step was as it should be.
    AsItShouldBe,
    /// Some step was not.
    NotAsItShouldBe,
    /// Somebody pressed Ctrl-C on the way.
    Interrupted,
}

/// What came of a step.
#[derive(Debug)]
struct Outcome {
    as_it_should_be: bool,
    said: String,
}

impl Outcome {
    fn new(as_it_should_be: bool, said: impl Into<String>) -> Self {
        Self { as_it_should_be, said: said.into() }
    }
}

/// What a step works with.
struct Scene<'a> {
    stage: &'a mut Stage,
    voice: &'a Voice,
    interrupt: Interrupt,
    report: &'a mut Report,
}

/// A step's title, and what it does. An error ends the story: the later steps would have nothing to stand on.
type Told = (&'static str, fn(&mut Scene<'_>) -> Result<Outcome>);

const STEPS: [Told; 9] = [
    ("Make a network: a gateway and two customer sites on one wire, the internet", opening::make_network),
    ("Start the gateway, and what stands at the sites", opening::start),
    ("Create customer gateways and two-tunnel attachments", opening::create_attachments),
    ("The tunnels come up", opening::wait_for_tunnels),
    ("Before there is a route, nothing passes", route::nothing_before),
    ("Create the routes: ping and TCP pass", route::create),
    ("Delete the route to site1 while packets take it", route::delete),
    ("Nothing passes any more", route::nothing_after),
    ("Nothing crossed the wire in clear", route::nothing_in_clear),
];

/// Tells it from beginning to end, and fills in the report.
pub fn tell(stage: &mut Stage, voice: &Voice, interrupt: Interrupt, report: &mut Report) -> End {
    let mut scene = Scene { stage, voice, interrupt, report };
    for (number, (title, step)) in (1..).zip(STEPS) {
        voice.title(number, title);
        let start = Instant::now();
        let outcome = step(&mut scene);
        let took = start.elapsed();
        if interrupt.happened() {
            voice.line("    interrupted");
            return End::Interrupted;
        }
        let goes_on = outcome.is_ok();
        let Outcome { as_it_should_be, said } =
            outcome.unwrap_or_else(|error| Outcome::new(false, format!("{error:#}")));
        voice.outcome(as_it_should_be, &said, took);
        scene.report.steps.push(Step { number, title, ok: as_it_should_be, ms: millis(took), said });
        if !goes_on {
            break;
        }
    }
    report.ok = report.steps.len() == STEPS.len() && report.steps.iter().all(|step| step.ok);
    if report.ok { End::AsItShouldBe } else { End::NotAsItShouldBe }
}

impl Scene<'_> {
    /// Ends the step when somebody has pressed Ctrl-C.
    fn go_on(&self) -> Result<()> {
        if self.interrupt.happened() {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Looks again and again until there is something, often at first and then less; says what was awaited if it never
    /// comes. While it waits the last thing that was seen is shown.
    fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut() -> Result<Seen<T>>,
    ) -> Result<T> {
        let waiting = self.voice.waiting(what);
        let start = Instant::now();
        loop {
            self.go_on()?;
            let so_far = match look()? {
                Seen::There(there) => return Ok(there),
                Seen::NotYet(so_far) => so_far,
            };
            waiting.update(&format!("{what}: {so_far}"));
            if start.elapsed() > limit {
                bail!("after {} s of waiting until {what}: {so_far}", limit.as_secs());
            }
            std::thread::sleep(pause(start.elapsed()));
        }
    }
}

/// Whether what is awaited is there.
enum Seen<T> {
    There(T),
    NotYet(String),
}

/// The first second decides the figures, so it is looked at closely; later the API's rate limit counts.
fn pause(waited: Duration) -> Duration {
    if waited < Duration::from_secs(1) { Duration::from_millis(10) } else { Duration::from_millis(150) }
}
