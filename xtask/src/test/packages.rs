//! The programs that the tests run beside ours; installed when they are absent.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};
use causeway_netlab::STRONGSWAN_PACKAGES;
use nix::unistd::Uid;

use crate::run::bounded;

const LIMIT: Duration = Duration::from_secs(5 * 60);

/// Beside strongSwan's packages.
const OTHERS: [&str; 4] = ["iproute2", "iputils-ping", "python3", "python3-venv"];

/// The program, and the package that is missing where it is not there: many have node from elsewhere.
const NODE: [(&str, &str); 2] = [("node", "nodejs"), ("npm", "npm")];

/// How one sees that a package is there on a machine without dpkg.
const PROGRAMS: [(&str, &str); 7] = [
    ("ip", "iproute2"),
    ("ping", "ping of iputils"),
    ("swanctl", "strongSwan's swanctl"),
    ("charon-systemd", "strongSwan's charon-systemd with the plugins kernel-libipsec and openssl"),
    ("python3", "Python 3 with the module venv"),
    ("node", "Node.js 18 or newer"),
    ("npm", "npm"),
];

/// Installs the Debian packages that are missing, as root; as another user, says which they are.
pub(crate) fn install_missing() -> Result<()> {
    if !has_program("dpkg-query") {
        return demand_programs();
    }
    let node = NODE.iter().filter(|(program, _)| !has_program(program)).map(|(_, package)| *package);
    let others = OTHERS.iter().chain(&STRONGSWAN_PACKAGES).copied().filter(|package| !is_installed(package));
    let missing: Vec<&str> = others.chain(node).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    if !Uid::effective().is_root() {
        bail!("the tests need packages that are not installed. As root: apt-get update && {install}");
    }
    println!("installing what the tests need: {}", missing.join(" "));
    install_packages(&missing)?;
    if missing.contains(&"charon-systemd") {
        stop_the_service();
    }
    Ok(())
}

/// Installs Debian packages, as the lists of this hour have them: a package of an older list may be gone.
pub(crate) fn install_packages(packages: &[&str]) -> Result<()> {
    apt_get(&["update", "--quiet"])?;
    apt_get(&[&["install", "--yes", "--quiet", "--no-install-recommends"], packages].concat())
}

fn demand_programs() -> Result<()> {
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !has_program(program)).map(|(_, what)| *what).collect();
    if !missing.is_empty() {
        bail!(
            "the tests need programs that are not installed, and this is no Debian: {}",
            missing.join(", ")
        );
    }
    Ok(())
}

pub(crate) fn has_program(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).any(|file| file.is_file())
}

fn is_installed(package: &str) -> bool {
    let status =
        Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]).stderr(Stdio::null()).output();
    status.is_ok_and(|output| output.stdout == b"install ok installed")
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    if !bounded(&mut command, LIMIT)?.success() {
        bail!("apt-get {} failed", arguments.join(" "));
    }
    Ok(())
}

/// Debian starts a daemon that it installs; the machine itself needs none. We have just installed it, so it is ours to
/// stop; the tests start their own.
fn stop_the_service() {
    if Path::new("/run/systemd/system").exists() {
        let _best_effort =
            Command::new("systemctl").args(["disable", "--now", "strongswan.service"]).status();
    }
}
