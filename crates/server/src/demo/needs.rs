//! What the demo needs of the machine, checked before anything is made: one clear line each.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use causeway_netlab::STRONGSWAN_PACKAGES;

use super::Peer;

/// The device through which packets come into this program.
const TUN: &str = "/dev/net/tun";

/// Says what is missing and what to do about it.
pub fn check(peer: Peer) -> Result<()> {
    check_tun(Path::new(TUN))?;
    if peer == Peer::StrongSwan {
        check_strongswan(&search_path())?;
    }
    Ok(())
}

fn check_tun(device: &Path) -> Result<()> {
    let Err(error) = OpenOptions::new().read(true).write(true).open(device) else {
        return Ok(());
    };
    let remedy = match error.kind() {
        ErrorKind::NotFound => {
            "load it with `modprobe tun`; in a container, start it with --device /dev/net/tun"
        }
        ErrorKind::PermissionDenied => "let this user open it (chmod 0666 is usual), or run the demo as root",
        _ => "the kernel needs CONFIG_TUN; in a container, start it with --device /dev/net/tun",
    };
    bail!("the gateway needs {} and cannot open it ({error}): {remedy}", device.display());
}

fn check_strongswan(folders: &[PathBuf]) -> Result<()> {
    for program in ["charon-systemd", "swanctl"] {
        if !folders.iter().any(|folder| folder.join(program).is_file()) {
            bail!(
                "--peer strongswan needs {program}, which is not installed: apt-get install -y --no-install-recommends {}",
                STRONGSWAN_PACKAGES.join(" ")
            );
        }
    }
    Ok(())
}

/// Where programs are, with the system's folders also when the user's search path leaves them out.
fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into(), "/usr/local/sbin".into()])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{check_strongswan, check_tun};

    #[test]
    fn a_machine_without_tun_is_told_how_to_get_it_in_one_line() {
        let error = check_tun(Path::new("/nowhere/tun")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/tun") && error.contains("modprobe tun"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn a_machine_without_strongswan_is_told_what_to_install_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("charon-systemd"), "").unwrap();
        let error = check_strongswan(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("needs swanctl") && error.contains("apt-get install"), "{error}");
        assert!(!error.contains('\n'), "{error}");
        std::fs::write(folder.path().join("swanctl"), "").unwrap();
        check_strongswan(&[folder.path().to_owned()]).unwrap();
    }
}
