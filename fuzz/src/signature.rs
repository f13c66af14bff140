//! Signatures: no request verifies with a secret that did not sign it, and one that verifies with the secret that did is
//! read as its signer meant it, whatever was changed about it afterwards.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::{fs, path::Path};

use causeway_wire::{Claim, Params};

use crate::http::Request;

/// The secret of the committed requests.
const SECRET: &str = "testsecret";
/// Secrets that signed none of them.
const WRONG_SECRETS: [&str; 3] = ["", "testsecreT", "testsecret&"];

/// What a signer meant. The id of the AccessKey is not among it: V3 does not sign it, it only says whose secret to take.
#[derive(PartialEq, Eq, Debug)]
struct Meant {
    action: String,
    version: String,
    nonce: String,
    timestamp_ms: i64,
    security_token: Option<String>,
    params: Vec<(String, String)>,
}

impl Meant {
    fn of(claim: &Claim, params: &Params) -> Self {
        Self {
            action: claim.action.clone(),
            version: claim.version.clone(),
            nonce: claim.nonce.clone(),
            timestamp_ms: claim.timestamp_ms,
            security_token: claim.security_token.clone(),
            params: params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }
}

/// What the signers of the committed requests meant, by the string that they signed.
fn signed() -> &'static BTreeMap<String, Meant> {
    static SIGNED: OnceLock<BTreeMap<String, Meant>> = OnceLock::new();
    SIGNED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/signature");
        let files = fs::read_dir(&folder).expect("the committed corpus lies beside the sources");
        let read = files.map(|file| fs::read(file.expect("it was listed").path()).expect("it can be read"));
        let signed: BTreeMap<_, _> = read.filter_map(|bytes| verified(&bytes)).collect();
        assert!(!signed.is_empty(), "no committed request verifies");
        signed
    })
}

/// The string that was signed and what is understood, if the request is one that verifies.
fn verified(bytes: &[u8]) -> Option<(String, Meant)> {
    let request = Request::read(bytes)?;
    let params = Params::decode(&request.as_wire()).ok()?;
    let claim = Claim::read(&request.as_wire(), &params).ok()?;
    for wrong in WRONG_SECRETS {
        assert!(claim.verify(wrong).is_err(), "{claim:?} verifies with a secret that did not sign it");
    }
    claim.verify(SECRET).ok()?;
    let signed = claim.string_to_sign().expect("what verifies was signed");
    Some((signed.to_owned(), Meant::of(&claim, &params)))
}

/// Reads a request's claim and verifies it with wrong secrets and with the right one.
///
/// # Panics
///
/// When a wrong secret does, or when a request that verifies says something that nobody signed.
pub fn check(bytes: &[u8]) {
    if let Some((string, understood)) = verified(bytes) {
        let meant = signed().get(&string).expect("nobody signed this");
        assert_eq!(understood, *meant);
    }
}
