//! What algorithms are called in the log: short, and as other implementations call them.

use std::fmt;

use crate::config::{ChildProposal, IkeProposal};
use crate::message::proposal::{ENCRYPTION, GROUP, INTEGRITY, PRF, Proposal, Transform};

/// The name of one transform, `unknown(kind:id)` for one that nobody here has heard of.
pub(crate) fn transform_name(transform: &Transform) -> String {
    let fixed = match (transform.kind, transform.id) {
        (ENCRYPTION, _) => return encryption_name(transform),
        (PRF, 1) => "prfmd5",
        (PRF, 2) => "prfsha1",
        (PRF, 4) => "prfaesxcbc",
        (PRF, 5) => "prfsha256",
        (PRF, 6) => "prfsha384",
        (PRF, 7) => "prfsha512",
        (INTEGRITY | GROUP, 0) => "none",
        (INTEGRITY, 1) => "md5",
        (INTEGRITY, 2) => "sha1",
        (INTEGRITY, 5) => "aesxcbc",
        (INTEGRITY, 12) => "sha256",
        (INTEGRITY, 13) => "sha384",
        (INTEGRITY, 14) => "sha512",
        (GROUP, id) => return group_name(id),
        (kind, id) => return format!("unknown({kind}:{id})"),
    };
    fixed.to_owned()
}

fn encryption_name(transform: &Transform) -> String {
    let bits = transform.key_bits.map_or(String::new(), |bits| bits.to_string());
    match transform.id {
        2 => "des".to_owned(),
        3 => "3des".to_owned(),
        11 => "null".to_owned(),
        12 => format!("aes{bits}"),
        13 => format!("aes{bits}ctr"),
        14..=16 => format!("aes{bits}ccm{}", 8 + 4 * (transform.id - 14)),
        18..=20 => format!("aes{bits}gcm{}", 8 + 4 * (transform.id - 18)),
        23 => format!("camellia{bits}"),
        28 => "chacha20poly1305".to_owned(),
        id => format!("unknown({ENCRYPTION}:{id})"),
    }
}

/// The name of a Diffie-Hellman group.
pub(crate) fn group_name(id: u16) -> String {
    let bits = match id {
        0 => return "none".to_owned(),
        1 => 768,
        2 => 1024,
        5 => 1536,
        14 => 2048,
        15 => 3072,
        16 => 4096,
        17 => 6144,
        18 => 8192,
        19 => return "ecp256".to_owned(),
        20 => return "ecp384".to_owned(),
        21 => return "ecp521".to_owned(),
        31 => return "curve25519".to_owned(),
        32 => return "curve448".to_owned(),
        id => return format!("group{id}"),
    };
    format!("modp{bits}")
}

/// All alternatives of one proposal: `aes256+aes128/sha1/modp2048`. The PRF is left out when it is the integrity algorithm's own.
pub(crate) fn transforms_name(transforms: &[Transform]) -> String {
    let names = |kind: u8| -> Vec<String> {
        transforms.iter().filter(|transform| transform.kind == kind).map(transform_name).collect()
    };
    let (encryption, mut integrity, prf, mut group) =
        (names(ENCRYPTION), names(INTEGRITY), names(PRF), names(GROUP));
    if group == ["none"] {
        group.clear();
    }
    if integrity == ["none"] {
        integrity.clear();
    }
    let own_prf: Vec<String> = integrity.iter().map(|name| format!("prf{name}")).collect();
    let prf = if prf == own_prf { Vec::new() } else { prf };
    let parts = [encryption, integrity, prf, group];
    let parts: Vec<String> =
        parts.iter().filter(|names| !names.is_empty()).map(|names| names.join("+")).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("/") }
}

/// The most proposals of a peer that one log line tells.
const PROPOSALS_NAMED_MAX: usize = 6;

/// All proposals of a peer.
pub(crate) fn proposals_name(proposals: &[Proposal]) -> String {
    let named = proposals.iter().take(PROPOSALS_NAMED_MAX).map(|it| transforms_name(&it.transforms));
    let mut text = named.collect::<Vec<_>>().join(" or ");
    if proposals.is_empty() {
        text.push_str("nothing");
    } else if proposals.len() > PROPOSALS_NAMED_MAX {
        text.push_str(&format!(" or {} more", proposals.len() - PROPOSALS_NAMED_MAX));
    }
    text
}

impl fmt::Display for IkeProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&transforms_name(&self.transforms()))
    }
}

impl fmt::Display for ChildProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&transforms_name(&self.transforms(true)))
    }
}
