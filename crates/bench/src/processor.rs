//! Processor time: what the programs in a host used, and what the whole machine was busy with.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_netlab::Host;
use nix::unistd::{SysconfVar, sysconf};

/// Processor time since some moment in the past, in user mode and in the kernel together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessorTime {
    /// Of the programs in the hosts that were asked about.
    pub programs: Duration,
    /// Of the whole machine: the programs, the load generator, and what the kernel does for the network.
    pub machine: Duration,
}

impl ProcessorTime {
    /// What was used until now.
    pub fn read(hosts: &[&Host]) -> Result<Self> {
        let tick = tick()?;
        let mut programs = 0;
        for pid in pids(hosts)? {
            // A program that has just ended no longer counts.
            programs += fs::read_to_string(format!("/proc/{pid}/stat"))
                .ok()
                .and_then(|stat| of_program(&stat))
                .unwrap_or(0);
        }
        let stat = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
        let machine = of_machine(&stat).context("/proc/stat has no line for all processors")?;
        let time = |ticks: u64| Duration::from_secs_f64(ticks as f64 * tick);
        Ok(Self { programs: time(programs), machine: time(machine) })
    }

    /// What was used since an earlier reading.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            programs: self.programs.saturating_sub(earlier.programs),
            machine: self.machine.saturating_sub(earlier.machine),
        }
    }
}

/// The resident memory of the programs in a host, in bytes.
pub fn resident_bytes(host: &Host) -> Result<u64> {
    let of_one = |pid: u32| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Ok(pids(&[host])?.into_iter().filter_map(of_one).sum())
}

/// The processes whose network namespace is that of one of the hosts.
fn pids(hosts: &[&Host]) -> Result<Vec<u32>> {
    let mut namespaces = Vec::new();
    for host in hosts {
        let path = Path::new("/run/netns").join(host.netns());
        let found = fs::metadata(&path).with_context(|| format!("looking at {}", path.display()))?;
        namespaces.push((found.dev(), found.ino()));
    }
    let all = fs::read_dir("/proc").context("listing /proc")?.flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()));
    let is_in = |pid: &u32| {
        let namespace = fs::metadata(format!("/proc/{pid}/ns/net"));
        namespace.is_ok_and(|found| namespaces.contains(&(found.dev(), found.ino())))
    };
    Ok(pids.filter(is_in).collect())
}

fn tick() -> Result<f64> {
    let ticks = sysconf(SysconfVar::CLK_TCK)?.context("the system does not say how long a tick is")?;
    Ok(1.0 / ticks as f64)
}

/// proc(5): `utime` and `stime` are the 14th and 15th field; the second is a name in parentheses that may hold anything.
fn of_program(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// user, nice, system, (idle, iowait,) irq, softirq.
fn of_machine(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    Some([0, 1, 2, 5, 6].iter().filter_map(|at| fields.get(*at)).sum())
}

#[cfg(test)]
mod tests {
    use super::{of_machine, of_program};

    #[test]
    fn a_programs_time_is_found_behind_any_name() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 17 5 0 0 20 0 1 0 99 0 0";
        assert_eq!(of_program(stat), Some(22));
    }

    #[test]
    fn idle_time_is_not_busy_time() {
        assert_eq!(of_machine("cpu  10 1 20 1000 500 3 4 0 0 0\ncpu0 1 1 1 1\n"), Some(38));
    }
}
