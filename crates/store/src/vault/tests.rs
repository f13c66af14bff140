//! What a vault opens, what it does not, and which key file it accepts.

use std::collections::BTreeSet;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tempfile::TempDir;

use super::{Vault, VaultError};
use crate::{DataFolder, PrivateFileError, SqliteStore, write_private_file};

const PLACE: &str = "1700000000000001/VpnConnection/vco-m5e";

fn unlock(folder: &TempDir) -> Result<Vault, VaultError> {
    let data = DataFolder::open(folder.path()).unwrap();
    SqliteStore::open(&data).unwrap().unlock_vault()
}

/// A folder in which a secret was sealed, and the sealed secret.
fn folder_with_a_secret() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let sealed = unlock(&folder).unwrap().seal(b"pre-shared", PLACE);
    (folder, sealed)
}

#[test]
fn a_sealed_secret_opens_in_its_place_and_is_not_readable() {
    let vault = Vault::ephemeral().unwrap();
    for plain in [&b""[..], b"x", b"pre-shared key", &[0xff; 5_000]] {
        let sealed = vault.seal(plain, PLACE);
        assert!(sealed.starts_with("v1:"), "{sealed}");
        let bytes = BASE64.decode(&sealed[3..]).unwrap();
        assert_eq!(bytes.len(), 12 + plain.len() + 16);
        assert!(plain.len() < 2 || !bytes.windows(plain.len()).any(|window| window == plain));
        assert_eq!(*vault.open(&sealed, PLACE).unwrap(), plain);
    }
}

#[test]
fn the_same_secret_is_never_sealed_the_same_way() {
    let vault = Vault::ephemeral().unwrap();
    let sealed: BTreeSet<_> = (0..100).map(|_number| vault.seal(b"pre-shared", PLACE)).collect();
    assert_eq!(sealed.len(), 100);
}

#[test]
fn a_secret_does_not_open_in_another_place() {
    let vault = Vault::ephemeral().unwrap();
    let sealed = vault.seal(b"pre-shared", PLACE);
    for elsewhere in ["", "1700000000000002/VpnConnection/vco-m5e", &PLACE[1..]] {
        assert!(matches!(vault.open(&sealed, elsewhere), Err(VaultError::NotAuthentic { .. })));
    }
}

#[test]
fn a_secret_with_any_bit_changed_does_not_open() {
    let vault = Vault::ephemeral().unwrap();
    let bytes = BASE64.decode(&vault.seal(b"secret", PLACE)[3..]).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let sealed = format!("v1:{}", BASE64.encode(changed));
        assert!(matches!(vault.open(&sealed, PLACE), Err(VaultError::NotAuthentic { .. })), "bit {bit}");
    }
}

#[test]
fn what_is_not_a_sealed_secret_is_refused_without_repeating_it() {
    let vault = Vault::ephemeral().unwrap();
    let short = format!("v1:{}", BASE64.encode([0; 27]));
    for text in [
        "",
        "hunter2",
        "v1",
        "v1:",
        "v1:!!!!",
        "v:AAAA",
        "1:AAAA",
        "v01:AAAA",
        "v+1:AAAA",
        "v4294967296:",
        &short,
    ] {
        let error = vault.open(text, PLACE).unwrap_err();
        assert!(matches!(error, VaultError::NotSealed { .. }), "{text}");
        assert_eq!(error.to_string(), format!("the secret of {PLACE} is not in the form v1:<base64>"));
    }
}

#[test]
fn the_key_is_made_once_and_opens_after_a_restart() {
    let (folder, sealed) = folder_with_a_secret();
    let key_file = fs::read(folder.path().join("causeway.key")).unwrap();
    assert_eq!(*unlock(&folder).unwrap().open(&sealed, PLACE).unwrap(), b"pre-shared");
    assert_eq!(fs::read(folder.path().join("causeway.key")).unwrap(), key_file);
    let (_other, sealed_elsewhere) = folder_with_a_secret();
    assert!(matches!(
        unlock(&folder).unwrap().open(&sealed_elsewhere, PLACE),
        Err(VaultError::NotAuthentic { .. })
    ));
}

#[test]
fn a_missing_key_file_is_an_error_once_something_was_sealed() {
    let (folder, _sealed) = folder_with_a_secret();
    fs::remove_file(folder.path().join("causeway.key")).unwrap();
    let error = unlock(&folder).unwrap_err();
    assert!(matches!(error, VaultError::KeyFileMissing { .. }), "{error}");
    assert!(!folder.path().join("causeway.key").exists(), "a new key was made");
}

#[test]
fn the_key_file_of_another_folder_is_refused() {
    let (folder, _sealed) = folder_with_a_secret();
    let (other, _sealed) = folder_with_a_secret();
    let key_file = fs::read(other.path().join("causeway.key")).unwrap();
    write_private_file(&folder.path().join("causeway.key"), &key_file).unwrap();
    let error = unlock(&folder).unwrap_err();
    assert!(matches!(error, VaultError::WrongKey { .. }), "{error}");
}

#[test]
fn a_crash_after_the_key_file_was_made_leaves_a_folder_that_can_be_used() {
    let (other, _sealed) = folder_with_a_secret();
    let key_file = fs::read(other.path().join("causeway.key")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_private_file(&folder.path().join("causeway.key"), &key_file).unwrap();
    unlock(&folder).unwrap();
    assert_eq!(fs::read(folder.path().join("causeway.key")).unwrap(), key_file);
}

#[test]
fn a_second_key_seals_and_the_first_still_opens() {
    let (folder, sealed) = folder_with_a_secret();
    let path = folder.path().join("causeway.key");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str(&format!("v2 {}\n", BASE64.encode([7; 32])));
    write_private_file(&path, text.as_bytes()).unwrap();
    let vault = unlock(&folder).unwrap();
    assert_eq!(*vault.open(&sealed, PLACE).unwrap(), b"pre-shared");
    let sealed_anew = vault.seal(b"pre-shared", PLACE);
    assert!(sealed_anew.starts_with("v2:"));
    assert_eq!(*vault.open(&sealed_anew, PLACE).unwrap(), b"pre-shared");
    let relabelled = format!("v1{}", &sealed_anew[2..]);
    assert!(matches!(vault.open(&relabelled, PLACE), Err(VaultError::NotAuthentic { .. })));
    let unknown = format!("v3{}", &sealed_anew[2..]);
    assert!(matches!(vault.open(&unknown, PLACE), Err(VaultError::UnknownKey { key: 3, .. })));
}

#[test]
fn a_damaged_key_file_is_refused_without_repeating_it() {
    let (folder, _sealed) = folder_with_a_secret();
    let path = folder.path().join("causeway.key");
    let key = BASE64.encode([7; 32]);
    let short = BASE64.encode([7; 31]);
    for text in [
        String::new(),
        "# only a comment\n".to_owned(),
        key.clone(),
        format!("v1 {short}\n"),
        format!("v1 {key}\nv1 {key}\n"),
        format!("v0 {key}\n"),
        format!("v1 {key}\ngarbage\n"),
    ] {
        write_private_file(&path, text.as_bytes()).unwrap();
        let error = unlock(&folder).unwrap_err();
        assert!(matches!(error, VaultError::KeyFileMalformed { .. }), "{text}: {error}");
        assert!(!error.to_string().contains(&key[..20]), "{error}");
    }
    write_private_file(&path, b"v1 \xff\xfe").unwrap();
    let error = unlock(&folder).unwrap_err();
    assert!(matches!(error, VaultError::KeyFile(PrivateFileError::Io { .. })), "{error}");
}

#[test]
fn debugging_shows_no_key() {
    assert_eq!(format!("{:?}", Vault::ephemeral().unwrap()), "Vault { keys: [1] }");
}
