//! A server without packets, on ports that the system chose.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Client, Credentials, VPC};

pub const REGION: &str = "eu-central-1";
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    process: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts one with these lines more in its configuration.
    pub fn start(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text =
            format!("[api]\nlisten = \"127.0.0.1:0\"\n[gateway]\nsimulated_tunnel_up_ms = 50\n{more}\n");
        std::fs::write(folder.path().join("causeway.toml"), text).unwrap();
        let process = spawn(folder.path());
        let server = Self { process, folder };
        server.until_it_answers();
        server
    }

    /// Ends it, without a word before, and starts another one with the same data.
    #[allow(dead_code, reason = "not every test that has a server restarts it")]
    pub fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(self.folder.path());
        self.until_it_answers();
    }

    fn until_it_answers(&self) {
        until("the server answers", || {
            Credentials::load(&self.data())
                .is_ok_and(|it| Client::new(it).call(VPC, "DescribeRegions", &[]).is_ok())
        });
    }

    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Who may do everything.
    pub fn root(&self) -> Credentials {
        Credentials::load(&self.data()).unwrap()
    }

    pub fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Value {
        let parameters = [&[("RegionId", REGION)], parameters].concat();
        Client::new(self.root()).call(VPC, action, &parameters).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn spawn(folder: &std::path::Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_causeway"))
        .args(["serve", "--engine", "none", "--config"])
        .arg(folder.join("causeway.toml"))
        .arg("--data")
        .arg(folder.join("data"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it took too long until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
