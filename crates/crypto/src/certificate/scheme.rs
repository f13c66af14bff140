//! Signature algorithms by their names.

use webpki::aws_lc_rs;

use super::Algorithm;

/// What certificates of a chain may be signed with.
pub(super) fn of_chains() -> &'static [Algorithm] {
    webpki::ALL_VERIFICATION_ALGS
}

/// SHA-256, SHA-384 and SHA-512 as object identifiers, without tag and length.
const SHA2: [&[u8]; 3] = [
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
];
/// 1.2.840.113549.1.1, of which 10 is RSASSA-PSS and 11, 12 and 13 are RSASSA-PKCS1-v1_5 with SHA-256, SHA-384 and SHA-512.
const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// 1.2.840.10045.4.3, of which 2, 3 and 4 are ECDSA with SHA-256, SHA-384 and SHA-512.
const ECDSA: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];

/// RSASSA-PKCS1-v1_5 with SHA-256, as an AlgorithmIdentifier.
pub(super) const RSA_SHA256_DER: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
/// ECDSA with SHA-256.
pub(super) const ECDSA_SHA256_DER: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// ECDSA with SHA-384.
pub(super) const ECDSA_SHA384_DER: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];

/// What an AlgorithmIdentifier in DER may mean; nothing if it is none that we take. What it means is settled by verifying, which
/// is as strict whatever was named.
pub(super) fn named(algorithm: &[u8]) -> Vec<Algorithm> {
    let Some((oid, parameters)) = split(algorithm) else { return Vec::new() };
    if let Some(last) = oid.strip_prefix(&ECDSA) {
        return match last {
            [2] => {
                vec![aws_lc_rs::ECDSA_P256_SHA256, aws_lc_rs::ECDSA_P384_SHA256, aws_lc_rs::ECDSA_P521_SHA256]
            }
            [3] => {
                vec![aws_lc_rs::ECDSA_P256_SHA384, aws_lc_rs::ECDSA_P384_SHA384, aws_lc_rs::ECDSA_P521_SHA384]
            }
            [4] => {
                vec![aws_lc_rs::ECDSA_P256_SHA512, aws_lc_rs::ECDSA_P384_SHA512, aws_lc_rs::ECDSA_P521_SHA512]
            }
            _ => Vec::new(),
        };
    }
    match oid.strip_prefix(&RSA) {
        Some([10]) => pss(parameters),
        Some([11]) => vec![aws_lc_rs::RSA_PKCS1_2048_8192_SHA256],
        Some([12]) => vec![aws_lc_rs::RSA_PKCS1_2048_8192_SHA384],
        Some([13]) => vec![aws_lc_rs::RSA_PKCS1_2048_8192_SHA512],
        _ => Vec::new(),
    }
}

/// The parameters name the hash twice: for the message and for the mask.
fn pss(parameters: &[u8]) -> Vec<Algorithm> {
    let has = |hash: &[u8]| parameters.windows(hash.len()).any(|window| window == hash);
    match SHA2.map(has) {
        [true, false, false] => vec![aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY],
        [false, true, false] => vec![aws_lc_rs::RSA_PSS_2048_8192_SHA384_LEGACY_KEY],
        [false, false, true] => vec![aws_lc_rs::RSA_PSS_2048_8192_SHA512_LEGACY_KEY],
        _ => Vec::new(),
    }
}

/// The object identifier of an AlgorithmIdentifier, and its parameters. All lengths here fit into a byte.
fn split(algorithm: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = algorithm.split_first_chunk::<4>()?;
    let [0x30, sequence, 0x06, oid] = *head else { return None };
    let fits = usize::from(sequence) + 2 == algorithm.len() && sequence < 0x80;
    if !fits { None } else { rest.split_at_checked(usize::from(oid)) }
}
