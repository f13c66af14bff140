//! A server that is killed, at each step of a commit and at any time: what it acknowledged is there when it is started
//! again, and of what it did not, all or nothing.
//!
//! The server is this test program, run once more as [`the_server_that_is_killed`]. It commits a numbered stream and
//! reports on its standard error.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use causeway_store::{Commit, DataFolder, Failpoint, Image, Row, SqliteStore, Store, Write};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

const FOLDER: &str = "CAUSEWAY_KILL_FOLDER";
const PLAN: &str = "CAUSEWAY_KILL_PLAN";

/// The step that commits are stopped at, by the name it has in a plan.
const FAILPOINTS: [(&str, Failpoint); 8] = [
    ("BeforeBegin", Failpoint::BeforeBegin),
    ("AfterBegin", Failpoint::AfterBegin),
    ("AfterFirstWrite", Failpoint::AfterFirstWrite),
    ("BeforeCommit", Failpoint::BeforeCommit),
    ("AfterCommit", Failpoint::AfterCommit),
    ("AfterAcknowledgement", Failpoint::AfterAcknowledgement),
    ("BeforeCheckpoint", Failpoint::BeforeCheckpoint),
    ("AfterCheckpoint", Failpoint::AfterCheckpoint),
];

// The stream.

const SLOTS: u64 = 37;

/// Commit number `number` of an account makes revision `number + 1`. Each puts two rows and deletes one.
fn numbered(account: &str, number: u64, large: bool) -> Commit {
    let length = if large { 100_000 } else { [20, 300, 3_000][usize::try_from(number % 3).expect("0 to 2")] };
    let value = Some(format!("{number} {}", "x".repeat(length)).into_bytes());
    let write = |kind: &str, id: u64, value| Write { kind: kind.to_owned(), id: format!("{id:02}"), value };
    let writes = vec![
        write("slot", number % SLOTS, value),
        write("slot", (number + 11) % SLOTS, None),
        write("last", 0, Some(number.to_string().into_bytes())),
    ];
    Commit { account: account.to_owned(), expected_revision: number, writes }
}

/// What an account holds at a revision. Every slot is written and deleted once in as many commits as there are
/// slots, so no earlier ones matter.
fn image_at(account: &str, revision: u64, large: bool) -> Image {
    let mut rows = BTreeMap::new();
    for number in revision.saturating_sub(2 * SLOTS)..revision {
        for Write { kind, id, value } in numbered(account, number, large).writes {
            match value {
                Some(value) => rows.insert((kind, id), value),
                None => rows.remove(&(kind, id)),
            };
        }
    }
    let rows = rows.into_iter().map(|((kind, id), value)| Row { kind, id, value });
    Image { account: account.to_owned(), revision, rows: rows.collect() }
}

// The server.

/// Not a test of its own: what the others run, and kill.
#[test]
fn the_server_that_is_killed() {
    let (Some(folder), Ok(plan)) = (std::env::var_os(FOLDER), std::env::var(PLAN)) else { return };
    setrlimit(Resource::RLIMIT_CORE, 0, 0).unwrap();
    let data = DataFolder::open(&folder).unwrap();
    let (word, argument) = plan.split_once(' ').unwrap_or((&plan, ""));
    match word {
        "pipeline" => pipeline(&SqliteStore::open(&data).unwrap()),
        "stop" => {
            let (name, large) = argument.split_once(' ').unwrap();
            one_by_one(&SqliteStore::open_watched(&data, stop_at(name)).unwrap(), large == "large");
        }
        "tear-log" => {
            let log = Path::new(&folder).join("causeway.db-wal");
            let tear = tear_file_at(Failpoint::BeforeCommit, STOP_AT, log, argument.parse().unwrap());
            one_by_one(&SqliteStore::open_watched(&data, tear).unwrap(), false);
        }
        "tear-checkpoint" => {
            let tear =
                tear_file_at(Failpoint::BeforeCheckpoint, 1, data.database_file(), argument.parse().unwrap());
            one_by_one(&SqliteStore::open_watched(&data, tear).unwrap(), true);
        }
        other => panic!("no such plan: {other}"),
    }
}

/// Writes a line at once, so that it cannot be cut in the middle.
fn report(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).expect("the parent reads");
}

/// Two accounts, with several commits of each in the queue at any time, for ever.
fn pipeline(store: &SqliteStore) -> ! {
    store.unlock_vault().expect("the key file is in order");
    report("started");
    let images = store.load().expect("the database is in order");
    let stored =
        |account| images.iter().find(|image| image.account == account).map_or(0, |image| image.revision);
    let mut next = [("a", stored("a")), ("b", stored("b"))];
    let mut waiting = std::collections::VecDeque::new();
    loop {
        for (account, number) in &mut next {
            waiting.push_back((*account, store.submit(numbered(account, *number, false))));
            *number += 1;
        }
        if waiting.len() >= 16 {
            let (account, ticket) = waiting.pop_front().expect("there are sixteen");
            report(&format!("ack {account} {}", ticket.wait().expect("nobody else writes")));
        }
    }
}

/// One account, and each commit waits for the one before, so that each is a batch of its own.
fn one_by_one(store: &SqliteStore, large: bool) {
    for number in 0.. {
        let revision = store.submit(numbered("a", number, large)).wait().expect("nobody else writes");
        report(&format!("ack a {revision}"));
    }
}

/// The batch in which the server is stopped.
const STOP_AT: u32 = 12;

/// Stops the writer for good where it is: at a step of the twelfth commit, or of the first checkpoint.
fn stop_at(name: &str) -> impl Fn(Failpoint) + Send + use<> {
    let (name, point) = *FAILPOINTS.iter().find(|(known, _point)| *known == name).expect("a known failpoint");
    let times = if name.ends_with("Checkpoint") { 1 } else { STOP_AT };
    let reached = AtomicU32::new(0);
    move |at| {
        if at == point && reached.fetch_add(1, Ordering::Relaxed) + 1 == times {
            report("stopped");
            loop {
                thread::park();
            }
        }
    }
}

/// Lets a file grow by so many bytes only. The write that goes beyond is cut off there, and the system kills the
/// process in the middle of it (SIGXFSZ).
fn tear_file_at(
    point: Failpoint,
    times: u32,
    file: std::path::PathBuf,
    bytes: u64,
) -> impl Fn(Failpoint) + Send + use<> {
    let reached = AtomicU32::new(0);
    move |at| {
        if at == point && reached.fetch_add(1, Ordering::Relaxed) + 1 == times {
            let (_soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).expect("a known resource");
            let length = std::fs::metadata(&file).expect("the file is open").len();
            setrlimit(Resource::RLIMIT_FSIZE, length + bytes, hard).expect("lowering is allowed");
        }
    }
}

// The tests.

struct Server {
    process: Child,
    reports: BufReader<ChildStderr>,
    /// The highest revision of each account that was acknowledged.
    acknowledged: BTreeMap<String, u64>,
}

impl Server {
    fn start(folder: &Path, plan: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this test is a program"))
            .args(["--exact", "the_server_that_is_killed", "--nocapture"])
            .env(FOLDER, folder)
            .env(PLAN, plan)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this test can be run again");
        let reports = BufReader::new(process.stderr.take().expect("is piped"));
        Self { process, reports, acknowledged: BTreeMap::new() }
    }

    /// Reads reports until one is `wanted`, or until there are no more: then false.
    fn read_until(&mut self, wanted: &str) -> bool {
        while let Some(line) = self.read_line() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["ack", account, revision] => {
                    let revision = revision.parse().expect("a number");
                    let before = self.acknowledged.insert(account.to_owned(), revision).unwrap_or(0);
                    assert!(before < revision, "acknowledged out of order");
                }
                ["started" | "stopped"] => {}
                _ => {
                    let rest: Vec<_> = std::iter::from_fn(|| self.read_line()).collect();
                    unreachable!("the server says: {line} {}", rest.join("\n"))
                }
            }
            if line == wanted {
                return true;
            }
        }
        false
    }

    fn read_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.reports.read_line(&mut line).expect("reports are text");
        (length > 0).then(|| line.trim_end().to_owned())
    }

    /// Kills it, and returns what it had acknowledged until then.
    fn kill(mut self) -> BTreeMap<String, u64> {
        self.process.kill().expect("it is our child");
        self.expect_death(Signal::SIGKILL)
    }

    fn expect_death(mut self, signal: Signal) -> BTreeMap<String, u64> {
        assert!(!self.read_until("nothing in particular"));
        let status = self.process.wait().expect("it is our child");
        assert_eq!(status.signal(), Some(signal as i32), "{status}");
        self.acknowledged
    }
}

/// Starts on a folder whose server was killed, and returns each account's revision.
fn recovered(folder: &Path, acknowledged: &BTreeMap<String, u64>, large: bool) -> BTreeMap<String, u64> {
    let data = DataFolder::open(folder).expect("the lock died with its holder");
    let store = SqliteStore::open(&data).expect("a killed server leaves a database that can be opened");
    let images = store.load().expect("and that can be read");
    let connection = rusqlite::Connection::open(data.database_file()).expect("it is an SQLite database");
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it can be checked");
    assert_eq!(check, "ok");
    for image in &images {
        assert!(
            *image == image_at(&image.account, image.revision, large),
            "half a commit, at {}",
            image.revision
        );
    }
    let revisions: BTreeMap<_, _> = images.into_iter().map(|image| (image.account, image.revision)).collect();
    for (account, revision) in acknowledged {
        assert!(
            revisions.get(account) >= Some(revision),
            "{account}: {revision} was acknowledged, {revisions:?}"
        );
    }
    revisions
}

#[test]
fn a_server_killed_at_a_step_of_a_commit_has_that_commit_if_and_only_if_it_was_durable() {
    let before = u64::from(STOP_AT) - 1;
    for (name, _point) in &FAILPOINTS[..6] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(folder.path(), &format!("stop {name} small"));
        assert!(server.read_until("stopped"), "{name} was not reached");
        if *name == "AfterAcknowledgement" && server.acknowledged["a"] == before {
            assert!(server.read_until(&format!("ack a {STOP_AT}")));
        }
        let acknowledged = server.kill();
        let durable = matches!(*name, "AfterCommit" | "AfterAcknowledgement");
        let expected = BTreeMap::from([("a".to_owned(), before + u64::from(durable))]);
        assert_eq!(recovered(folder.path(), &acknowledged, false), expected, "{name}");
        let told = if *name == "AfterAcknowledgement" { before + 1 } else { before };
        assert_eq!(acknowledged["a"], told, "{name}");
    }
}

#[test]
fn a_server_killed_before_or_after_a_checkpoint_has_lost_nothing() {
    for (name, _point) in &FAILPOINTS[6..] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(folder.path(), &format!("stop {name} large"));
        assert!(server.read_until("stopped"), "{name} was not reached");
        let acknowledged = server.kill();
        assert!(acknowledged["a"] > 20, "{acknowledged:?}");
        recovered(folder.path(), &acknowledged, true);
    }
}

#[test]
fn a_server_killed_in_the_middle_of_writing_the_log_has_lost_that_commit_only() {
    // Within a frame's header, within its page, and between frames.
    for bytes in [0, 1, 23, 24, 25, 2_000, 4_120, 4_121, 8_000] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &format!("tear-log {bytes}"));
        let acknowledged = server.expect_death(Signal::SIGXFSZ);
        let before = BTreeMap::from([("a".to_owned(), u64::from(STOP_AT) - 1)]);
        assert_eq!(acknowledged, before, "after {bytes} bytes");
        assert_eq!(recovered(folder.path(), &acknowledged, false), before, "after {bytes} bytes");
    }
}

#[test]
fn a_server_killed_in_the_middle_of_a_checkpoint_has_lost_nothing() {
    // After no page, within a page, and after a few and after many.
    for bytes in [0, 1_000, 4_096, 20_480, 1_000_001] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &format!("tear-checkpoint {bytes}"));
        let acknowledged = server.expect_death(Signal::SIGXFSZ);
        assert!(acknowledged["a"] > 20, "{acknowledged:?}");
        recovered(folder.path(), &acknowledged, true);
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): as good as is needed here.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[test]
fn a_server_killed_again_and_again_at_any_time_goes_on_where_it_was() {
    let mut random = Random(20_160_428);
    let folder = tempfile::tempdir().unwrap();
    let mut before = BTreeMap::new();
    for round in 0..36 {
        let mut server = Server::start(folder.path(), "pipeline");
        assert!(server.read_until("started"));
        thread::sleep(Duration::from_micros(random.below(80_000)));
        let acknowledged = server.kill();
        let revisions = recovered(folder.path(), &acknowledged, false);
        for (account, revision) in &before {
            assert!(revisions.get(account) >= Some(revision), "round {round} went back");
        }
        before = revisions;
    }
    assert!(before["a"] > 100, "hardly anything was committed: {before:?}");
}

#[test]
fn a_server_killed_while_it_starts_for_the_first_time_can_be_started_again() {
    let mut unborn = 0;
    for round in 0..24 {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data");
        let server = Server::start(&folder, "pipeline");
        thread::sleep(Duration::from_micros(round * 800));
        let acknowledged = server.kill();
        unborn += u32::from(!folder.join("causeway.key").exists());
        recovered(&folder, &acknowledged, false);
        SqliteStore::open(&DataFolder::open(&folder).unwrap()).unwrap().unlock_vault().unwrap();
    }
    assert!(unborn > 0, "no server was killed early enough");
}
