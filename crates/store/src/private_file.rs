//! Files that only the server's user may read: written wholly or not at all, and durable when the call returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a private file could not be written or must not be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// Others may read it, so it is not private any more.
    #[error(
        "{} can be read by other users (its mode is {mode:04o}); run `chmod 600 {}`",
        path.display(),
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// The system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes a file with mode 0600, in place of one that may be there: a reader, also one after a crash, sees the old
/// contents or the new ones. Both the file and its folder are synced.
pub fn write_private_file(path: &Path, contents: &[u8]) -> Result<(), PrivateFileError> {
    let draft = Draft::write(path, contents)?;
    fs::rename(&draft.path, path).map_err(at("write", path))?;
    sync_folder_of(path)
}

/// Like [`write_private_file`], but for a file that must not exist yet. Returns false, with nothing changed, when it
/// does.
pub(crate) fn create_private_file(path: &Path, contents: &[u8]) -> Result<bool, PrivateFileError> {
    let draft = Draft::write(path, contents)?;
    // A link, because unlike a rename it does not replace what is there.
    match fs::hard_link(&draft.path, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(at("create", path)(error)),
    }
    drop(draft);
    sync_folder_of(path)?;
    Ok(true)
}

/// Refuses a file that anybody but its owner may read or write. A file that does not exist is no error.
pub(crate) fn check_private(path: &Path) -> Result<(), PrivateFileError> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at("look at", path)(error)),
    };
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Makes a file's name durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), PrivateFileError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at("sync", folder))
}

fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PrivateFileError {
    let path = path.to_owned();
    move |source| PrivateFileError::Io { doing, path, source }
}

/// Contents that are on disk under a temporary name, which goes away with this value.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn write(target: &Path, contents: &[u8]) -> Result<Self, PrivateFileError> {
        let path = Self::name(target);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(at("create", &path))?;
        let draft = Self { path };
        file.write_all(contents).and_then(|()| file.sync_all()).map_err(at("write", &draft.path))?;
        Ok(draft)
    }

    /// A name beside the target that no other draft has.
    fn name(target: &Path) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{number}.new", std::process::id()));
        target.with_file_name(name)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename it is gone already, and a leftover does no harm.
        let _removed = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{PrivateFileError, check_private, create_private_file, write_private_file};

    #[test]
    fn a_written_file_is_private_and_leaves_nothing_else_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root-access-key");
        write_private_file(&path, b"first").unwrap();
        write_private_file(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_was_readable_by_others_is_private_once_it_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root-access-key");
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_private_file(&path, b"new").unwrap();
        check_private(&path).unwrap();
    }

    #[test]
    fn creating_does_not_replace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("causeway.key");
        assert!(create_private_file(&path, b"first").unwrap());
        assert!(!create_private_file(&path, b"second").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_command_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("causeway.key");
        write_private_file(&path, b"key").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = check_private(&path).unwrap_err();
            assert!(matches!(error, PrivateFileError::Exposed { mode: found, .. } if found == mode));
            assert!(error.to_string().ends_with(&format!("run `chmod 600 {}`", path.display())), "{error}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = write_private_file("/nonexistent/key".as_ref(), b"").unwrap_err();
        assert!(error.to_string().starts_with("cannot create /nonexistent/key."), "{error}");
    }
}
