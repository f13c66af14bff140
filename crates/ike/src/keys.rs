//! The key schedule (RFC 7296, 2.13 to 2.18) and authentication with a pre-shared key (2.15).

use causeway_crypto::{Integrity, Prf, Protection, Secret};

use crate::config::{ChildProposal, IkeProposal};
use crate::output::DirectionKeys;

/// What an IKE SA is keyed with. The halves are named for the original initiator and responder.
pub(crate) struct SaKeys {
    pub prf: Prf,
    /// SK_d: keys of children, and of the IKE SA that replaces this one.
    pub derive: Secret,
    /// SK_ei and SK_ai.
    pub from_initiator: Protection,
    /// SK_er and SK_ar.
    pub from_responder: Protection,
    /// SK_pi.
    pub prove_initiator: Secret,
    /// SK_pr.
    pub prove_responder: Secret,
}

/// Both nonces and both SPIs, initiator's first.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    pub nonce_initiator: Vec<u8>,
    pub nonce_responder: Vec<u8>,
    pub spi_initiator: u64,
    pub spi_responder: u64,
}

impl Fresh {
    fn nonces(&self) -> Vec<u8> {
        [self.nonce_initiator.as_slice(), &self.nonce_responder].concat()
    }

    /// The lower of the two nonces, by which SAs that were made at the same time are told apart (2.8.1).
    pub(crate) fn lowest_nonce(&self) -> Vec<u8> {
        self.nonce_initiator.as_slice().min(&self.nonce_responder).to_vec()
    }
}

impl SaKeys {
    /// For IKE_SA_INIT: SKEYSEED = prf(Ni | Nr, g^ir).
    pub(crate) fn initial(suite: &IkeProposal, shared: &Secret, fresh: &Fresh) -> Option<SaKeys> {
        let seed = Secret::new(suite.prf.mac(&fresh.nonces(), &[shared.as_bytes()]));
        SaKeys::expand(suite, &seed, fresh)
    }

    /// For a rekeyed IKE SA: SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr), with the old PRF (2.18).
    pub(crate) fn rekeyed(&self, suite: &IkeProposal, shared: &Secret, fresh: &Fresh) -> Option<SaKeys> {
        let seed = self.prf.mac(self.derive.as_bytes(), &[shared.as_bytes(), &fresh.nonces()]);
        SaKeys::expand(suite, &Secret::new(seed), fresh)
    }

    /// {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr). None only if the suite
    /// contradicts itself (an integrity algorithm beside AES-GCM).
    fn expand(suite: &IkeProposal, seed: &Secret, fresh: &Fresh) -> Option<SaKeys> {
        let salt = fresh.nonces();
        let spis = [fresh.spi_initiator.to_be_bytes(), fresh.spi_responder.to_be_bytes()].concat();
        let (prf_len, integrity_len) = (suite.prf.key_len(), suite.integrity.map_or(0, Integrity::key_len));
        let encryption_len = suite.encryption.key_material_len();
        let length = 3 * prf_len + 2 * integrity_len + 2 * encryption_len;
        let stream = suite.prf.plus(seed.as_bytes(), &[&salt, &spis], length);
        let mut rest = stream.as_bytes();
        let mut take = |length: usize| -> Option<&[u8]> {
            let (taken, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(taken)
        };
        let derive = take(prf_len)?;
        let (ai, ar) = (take(integrity_len)?, take(integrity_len)?);
        let (ei, er) = (take(encryption_len)?, take(encryption_len)?);
        let (pi, pr) = (take(prf_len)?, take(prf_len)?);
        Some(SaKeys {
            prf: suite.prf,
            derive: Secret::new(derive.to_vec()),
            from_initiator: Protection::new(suite.encryption, suite.integrity, ei, ai).ok()?,
            from_responder: Protection::new(suite.encryption, suite.integrity, er, ar).ok()?,
            prove_initiator: Secret::new(pi.to_vec()),
            prove_responder: Secret::new(pr.to_vec()),
        })
    }

    /// The keys of a child: first those for packets from the initiator of the exchange that made it, then those from its
    /// responder. KEYMAT = prf+(SK_d, g^ir (new, if any) | Ni | Nr) (2.17).
    pub(crate) fn child(
        &self,
        suite: &ChildProposal,
        shared: Option<&Secret>,
        nonce_initiator: &[u8],
        nonce_responder: &[u8],
    ) -> (DirectionKeys, DirectionKeys) {
        let encryption_len = suite.encryption.key_material_len();
        let integrity_len = suite.integrity.map_or(0, Integrity::key_len);
        let direction_len = encryption_len + integrity_len;
        let fresh = shared.map_or(&[][..], Secret::as_bytes);
        let seed = [fresh, nonce_initiator, nonce_responder];
        let stream = self.prf.plus(self.derive.as_bytes(), &seed, 2 * direction_len);
        let (first, second) = stream.as_bytes().split_at(direction_len);
        let keys = |bytes: &[u8]| DirectionKeys {
            encryption: Secret::new(bytes[..encryption_len].to_vec()),
            integrity: Secret::new(bytes[encryption_len..].to_vec()),
        };
        (keys(first), keys(second))
    }

    /// AUTH of one side: prf(prf(psk, "Key Pad for IKEv2"), message | nonce | prf(SK_p, identity)), where `message` is that
    /// side's IKE_SA_INIT message, `nonce` the other side's, `identity` the body of its identification payload.
    pub(crate) fn auth(&self, of_initiator: bool, psk: &Secret, signed: Signed<'_>) -> Vec<u8> {
        let prove = if of_initiator { &self.prove_initiator } else { &self.prove_responder };
        let identity = self.prf.mac(prove.as_bytes(), &[signed.identity]);
        let key = Secret::new(self.prf.mac(psk.as_bytes(), &[b"Key Pad for IKEv2"]));
        self.prf.mac(key.as_bytes(), &[signed.message, signed.nonce, &identity])
    }
}

impl SaKeys {
    /// What one side signs: message | nonce | prf(SK_p, identity).
    pub(crate) fn signed_octets(&self, of_initiator: bool, signed: Signed<'_>) -> Vec<u8> {
        let prove = if of_initiator { &self.prove_initiator } else { &self.prove_responder };
        let identity = self.prf.mac(prove.as_bytes(), &[signed.identity]);
        [signed.message, signed.nonce, &identity].concat()
    }
}

/// What AUTH covers.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub message: &'a [u8],
    pub nonce: &'a [u8],
    pub identity: &'a [u8],
}

#[cfg(test)]
mod tests;
