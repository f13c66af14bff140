//! Ctrl-C and its relatives: whatever a lab made is removed before the process ends.

use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::lab;

/// What the signal thread and the program know of each other.
struct State {
    /// The program wants to be told, instead of being ended at once.
    listening: bool,
    received: Option<i32>,
}

static STATE: Mutex<State> = Mutex::new(State { listening: false, received: None });
static CHANGED: Condvar = Condvar::new();
static STARTED: OnceLock<()> = OnceLock::new();

/// The program's own way of hearing of Ctrl-C (SIGINT, SIGTERM, SIGHUP): it can then end its story in its own words.
///
/// Without it the labs are removed and the process exits at the first signal; with it that happens at the second.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt(());

impl Interrupt {
    /// From now on the first signal is only noted.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn listen() -> Result<Self> {
        watch()?;
        state().listening = true;
        Ok(Self(()))
    }

    /// Whether a signal has come.
    #[must_use]
    pub fn happened(self) -> bool {
        state().received.is_some()
    }

    /// Waits for a signal, at most `limit` when one is given; says whether it came.
    #[must_use]
    pub fn wait(self, limit: Option<Duration>) -> bool {
        let until = limit.map(|limit| Instant::now() + limit);
        let mut state = state();
        while state.received.is_none() {
            let left = until
                .map_or(Duration::from_secs(3600), |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            state = CHANGED.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

fn state() -> std::sync::MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the signal thread, once per process.
pub(crate) fn watch() -> Result<()> {
    if STARTED.get().is_some() {
        return Ok(());
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("installing the handlers of Ctrl-C")?;
    if STARTED.set(()).is_err() {
        return Ok(()); // another thread was faster
    }
    std::thread::Builder::new()
        .name("netlab-signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                on_signal(signal);
            }
        })
        .context("starting the signal thread")?;
    Ok(())
}

fn on_signal(signal: i32) {
    let noted_only = {
        let mut state = state();
        let first = state.received.is_none();
        state.received.get_or_insert(signal);
        state.listening && first
    };
    CHANGED.notify_all();
    if !noted_only {
        lab::remove_all();
        std::process::exit(128 + signal);
    }
}
