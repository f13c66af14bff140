//! The rights that network namespaces need: root's, or those of a user namespace of our own.

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Gid, Pid, Uid};

/// Set in the environment of the program when it was started again in its own namespaces, and so of all it starts.
const INSIDE: &str = "CAUSEWAY_NETLAB_INSIDE";

/// The process id by which the machine outside knows this process, when it is the one that was started again.
static OUTSIDE_PID: OnceLock<i32> = OnceLock::new();

/// How long the program inside has to clean up after it was asked to end.
const GRACE: Duration = Duration::from_secs(20);

/// CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN, as bits of `CapEff`.
const NEEDED: [(u32, &str); 3] = [(12, "CAP_NET_ADMIN"), (13, "CAP_NET_RAW"), (21, "CAP_SYS_ADMIN")];

/// With what rights the program makes its hosts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rights {
    /// Those of the machine: hosts are named namespaces, which `ip netns exec` finds.
    Machine,
    /// Those of a user namespace of the program's own: hosts are seen from inside it only.
    UserNamespace {
        /// The process to enter with `nsenter`, as the machine outside knows it.
        outside_pid: Option<i32>,
    },
}

/// Makes sure that the program may make network namespaces, and says with what rights.
///
/// Call it first in `main`, before any thread is started. When the rights are missing the program is started again in a
/// user, network, mount and process namespace of its own, and the call does not return: the process exits with the
/// status of the one inside.
///
/// # Errors
/// Where the kernel forbids user namespaces; the error says what to do.
pub fn ensure_rights() -> Result<Rights> {
    if is_inside() && std::process::id() == 1 {
        settle_inside()?;
    }
    let missing = missing_capabilities()?;
    if missing.is_empty() {
        return Ok(held());
    }
    enter_namespaces(&missing)?;
    run_again()
}

/// What rights the program has now; never starts anything.
///
/// # Errors
/// When capabilities are missing, with a sentence that says which and what to do.
pub fn rights() -> Result<Rights> {
    let missing = missing_capabilities()?;
    if !missing.is_empty() {
        bail!(
            "network namespaces need {}: run this as root, or call ensure_rights first",
            missing.join(", ")
        );
    }
    Ok(held())
}

fn held() -> Rights {
    if !is_inside() {
        return Rights::Machine;
    }
    Rights::UserNamespace { outside_pid: OUTSIDE_PID.get().copied() }
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

fn missing_capabilities() -> Result<Vec<&'static str>> {
    let status = fs::read_to_string("/proc/self/status")
        .context("reading our own capabilities from /proc/self/status")?;
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .context("/proc/self/status has no line CapEff")?;
    Ok(NEEDED.iter().filter(|(bit, _)| effective & (1 << bit) == 0).map(|(_, name)| *name).collect())
}

/// Moves this process into a new user namespace in which it is root, and its next child into a new process namespace.
fn enter_namespaces(missing: &[&str]) -> Result<()> {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID;
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    ensure!(
        threads == 1,
        "ensure_rights comes first in main: a process of {threads} threads cannot change its user namespace"
    );
    if let Err(error) = unshare(flags) {
        bail!("{}", explain_refusal(missing, &error.to_string()));
    }
    let mapped = fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| fs::write("/proc/self/uid_map", format!("0 {uid} 1")))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("0 {gid} 1")));
    if let Err(error) = mapped {
        bail!("{}", explain_refusal(missing, &format!("mapping this user to root inside: {error}")));
    }
    Ok(())
}

/// Says why user namespaces are refused here, as far as the kernel's switches tell, and what to do about it.
fn explain_refusal(missing: &[&str], refusal: &str) -> String {
    let switch = |path: &str| fs::read_to_string(path).ok().map(|value| value.trim().to_owned());
    let is = |path: &str, value: &str| switch(path).is_some_and(|found| found == value);
    let remedy = if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "run it as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"
    } else if is("/proc/sys/user/max_user_namespaces", "0") {
        "run it as root, or allow user namespaces: sysctl user.max_user_namespaces=15000"
    } else if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        "run it as root, or allow user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    } else if Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists() {
        "in a container, start the container with --privileged (or --cap-add NET_ADMIN --cap-add SYS_ADMIN \
         --device /dev/net/tun --security-opt apparmor=unconfined --security-opt systempaths=unconfined)"
    } else {
        "run it as root (sudo)"
    };
    format!(
        "hosts on one machine need network namespaces. This process lacks {}, and the kernel refuses it a user \
         namespace ({refusal}). What to do: {remedy}.",
        missing.join(", ")
    )
}

/// Starts this program again as process 1 of the new namespaces, waits for it, and exits as it did.
fn run_again() -> Result<Rights> {
    let mut watched = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD] {
        watched.add(signal);
    }
    let name = std::env::args_os().next().unwrap_or_else(|| "causeway".into());
    let mut again = Command::new("/proc/self/exe");
    again.arg0(name).args(std::env::args_os().skip(1)).env(INSIDE, "1");
    // Signals are only blocked once the child runs, so that it does not inherit the mask.
    let mut child = again.spawn().context("starting this program again in its own namespaces")?;
    watched.thread_block().context("blocking signals while the program inside runs")?;
    let signals = SignalFd::with_flags(&watched, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let inside = Pid::from_raw(i32::try_from(child.id()).context("process id")?);
    let mut end_by = None;
    loop {
        if let Some(status) = child.try_wait().context("waiting for the program inside")? {
            std::process::exit(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)));
        }
        while let Some(signal) = signals.read_signal()? {
            end_by = forward(&signal, inside, end_by);
        }
        if end_by.is_some_and(|by| Instant::now() > by) {
            child.kill().context("ending the program inside")?;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Hands a signal on. One from the terminal has reached the program inside already: it is in the same process group.
fn forward(received: &libc::signalfd_siginfo, inside: Pid, end_by: Option<Instant>) -> Option<Instant> {
    let signal = i32::try_from(received.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
    match signal {
        None | Some(Signal::SIGCHLD) => end_by,
        Some(signal) => {
            if received.ssi_code != libc::SI_KERNEL {
                let _already_gone = kill(inside, signal);
            }
            end_by.or_else(|| Some(Instant::now() + GRACE))
        }
    }
}

/// Inside: notes the outside process id, ends with the parent, and gets /proc and /run/netns of its own.
fn settle_inside() -> Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).context("asking to end with the parent process")?;
    // The /proc of the machine outside is still mounted, and names us as it knows us.
    let outside = fs::read_link("/proc/self").ok().and_then(|link| link.to_str()?.parse().ok());
    if let Some(outside) = outside
        && OUTSIDE_PID.set(outside).is_err()
    {
        return Ok(()); // settled before
    }
    make_private_run()?;
    // Where the kernel does not let us mount /proc (some containers), the old one serves: /proc/self still resolves.
    let _kept_the_old_one = mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), None::<&str>);
    Ok(())
}

/// A /run/netns that nobody else sees; `ip netns` keeps the names of the hosts there.
fn make_private_run() -> Result<()> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .context("making the mounts of the new namespace private")?;
    let target = if Path::new("/run/netns").is_dir() { "/run/netns" } else { "/run" };
    mount(Some("tmpfs"), target, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
        .with_context(|| format!("mounting a private tmpfs on {target}"))
}
