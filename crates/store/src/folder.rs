//! The data folder: everything that one server keeps, and that one server at a time may use.

mod filesystem;
mod lock;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::{AccessFlags, eaccess};

pub use filesystem::FileSystem;
use lock::Lock;

use crate::StoreError;
use crate::private_file::{PrivateFileError, check_private, sync_folder_of};
use crate::sqlite::inspect;

/// Why a data folder cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The path is something else.
    #[error("the data folder {} is not a folder; choose another with --data", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },

    /// This user may not write there.
    #[error(
        "the data folder {} is not writable: {source}; make its owner the user that runs Causeway, or choose another with --data",
        path.display()
    )]
    NotWritable {
        /// The folder, or the parent that it would have been created in.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Durability cannot be promised there.
    #[error(
        "the data folder {} is on a network file system ({name}), which cannot keep a database safe; put it on a local disk",
        path.display()
    )]
    Network {
        /// The folder.
        path: PathBuf,
        /// Which file system.
        name: &'static str,
    },

    /// Another server runs on it.
    #[error(
        "the data folder {} is in use by {}; stop that one first, or choose another folder with --data",
        path.display(),
        holder(*pid)
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process, when it has said so.
        pid: Option<u32>,
    },

    /// The key file is not private.
    #[error(transparent)]
    KeyFile(#[from] PrivateFileError),

    /// The database is of a newer version, or not ours.
    #[error(transparent)]
    Database(#[from] StoreError),

    /// The system refused something else.
    #[error("cannot {doing} the data folder {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("another process (pid {pid})"))
}

/// A data folder that this process holds, until the last clone is dropped.
#[derive(Debug, Clone)]
pub struct DataFolder {
    path: Arc<Path>,
    _lock: Arc<Lock>,
}

impl DataFolder {
    /// Opens a data folder, or creates it (mode 0700), and locks it for this process.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FolderError> {
        Self::open_on(path.as_ref(), &FileSystem::of)
    }

    /// The same, with the answer to what file system a path is on as an argument, for tests.
    pub fn open_on(
        path: &Path,
        file_system_of: &dyn Fn(&Path) -> io::Result<FileSystem>,
    ) -> Result<Self, FolderError> {
        let path = std::path::absolute(path).map_err(failed("find", path))?;
        let existing = nearest_existing(&path)?;
        check_file_system(&path, existing, file_system_of)?;
        eaccess(existing, AccessFlags::W_OK | AccessFlags::X_OK)
            .map_err(|errno| FolderError::NotWritable { path: existing.to_owned(), source: errno.into() })?;
        if existing != path {
            create(&path)?;
        }
        // What can be refused is refused before the lock file is written; a lock that is there already is taken
        // first, so that what is looked at does not change meanwhile.
        let held = Lock::try_existing(&path)?;
        check_private(&path.join(KEY_FILE))?;
        inspect::check(&path.join(DATABASE_FILE))?;
        let lock = match held {
            Some(lock) => lock,
            None => Lock::create(&path)?,
        };
        lock.sign().map_err(failed("write the lock file of", &path))?;
        Ok(Self { path: path.into(), _lock: Arc::new(lock) })
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database in it.
    pub fn database_file(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// The key file in it.
    pub fn key_file(&self) -> PathBuf {
        self.path.join(KEY_FILE)
    }
}

const DATABASE_FILE: &str = "causeway.db";
const KEY_FILE: &str = "causeway.key";

/// The folder itself, or the closest one above it that is there.
fn nearest_existing(path: &Path) -> Result<&Path, FolderError> {
    for candidate in path.ancestors() {
        match fs::metadata(candidate) {
            Ok(metadata) if metadata.is_dir() => return Ok(candidate),
            Ok(_) => return Err(FolderError::NotAFolder { path: candidate.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
            Err(error) => return Err(failed("look at", candidate)(error)),
        }
    }
    Err(failed("find", path)(io::ErrorKind::NotFound.into()))
}

fn check_file_system(
    path: &Path,
    existing: &Path,
    file_system_of: &dyn Fn(&Path) -> io::Result<FileSystem>,
) -> Result<(), FolderError> {
    match file_system_of(existing).map_err(failed("find out about the file system of", existing))? {
        FileSystem::Network(name) => Err(FolderError::Network { path: path.to_owned(), name }),
        FileSystem::Memory => {
            tracing::warn!(data = %path.display(), "the data folder is in memory and will be lost when the machine restarts");
            Ok(())
        }
        FileSystem::Local => Ok(()),
    }
}

fn create(path: &Path) -> Result<(), FolderError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("create", path))?;
    Ok(sync_folder_of(path)?)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io { doing, path, source }
}
