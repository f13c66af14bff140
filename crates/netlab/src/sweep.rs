//! What a killed earlier run left behind: namespaces whose name says that they are ours, made by a process that is gone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

use crate::iproute::ip;

/// Where `ip netns` keeps the names.
pub(crate) const NETNS_FOLDER: &str = "/run/netns";

/// Removes the namespaces and the temporary folders `PREFIX-PID-N-…` whose process PID no longer exists, and ends what
/// still runs in them. Best effort: what cannot be removed now is tried again by the next run.
pub(crate) fn sweep(prefix: &str) {
    for name in left_behind(prefix, Path::new(NETNS_FOLDER)) {
        remove_namespace(&name);
    }
    let temporary = std::env::temp_dir();
    for name in left_behind(prefix, &temporary) {
        let folder = temporary.join(name);
        // Anybody may make a folder of that name there, or a link.
        let ours = |found: &fs::Metadata| found.is_dir() && found.uid() == Uid::effective().as_raw();
        if fs::symlink_metadata(&folder).is_ok_and(|found| ours(&found)) {
            let _next_time = fs::remove_dir_all(&folder);
        }
    }
}

fn left_behind(prefix: &str, folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let is_gone = |pid: u32| !Path::new("/proc").join(pid.to_string()).exists();
    names.filter(|name| maker(prefix, name).is_some_and(is_gone)).collect()
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
