//! The lock by which one process at a time uses a data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{FolderError, failed};

const LOCK_FILE: &str = "causeway.lock";

/// A locked lock file. The system unlocks it when the process ends, however it ends; the file stays.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock if its file is there, and writes nothing.
    pub(super) fn try_existing(folder: &Path) -> Result<Option<Self>, FolderError> {
        match OpenOptions::new().read(true).write(true).open(folder.join(LOCK_FILE)) {
            Ok(file) => Self::take(folder, file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("open the lock file of", folder)(error)),
        }
    }

    /// Takes the lock in a file that is created if need be.
    pub(super) fn create(folder: &Path) -> Result<Self, FolderError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join(LOCK_FILE))
            .map_err(failed("create the lock file of", folder))?;
        Self::take(folder, file)
    }

    fn take(folder: &Path, mut file: File) -> Result<Self, FolderError> {
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => {
                Err(FolderError::InUse { path: folder.to_owned(), pid: read_pid(&mut file) })
            }
            Err(TryLockError::Error(error)) => Err(failed("lock", folder)(error)),
        }
    }

    /// Writes who holds the lock, for whoever finds it held.
    pub(super) fn sign(&self) -> io::Result<()> {
        let mut file = &self.file;
        file.rewind()?;
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that another thread is just starting has it open as well, until
        // it runs its own program.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the data folder could not be unlocked");
        }
    }
}

/// The holder's process id. It may be just starting and not have signed yet.
fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Lock;

    #[test]
    fn a_dropped_lock_is_free_even_while_a_starting_process_has_its_file_open() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::create(folder.path()).unwrap();
        let _in_the_other_process = lock.file.try_clone().unwrap();
        Lock::create(folder.path()).unwrap_err();
        drop(lock);
        assert!(Lock::try_existing(folder.path()).unwrap().is_some());
    }
}
