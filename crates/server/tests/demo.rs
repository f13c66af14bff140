//! `causeway demo`, whole: the main job on real packets, once for each peer. It needs the rights to make network
//! namespaces (root, or a kernel that allows user namespaces) and strongSwan, and fails without.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics when something is wrong, its functions too"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use serde_json::Value;
use tempfile::TempDir;

/// A user without any rights.
const NOBODY: u32 = 65_534;

/// The stories measure, so they are told one after the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn one_at_a_time() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The command, with a folder for temporary files of its own, in which one sees what was left behind.
fn demo(temporary: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    command.arg("demo").env("TMPDIR", temporary.path()).stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// No namespace of that process, no file, and no process that was started with a file there.
fn assert_nothing_is_left(pid: u32, temporary: &TempDir) {
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let ours = format!("causeway-demo-{pid}-");
    let namespaces = names(Path::new("/run/netns"));
    assert!(!namespaces.iter().any(|name| name.starts_with(&ours)), "{namespaces:?}");
    assert_eq!(names(temporary.path()), Vec::<String>::new());
    let folder = temporary.path().to_string_lossy().into_owned();
    for process in names(Path::new("/proc")).iter().filter(|name| name.parse::<u32>().is_ok()) {
        let command = fs::read(Path::new("/proc").join(process).join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        assert!(!command.contains(&folder), "still runs: {command}");
    }
}

fn story_with(peer: &str) -> Value {
    let _one_at_a_time = one_at_a_time();
    let (temporary, reports) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = reports.path().join("report.json");
    let mut command = demo(&temporary);
    command.args(["--exit", "--peer", peer, "--report"]).arg(&path);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    println!("{}", said(&output));
    assert!(output.status.success(), "{}: {}", output.status, said(&output));
    assert_nothing_is_left(pid, &temporary);
    serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()
}

fn assert_the_story_is_as_it_should_be(report: &Value) {
    let pings = |member: &str| (report[member]["received"].as_u64(), report[member]["sent"].as_u64());
    let number = |member: &str| report[member].as_f64().unwrap_or_else(|| panic!("{member} is no number"));
    assert_eq!(pings("ping_before"), (Some(0), Some(20)));
    assert_eq!(pings("ping_with_route"), (Some(20), Some(20)));
    assert_eq!(pings("ping_after_delete"), (Some(0), Some(20)));
    assert!(number("delete_to_last_packet_ms") < 50.0, "{report:#}");
    assert_eq!(number("neighbour_lost"), 0.0);
    assert!(number("neighbour_sent") > 100.0, "{report:#}");
    assert!(number("tcp_gbps") > 0.01, "{report:#}");
    assert!(number("tunnel_up_ms") > 0.0, "{report:#}");
    assert_eq!(number("clear_text_packets"), 0.0);
    assert!(number("encrypted_packets") > 1_000.0, "{report:#}");
    assert_eq!(report["ok"], true);
}

#[test]
fn the_story_is_as_it_should_be_with_causeway_at_the_sites() {
    let report = story_with("causeway");
    assert_eq!(report["peer"], "causeway");
    assert_the_story_is_as_it_should_be(&report);
}

#[test]
fn the_story_is_as_it_should_be_with_strongswan_at_the_sites() {
    let report = story_with("strongswan");
    assert_eq!(report["peer"], "strongswan");
    assert_the_story_is_as_it_should_be(&report);
}

/// The binary where any user can run it.
fn shared_copy(folder: &TempDir) -> PathBuf {
    let copy = folder.path().join("causeway");
    fs::copy(env!("CARGO_BIN_EXE_causeway"), &copy).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

#[test]
fn without_root_it_runs_in_a_user_namespace_or_says_in_one_line_what_to_do() {
    let _one_at_a_time = one_at_a_time();
    let (programs, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new(shared_copy(&programs));
    command.args(["demo", "--exit"]).env("TMPDIR", temporary.path()).stdin(Stdio::null());
    if Uid::effective().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let said = said(&output);
    println!("{said}");
    match output.status.code() {
        Some(0) => assert!(said.contains("0 in clear"), "{said}"),
        Some(2) => assert!(said.contains("What to do: ") && said.trim_end().lines().count() == 1, "{said}"),
        other => panic!("{other:?}: {said}"),
    }
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn ctrl_c_in_the_middle_of_the_story_removes_everything() {
    let _one_at_a_time = one_at_a_time();
    let temporary = tempfile::tempdir().unwrap();
    let mut child = demo(&temporary).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let reached = lines.by_ref().find(|line| line.starts_with(" 4  "));
    assert!(reached.is_some(), "the story came to its fourth step");
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGINT).unwrap();
    let rest: Vec<String> = lines.collect();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{rest:#?}");
    assert_nothing_is_left(pid, &temporary);
}

#[test]
fn a_demo_that_shall_stay_stays_until_ctrl_c_and_shows_how_to_look_around() {
    let _one_at_a_time = one_at_a_time();
    let temporary = tempfile::tempdir().unwrap();
    let mut child = demo(&temporary).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told = Vec::new();
    for line in lines.by_ref() {
        let stays = line.contains("Ctrl-C");
        told.push(line);
        if stays {
            break;
        }
    }
    let told = told.join("\n");
    for command in
        ["ping 10.3.0.2", "causeway status --data", "causeway env --data", "aliyun vpc CreateVcoRouteEntry"]
    {
        assert!(told.contains(command), "{command} is not in:\n{told}");
    }
    assert!(child.try_wait().unwrap().is_none(), "it stays");
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGINT).unwrap();
    drop(lines);
    assert!(child.wait().unwrap().success());
    assert_nothing_is_left(pid, &temporary);
}

#[test]
fn what_is_wrong_with_how_it_was_started_is_one_line_and_exit_status_2() {
    let _one_at_a_time = one_at_a_time();
    let temporary = tempfile::tempdir().unwrap();
    let without_report =
        demo(&temporary).args(["--exit", "--report", "/nowhere/report.json"]).output().unwrap();
    let without_ip = demo(&temporary).arg("--exit").env("PATH", "/nowhere").output().unwrap();
    for (output, word) in [(without_report, "/nowhere/report.json"), (without_ip, "`ip`")] {
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(word) && said.trim_end().lines().count() == 1, "{said}");
    }
}
