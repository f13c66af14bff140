//! What a killed earlier run left behind: namespaces whose name says that they are ours, made by a process that is gone.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::iproute::ip;

/// Where `ip netns` keeps the names.
pub(crate) const NETNS_FOLDER: &str = "/run/netns";

/// Removes the namespaces `PREFIX-PID-N-…` whose process PID no longer exists, and ends what still runs in them.
/// Best effort: what cannot be removed now is tried again by the next run.
pub(crate) fn sweep(prefix: &str) {
    let Ok(entries) = fs::read_dir(NETNS_FOLDER) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if let Some(name) = name.to_str()
            && maker(prefix, name).is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
        {
            remove_namespace(name);
        }
    }
}

/// The process that made the namespace `name`, when it is one of a lab with this prefix.
fn maker(prefix: &str, name: &str) -> Option<u32> {
    let mut parts = name.strip_prefix(prefix)?.strip_prefix('-')?.splitn(3, '-');
    let pid = parts.next()?.parse().ok()?;
    let _counter: u32 = parts.next()?.parse().ok()?;
    parts.next().filter(|host| !host.is_empty())?;
    Some(pid)
}

/// Ends whatever still runs in the namespace `name` (a lab's own, so nothing else can be there) and deletes it.
pub(crate) fn remove_namespace(name: &str) {
    for attempt in 0..20 {
        let inside = ip(&["netns", "pids", name]).unwrap_or_default();
        let pids: Vec<i32> = inside.lines().filter_map(|line| line.trim().parse().ok()).collect();
        let others: Vec<i32> = pids.into_iter().filter(|pid| *pid != Pid::this().as_raw()).collect();
        if others.is_empty() {
            break;
        }
        let signal = if attempt < 10 { Signal::SIGTERM } else { Signal::SIGKILL };
        if attempt == 0 || attempt == 10 {
            for pid in &others {
                let _already_gone = kill(Pid::from_raw(*pid), signal);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    if let Err(error) = ip(&["netns", "del", name])
        && Path::new(NETNS_FOLDER).join(name).exists()
    {
        eprintln!("netlab: the namespace {name} could not be removed: {error:#}");
    }
}

#[cfg(test)]
mod tests {
    use super::maker;

    #[test]
    fn only_names_with_our_prefix_and_a_process_id_are_ours() {
        assert_eq!(maker("demo", "demo-4711-0-gateway"), Some(4711));
        assert_eq!(maker("demo", "demo-4711-0-site-1"), Some(4711));
        assert_eq!(maker("demo", "demo-x-0-gateway"), None);
        assert_eq!(maker("demo", "demo-4711-gateway"), None);
        assert_eq!(maker("demo", "demo-4711-0-"), None);
        assert_eq!(maker("demo", "demonstration-4711-0-gateway"), None);
        assert_eq!(maker("demo", "other"), None);
    }
}
