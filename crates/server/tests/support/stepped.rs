//! A server without packets, as a process of its own, on ports that the system chose.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::client::{Client, Credentials};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Server {
    process: Child,
    folder: tempfile::TempDir,
    log: Receiver<String>,
}

#[allow(dead_code, reason = "each test needs a part of it")]
impl Server {
    /// Starts one with these lines of configuration, in an empty data folder.
    pub fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("causeway.toml"), config).unwrap();
        let (process, log) = spawn(folder.path());
        let server = Self { process, folder, log };
        server.until_logged("the API is served");
        server
    }

    /// Kills it, and starts it again with what is on its disk.
    pub fn restart(&mut self) {
        self.kill();
        (self.process, self.log) = spawn(self.folder.path());
        self.until_logged("the API is served");
    }

    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::load(&self.data()).unwrap()
    }

    pub fn client(&self) -> Client {
        Client::new(self.credentials())
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{name} was not sent");
    }

    /// Waits until its log says something new.
    pub fn until_logged(&self, what: &str) {
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(what) => return,
                Ok(_other) => {}
                Err(RecvTimeoutError::Timeout) => panic!("the server did not log {what:?} in time"),
                Err(RecvTimeoutError::Disconnected) => panic!("the server ended before it logged {what:?}"),
            }
        }
    }

    fn kill(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &std::path::Path) -> (Child, Receiver<String>) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_causeway"))
        .args(["serve", "--engine", "none", "--listen", "127.0.0.1:0", "--config"])
        .arg(folder.join("causeway.toml"))
        .arg("--data")
        .arg(folder.join("data"))
        .env("RUST_LOG", "info")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (lines, log) = channel();
    let stderr = BufReader::new(process.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            // Nobody listens any more once the test is over, and the pipe must not fill.
            lines.send(line).ok();
        }
    });
    (process, log)
}
