//! A program without root makes hosts nonetheless, and what it made goes however it ends.
//!
//! Not a libtest harness: a process that wants a user namespace must have one thread only.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_netlab::{Lab, PingOptions, Rights, ensure_rights, ping, rights};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The user `nobody`.
const NOBODY: u32 = 65534;

type Test = (&'static str, fn(&Path) -> Result<()>);

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("as-program") => match program() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                println!("{error:#}");
                ExitCode::from(2)
            }
        },
        Some("--list") => ExitCode::SUCCESS,
        _ => run_tests(),
    }
}

/// What the tests run: two hosts, a ping, a process, and then nothing until it is ended.
fn program() -> Result<()> {
    let rights = ensure_rights()?;
    let lab = Lab::new("nltest-rights")?;
    let (left, right) = (lab.host("left")?, lab.host("right")?);
    lab.link((&left, "eth0", &["10.0.0.1/24"]), (&right, "eth0", &["10.0.0.2/24"]))?;
    let answer = ping(&left, "10.0.0.2".parse()?, &PingOptions::default())?;
    let _sleeper = left.spawn(Command::new("sleep").arg("1000").stdin(Stdio::null()))?;
    let kind = if rights == Rights::Machine { "machine" } else { "namespace" };
    println!("{kind} {} of {}", answer.received, answer.sent);
    std::thread::sleep(Duration::from_secs(60));
    Ok(())
}

fn run_tests() -> ExitCode {
    let tests: [Test; 3] = [
        ("a_program_without_root_makes_hosts_or_says_what_to_do", without_root),
        ("a_terminated_program_removes_its_hosts", terminated),
        ("a_killed_program_without_root_leaves_nothing", killed_without_root),
    ];
    let Ok(copy) = public_copy() else {
        println!("test result: FAILED. 0 passed; {} failed; the test program cannot be copied", tests.len());
        return ExitCode::FAILURE;
    };
    println!("\nrunning {} tests", tests.len());
    let mut failed = 0;
    for (name, test) in tests {
        match test(&copy) {
            Ok(()) => println!("test {name} ... ok"),
            Err(error) => {
                failed += 1;
                println!("test {name} ... FAILED\n    {error:#}");
            }
        }
    }
    if let Some(folder) = copy.parent() {
        let _best_effort = fs::remove_dir_all(folder);
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {} passed; {failed} failed\n", tests.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A copy of this program that every user may run, wherever the target folder is.
fn public_copy() -> Result<PathBuf> {
    let folder = tempfile::tempdir()?.keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    let copy = folder.join("program");
    fs::copy(std::env::current_exe()?, &copy)?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    Ok(copy)
}

fn start(program: &Path, without_root: bool) -> Result<(Child, String)> {
    let mut command = Command::new(program);
    command.arg("as-program").current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped());
    // Inside a user namespace there is nobody else to become; the program then has its rights already.
    if without_root && rights()? == Rights::Machine {
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut child = command.spawn().context("starting the program")?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut said)?;
    Ok((child, said.trim().to_owned()))
}

fn signal(child: &Child, signal: Signal) -> Result<()> {
    Ok(kill(Pid::from_raw(i32::try_from(child.id())?), signal)?)
}

fn without_root(program: &Path) -> Result<()> {
    let (mut child, said) = start(program, true)?;
    let works = said == "namespace 5 of 5";
    if works {
        signal(&child, Signal::SIGTERM)?;
    }
    let status = child.wait()?;
    if works {
        ensure!(status.code() == Some(128 + 15), "ended by SIGTERM it exits with 143, not {status}");
        return Ok(());
    }
    ensure!(said.contains("What to do:") && status.code() == Some(2), "{status}, it said: {said}");
    Ok(())
}

fn terminated(program: &Path) -> Result<()> {
    let (mut child, said) = start(program, false)?;
    ensure!(said.ends_with("5 of 5"), "it said: {said}");
    let prefix = format!("nltest-rights-{}-", child.id());
    let hosts = || {
        let names = fs::read_dir("/run/netns").into_iter().flatten().flatten();
        names.filter(|name| name.file_name().to_string_lossy().starts_with(&prefix)).count()
    };
    ensure!(hosts() == 2, "{} hosts before it was ended", hosts());
    signal(&child, Signal::SIGTERM)?;
    let status = child.wait()?;
    ensure!(status.code() == Some(128 + 15), "{status}");
    ensure!(hosts() == 0, "{} hosts are left", hosts());
    Ok(())
}

fn killed_without_root(program: &Path) -> Result<()> {
    if rights()? != Rights::Machine {
        return Ok(()); // the tests' own namespace holds what this one would leave, and goes with it
    }
    let (mut child, said) = start(program, true)?;
    if said.contains("What to do:") {
        child.wait()?;
        return Ok(());
    }
    ensure!(said == "namespace 5 of 5", "it said: {said}");
    signal(&child, Signal::SIGKILL)?;
    child.wait()?;
    let until = Instant::now() + Duration::from_secs(5);
    while still_running(program)? {
        ensure!(Instant::now() < until, "the program inside outlived the one outside");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn still_running(program: &Path) -> Result<bool> {
    let processes = fs::read_dir("/proc")?.flatten();
    let mut programs = processes.filter_map(|process| fs::read_link(process.path().join("exe")).ok());
    Ok(programs.any(|exe| exe == program))
}
