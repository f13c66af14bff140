//! The demo's temporary folder: configurations, data folders and logs of what it runs.
//!
//! It is removed with the demo. A demo that was killed cannot remove its own; the next one does, and tells by a lock,
//! which ends with the process that holds it, that nobody is there any more.

use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::Uid;
use tempfile::TempDir;

const PREFIX: &str = "causeway-demo-";
const LOCK: &str = "lock";

/// A folder this young may not have its lock held yet.
const YOUNG: Duration = Duration::from_secs(60);

/// A folder that is there as long as this is.
#[derive(Debug)]
pub struct Folder {
    // Before the lock, which says that somebody is there.
    folder: TempDir,
    _lock: File,
}

impl Folder {
    /// Makes one that only this user can read, and removes those that killed demos left behind.
    pub fn make() -> Result<Self> {
        let place = std::env::temp_dir();
        sweep(&place, YOUNG);
        let made = Self::make_in(&place).with_context(|| {
            format!("cannot make a folder in {}; choose another with TMPDIR", place.display())
        })?;
        // What the peers keep in temporary folders is then removed with this one.
        let _already_overridden = tempfile::env::override_temp_dir(made.path());
        Ok(made)
    }

    fn make_in(place: &Path) -> Result<Self> {
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(place)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.try_lock()?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Best effort: what cannot be removed now is tried again by the next demo.
fn sweep(place: &Path, young: Duration) {
    for folder in left_behind(place, young) {
        let _tried_again_next_time = fs::remove_dir_all(folder);
    }
}

fn left_behind(place: &Path, young: Duration) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let named = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    named.map(|entry| entry.path()).filter(|path| is_left_behind(path, young)).collect()
}

fn is_left_behind(folder: &Path, young: Duration) -> bool {
    let Ok(metadata) = fs::symlink_metadata(folder) else { return false };
    let is_our_own = metadata.is_dir() && metadata.uid() == Uid::effective().as_raw();
    let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok()).unwrap_or_default();
    if !is_our_own || age < young {
        return false;
    }
    let Ok(lock) = File::open(folder.join(LOCK)) else { return false };
    match lock.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::{Folder, left_behind, sweep};

    #[test]
    fn the_folder_of_a_demo_that_runs_is_left_alone_and_that_of_a_dead_one_removed() {
        let place = tempfile::tempdir().unwrap();
        let living = Folder::make_in(place.path()).unwrap();
        let dead = Folder::make_in(place.path()).unwrap();
        let Folder { folder, _lock: lock } = dead;
        let dead = folder.keep();
        assert!(left_behind(place.path(), Duration::ZERO).is_empty());
        drop(lock);
        assert!(left_behind(place.path(), Duration::from_secs(60)).is_empty(), "it is young");
        sweep(place.path(), Duration::ZERO);
        assert!(living.path().exists() && !dead.exists());
    }

    #[test]
    fn other_folders_are_nobodys_business() {
        let place = tempfile::tempdir().unwrap();
        for name in ["causeway-demo-without-a-lock", "something-else"] {
            std::fs::create_dir(place.path().join(name)).unwrap();
        }
        std::fs::write(place.path().join("something-else/lock"), "").unwrap();
        assert!(left_behind(place.path(), Duration::ZERO).is_empty());
    }

    #[test]
    fn the_folder_goes_with_its_owner_and_nobody_else_can_read_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::make_in(place.path()).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
    }
}
