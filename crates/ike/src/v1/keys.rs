//! The key schedule (RFC 2409, 5 and appendix B) and what proves that a peer holds the pre-shared key.

use causeway_crypto::{CbcCipher, Integrity, Prf, Secret, constant_time_eq};

use crate::config::{ChildProposal, IkeProposal};
use crate::output::DirectionKeys;
use crate::v1::message::association::PROTOCOL_ESP;

/// What both sides have put into a phase 1, initiator's first.
#[derive(Clone, Default)]
pub(crate) struct Exchanged {
    pub cookies: (u64, u64),
    pub public_values: (Vec<u8>, Vec<u8>),
    pub nonces: (Vec<u8>, Vec<u8>),
    /// SAi_b: the body of the initiator's security association payload.
    pub sa_body: Vec<u8>,
}

/// What an ISAKMP SA is keyed with.
pub(crate) struct SaKeys {
    pub prf: Prf,
    /// SKEYID, which proves who we are.
    prove: Secret,
    /// SKEYID_d: keys of children.
    derive: Secret,
    /// SKEYID_a: authenticates the messages of phase 2.
    authenticate: Secret,
    /// SKEYID_e, made as long as the cipher needs it.
    cipher: CbcCipher,
    /// The vector of the first encrypted message of phase 1.
    first_vector: Vec<u8>,
}

impl SaKeys {
    /// SKEYID = prf(pre-shared key, Ni_b | Nr_b), and what follows from it. None only if the suite is not one of IKEv1.
    pub(crate) fn new(
        suite: &IkeProposal,
        psk: &Secret,
        shared: &Secret,
        exchanged: &Exchanged,
    ) -> Option<SaKeys> {
        let prf = suite.prf;
        let cookies = cookies(exchanged.cookies);
        let nonces = [exchanged.nonces.0.as_slice(), &exchanged.nonces.1];
        let prove = Secret::new(prf.mac(psk.as_bytes(), &nonces));
        let next = |before: &[u8], number: u8| {
            let parts: [&[u8]; 4] = [before, shared.as_bytes(), &cookies, &[number]];
            Secret::new(prf.mac(prove.as_bytes(), &parts))
        };
        let derive = next(&[], 0);
        let authenticate = next(derive.as_bytes(), 1);
        let encrypt = next(authenticate.as_bytes(), 2);
        let key = lengthened(prf, &encrypt, suite.encryption.key_len());
        let cipher = CbcCipher::new(suite.encryption, key.as_bytes()).ok()?;
        let values = [exchanged.public_values.0.as_slice(), &exchanged.public_values.1];
        let first_vector = vector(prf, &values, cipher.block_len());
        Some(SaKeys { prf, prove, derive, authenticate, cipher, first_vector })
    }

    pub(crate) fn cipher(&self) -> &CbcCipher {
        &self.cipher
    }

    /// The vector of the first encrypted message of phase 1.
    pub(crate) fn first_vector(&self) -> Vec<u8> {
        self.first_vector.clone()
    }

    /// The vector of the first message of an exchange in phase 2, from the last block of phase 1.
    pub(crate) fn phase2_vector(&self, last_block: &[u8], id: u32) -> Vec<u8> {
        vector(self.prf, &[last_block, &id.to_be_bytes()], self.cipher.block_len())
    }

    /// HASH_I or HASH_R: prf(SKEYID, own value | other's value | own cookie | other's cookie | SAi_b | body of own identity).
    pub(crate) fn proof(&self, of_initiator: bool, exchanged: &Exchanged, identity: &[u8]) -> Vec<u8> {
        let (mut own, mut other) = (&exchanged.public_values.0, &exchanged.public_values.1);
        let mut cookies = [exchanged.cookies.0.to_be_bytes(), exchanged.cookies.1.to_be_bytes()];
        if !of_initiator {
            (own, other) = (other, own);
            cookies.reverse();
        }
        self.prf.mac(self.prove.as_bytes(), &[own, other, &cookies.concat(), &exchanged.sa_body, identity])
    }

    /// HASH(1) of quick mode and of informational exchanges: prf(SKEYID_a, message id | what follows).
    pub(crate) fn hash_1(&self, id: u32, rest: &[u8]) -> Vec<u8> {
        self.prf.mac(self.authenticate.as_bytes(), &[&id.to_be_bytes(), rest])
    }

    /// HASH(2): prf(SKEYID_a, message id | Ni_b | what follows).
    pub(crate) fn hash_2(&self, id: u32, nonce_initiator: &[u8], rest: &[u8]) -> Vec<u8> {
        self.prf.mac(self.authenticate.as_bytes(), &[&id.to_be_bytes(), nonce_initiator, rest])
    }

    /// HASH(3): prf(SKEYID_a, 0 | message id | Ni_b | Nr_b).
    pub(crate) fn hash_3(&self, id: u32, nonces: (&[u8], &[u8])) -> Vec<u8> {
        self.prf.mac(self.authenticate.as_bytes(), &[&[0], &id.to_be_bytes(), nonces.0, nonces.1])
    }

    /// The keys of the ESP SA with this SPI: KEYMAT = K1 | K2 | ..., Kn = prf(SKEYID_d, Kn-1 | [g(qm)^xy |] protocol | SPI | Ni_b |
    /// Nr_b) (5.5).
    pub(crate) fn child(
        &self,
        suite: &ChildProposal,
        shared: Option<&Secret>,
        spi: u32,
        nonces: (&[u8], &[u8]),
    ) -> DirectionKeys {
        let encryption_len = suite.encryption.key_material_len();
        let length = encryption_len + suite.integrity.map_or(0, Integrity::key_len);
        let shared = shared.map_or(&[][..], Secret::as_bytes);
        let spi = spi.to_be_bytes();
        // With the room that it needs from the beginning: growing would leave a copy behind.
        let mut material = Vec::with_capacity(length + self.prf.output_len());
        let mut last = Secret::default();
        while material.len() < length {
            let parts: [&[u8]; 6] = [last.as_bytes(), shared, &[PROTOCOL_ESP], &spi, nonces.0, nonces.1];
            last = Secret::new(self.prf.mac(self.derive.as_bytes(), &parts));
            material.extend_from_slice(last.as_bytes());
        }
        let material = Secret::new(material);
        let (encryption, integrity) = material.as_bytes()[..length].split_at(encryption_len);
        DirectionKeys { encryption: Secret::from(encryption), integrity: Secret::from(integrity) }
    }
}

/// Whether a hash is the one that it should be; of the length that it should have.
pub(crate) fn is_same(sent: Option<&Vec<u8>>, expected: &[u8]) -> bool {
    sent.is_some_and(|sent| constant_time_eq(sent, expected))
}

fn cookies((initiator, responder): (u64, u64)) -> Vec<u8> {
    [initiator.to_be_bytes(), responder.to_be_bytes()].concat()
}

fn vector(prf: Prf, parts: &[&[u8]], block_len: usize) -> Vec<u8> {
    let mut vector = prf.hash().digest(parts);
    vector.truncate(block_len);
    vector
}

/// SKEYID_e is the key, or Ka = K1 | K2 | ..., K1 = prf(SKEYID_e, 0), Kn = prf(SKEYID_e, Kn-1), where it is too short (appendix B).
fn lengthened(prf: Prf, secret: &Secret, length: usize) -> Secret {
    if secret.len() >= length {
        return Secret::from(&secret.as_bytes()[..length]);
    }
    let mut stream = Vec::with_capacity(length + prf.output_len());
    let mut last = Secret::new(prf.mac(secret.as_bytes(), &[&[0]]));
    while stream.len() < length {
        stream.extend_from_slice(last.as_bytes());
        last = Secret::new(prf.mac(secret.as_bytes(), &[last.as_bytes()]));
    }
    stream.truncate(length);
    Secret::new(stream)
}

#[cfg(test)]
mod tests;
