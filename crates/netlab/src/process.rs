//! A process that a lab started: it and all it starts end with it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// How long a process has to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(2);

/// A running process, leader of a process group of its own, so that Ctrl-C in a terminal does not reach it and ending it
/// ends whatever it started. It is ended when this is dropped, and when its lab is removed.
#[derive(Debug)]
pub struct Process {
    pub(crate) running: Arc<Running>,
}

/// The part of a process that its lab holds on to as well.
#[derive(Debug)]
pub(crate) struct Running {
    pid: Pid,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    child: Child,
    /// Set once the process was waited for; its id may mean somebody else from then on.
    ended: Option<ExitStatus>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.process_group(0);
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("starting {program}"))?;
        let pid = Pid::from_raw(i32::try_from(child.id()).context("process id")?);
        Ok(Self { pid, state: Mutex::new(State { child, ended: None }) })
    }

    pub(crate) fn lock_child<T>(&self, use_it: impl FnOnce(&mut Child) -> T) -> T {
        use_it(&mut self.state().child)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signals the group, unless its leader was waited for already.
    pub(crate) fn signal(&self, signal: Signal) {
        let state = self.state();
        if state.ended.is_none() {
            let _already_gone = killpg(self.pid, signal);
        }
    }

    /// Whether the leader has ended; it is not waited for yet, so its id still means its group.
    fn has_ended(&self, state: &State) -> bool {
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        state.ended.is_some()
            || match waitid(Id::Pid(self.pid), look) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => false,
                Ok(_) | Err(_) => true,
            }
    }

    /// The exit status when the process has ended. What it left running in its group is killed then.
    pub(crate) fn try_wait(&self) -> Result<Option<ExitStatus>> {
        let mut state = self.state();
        if state.ended.is_none() && self.has_ended(&state) {
            let _nobody_left = killpg(self.pid, Signal::SIGKILL);
            let status = state.child.wait().context("waiting for a process of the lab")?;
            state.ended = Some(status);
        }
        Ok(state.ended)
    }

    pub(crate) fn wait_until(&self, until: Instant) -> Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            std::thread::sleep(POLL);
        }
    }

    /// SIGTERM, three seconds, SIGKILL.
    pub(crate) fn stop(&self) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM);
        match self.wait_until(Instant::now() + GRACE)? {
            Some(status) => Ok(status),
            None => self.kill(),
        }
    }

    pub(crate) fn kill(&self) -> Result<ExitStatus> {
        self.signal(Signal::SIGKILL);
        let status = self.wait_until(Instant::now() + GRACE)?;
        status.with_context(|| format!("process {} outlived SIGKILL", self.pid))
    }
}

impl Process {
    /// The process id, which is its process group's as well.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.running.pid.as_raw()
    }

    /// The exit status when it has ended.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn try_wait(&self) -> Result<Option<ExitStatus>> {
        self.running.try_wait()
    }

    /// Waits at most `limit`; `None` when it still runs.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn wait(&self, limit: Duration) -> Result<Option<ExitStatus>> {
        self.running.wait_until(Instant::now() + limit)
    }

    /// Takes its standard output and error, when the command asked for pipes.
    #[must_use]
    pub fn take_pipes(&self) -> (Option<std::process::ChildStdout>, Option<std::process::ChildStderr>) {
        self.running.lock_child(|child| (child.stdout.take(), child.stderr.take()))
    }

    /// Sends SIGTERM to its group, and SIGKILL three seconds later if need be.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn stop(&self) -> Result<ExitStatus> {
        self.running.stop()
    }

    /// Ends it as a power cut would: SIGKILL to its group.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn kill(&self) -> Result<ExitStatus> {
        self.running.kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.running.stop() {
            eprintln!("netlab: {error:#}");
        }
    }
}
