//! Runs a command within a time limit, and ends all of it when it takes longer or on Ctrl-C.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use causeway_netlab::Interrupt;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How long a command has to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Runs a command that speaks for itself, within `limit`.
pub(crate) fn bounded(command: &mut Command, limit: Duration) -> Result<ExitStatus> {
    let what = format!("{command:?}");
    let interrupt = Interrupt::listen()?;
    let mut child = start(command)?;
    wait(&mut child, Instant::now() + limit, interrupt).with_context(|| timed_out(&what, limit))
}

/// Runs a command whose standard output is shown and handed on line by line, within `limit`.
pub(crate) fn bounded_lines(
    command: &mut Command,
    limit: Duration,
    mut on_line: impl FnMut(&str),
) -> Result<ExitStatus> {
    let what = format!("{command:?}");
    let until = Instant::now() + limit;
    let interrupt = Interrupt::listen()?;
    let mut child = start(command.stdout(Stdio::piped()))?;
    let lines = lines_of(child.stdout.take().context("the command has no output")?);
    while Instant::now() < until && !interrupt.happened() {
        match lines.recv_timeout(POLL) {
            Ok(line) => {
                println!("{line}");
                on_line(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            // Something that it left behind may hold the pipe open: the command's own end is what counts.
            Err(RecvTimeoutError::Timeout) if child.try_wait()?.is_some() => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    wait(&mut child, until, interrupt).with_context(|| timed_out(&what, limit))
}

/// Runs commands that write to files, some at once, each within `limit`: how each ended, `None` when it took longer.
pub(crate) fn all_bounded(
    commands: Vec<Command>,
    at_once: usize,
    limit: Duration,
) -> Result<Vec<Option<ExitStatus>>> {
    let interrupt = Interrupt::listen()?;
    let mut ends = vec![None; commands.len()];
    let mut waiting = commands.into_iter().enumerate();
    let mut running: Vec<(usize, Child, Instant)> = Vec::new();
    loop {
        while running.len() < at_once
            && let Some((position, mut command)) = waiting.next()
        {
            running.push((position, start(&mut command)?, Instant::now() + limit));
        }
        if running.is_empty() {
            return Ok(ends);
        }
        if interrupt.happened() {
            running.iter_mut().try_for_each(|(_, child, _)| end(child))?;
            eprintln!("interrupted");
            std::process::exit(130);
        }
        let mut still = Vec::new();
        for (position, mut child, until) in running {
            match child.try_wait().context("waiting for a command")? {
                Some(status) => ends[position] = Some(status),
                None if Instant::now() > until => end(&mut child)?,
                None => still.push((position, child, until)),
            }
        }
        running = still;
        std::thread::sleep(POLL);
    }
}

fn timed_out(what: &str, limit: Duration) -> String {
    format!("{what}, for which {} s are allowed", limit.as_secs())
}

/// Starts it as the leader of a process group, so that all it starts can be ended with it.
fn start(command: &mut Command) -> Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).process_group(0).spawn().with_context(|| format!("running {program}"))
}

fn lines_of(pipe: impl Read + Send + 'static) -> std::sync::mpsc::Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn wait(child: &mut Child, until: Instant, interrupt: Interrupt) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().context("waiting for a command")? {
            return Ok(status);
        }
        if interrupt.happened() {
            end(child)?;
            eprintln!("interrupted");
            std::process::exit(130);
        }
        if Instant::now() > until {
            end(child)?;
            bail!("it took too long and was ended");
        }
        std::thread::sleep(POLL);
    }
}

/// SIGTERM to the group, so that tests remove what they made; SIGKILL later.
fn end(child: &mut Child) -> Result<()> {
    let group = Pid::from_raw(i32::try_from(child.id()).context("process id")?);
    let until = Instant::now() + GRACE;
    let _already_gone = killpg(group, Signal::SIGTERM);
    while Instant::now() < until {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
    let _already_gone = killpg(group, Signal::SIGKILL);
    child.wait().context("waiting for a killed command")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{all_bounded, bounded, bounded_lines};

    #[test]
    fn all_are_run_some_at_once_and_each_has_its_own_end() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        let commands = vec![shell("exit 3"), shell("sleep 100"), shell("exit 0")];
        let ends = all_bounded(commands, 2, Duration::from_millis(500)).unwrap();
        let codes: Vec<_> = ends.into_iter().map(|end| end.and_then(|status| status.code())).collect();
        assert_eq!(codes, [Some(3), None, Some(0)]);
    }

    #[test]
    fn lines_are_handed_on_in_order() {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        let status = bounded_lines(
            command.args(["-c", "echo one; echo two; exit 3"]),
            Duration::from_secs(5),
            |line| {
                lines.push(line.to_owned());
            },
        );
        assert_eq!(status.unwrap().code(), Some(3));
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_it_started() {
        let start = Instant::now();
        let mut command = Command::new("sh");
        let error =
            bounded_lines(command.args(["-c", "sleep 100 & sleep 100"]), Duration::from_millis(200), |_| {});
        assert!(format!("{:#}", error.unwrap_err()).contains("too long"));
        let error = bounded(Command::new("sleep").arg("100"), Duration::from_millis(100)).unwrap_err();
        assert!(format!("{error:#}").contains("too long"));
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
