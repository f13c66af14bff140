//! A host: a thread in a network namespace of its own, which vanishes with the thread, however that ends.

use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

type Job = Box<dyn FnOnce() + Send>;

/// Runs what it is given in its namespace, one after the other.
pub struct Host {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    tid: i32,
}

impl Host {
    /// A host with a loopback and nothing else.
    pub fn new() -> Self {
        let (jobs, received) = mpsc::channel::<Job>();
        let (ready, tid) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).expect(
                "this test makes network namespaces: run it as root (CAP_SYS_ADMIN and CAP_NET_ADMIN)",
            );
            ready.send(gettid().as_raw()).expect("somebody waits for the host");
            for job in received {
                job();
            }
        });
        let tid = tid.recv().expect("the namespace was made");
        let host = Self { jobs: Some(jobs), thread: Some(thread), tid };
        host.ip("link set lo up");
        host
    }

    /// Runs a function in the host's namespace.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        let job = Box::new(move || drop(done.send(job())));
        self.jobs.as_ref().expect("the host lives").send(job).expect("the host's thread lives");
        result.recv().expect("the job did not panic")
    }

    /// Runs a command to its end and returns what it printed; panics if it failed.
    pub fn command(&self, line: &str) -> String {
        let (succeeded, output) = self.try_command(line);
        assert!(succeeded, "`{line}` failed: {output}");
        output
    }

    /// Runs a command to its end: whether it succeeded, and what it printed.
    pub fn try_command(&self, line: &str) -> (bool, String) {
        let line = line.to_owned();
        self.run(move || {
            let mut words = line.split_whitespace();
            let program = words.next().expect("a command has a name");
            let output = Command::new(program).args(words).output().expect("the command can be started");
            let text = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8_lossy(&text).into_owned())
        })
    }

    /// `ip` with these arguments.
    pub fn ip(&self, arguments: &str) -> String {
        self.command(&format!("ip {arguments}"))
    }

    /// Lays a cable between two hosts.
    pub fn cable(&self, link: &str, address: &str, other: &Host, other_link: &str, other_address: &str) {
        self.ip(&format!("link add {link} type veth peer name {other_link} netns {}", other.tid));
        for (host, link, address) in [(self, link, address), (other, other_link, other_address)] {
            host.ip(&format!("address add {address} dev {link}"));
            host.ip(&format!("link set {link} up"));
        }
    }

    /// A LAN behind the host: an address that answers.
    pub fn lan(&self, address: &str) {
        self.ip(&format!("address add {address} dev lo"));
    }

    /// Where `/proc` shows the host's namespace, for tools that ask for one.
    pub fn namespace(&self) -> String {
        format!("/proc/{}/ns/net", self.tid)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
