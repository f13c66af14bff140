//! AES-GCM under one key, by whichever of two libraries has the faster one for this processor.
//!
//! aws-lc-rs is what we take, with one exception. Of the processors that have the wide AES instructions (VAES), it uses them
//! only on those that have AVX-512 as well; on the others (AMD's Zen 3, Intel's processors for desktops) ring, whose AES-GCM is
//! that of BoringSSL, takes little more than half the time for a packet. `cargo bench -p causeway-esp` measures both.

use aws_lc_rs::aead as aws_lc;
use ring::aead as ring;
use zeroize::optimization_barrier;

use crate::protection::NotAuthentic;

/// Bytes of a nonce: RFC 4106's salt and IV.
const NONCE_LEN: usize = 12;

/// A library that has AES-GCM. What they make is the same, byte by byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GcmLibrary {
    /// aws-lc-rs.
    AwsLc,
    /// ring, which has no AES-192: that is always aws-lc-rs's.
    Ring,
}

impl GcmLibrary {
    /// Both.
    pub const ALL: [Self; 2] = [Self::AwsLc, Self::Ring];

    /// The faster one for packets on this processor.
    pub fn of_this_processor() -> Self {
        if has_wide_aes_without_avx512() { Self::Ring } else { Self::AwsLc }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_wide_aes_without_avx512() -> bool {
    use std::is_x86_feature_detected as has;
    let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
    has!("vaes") && has!("vpclmulqdq") && has!("avx2") && !avx512
}

#[cfg(not(target_arch = "x86_64"))]
fn has_wide_aes_without_avx512() -> bool {
    false
}

/// A key of AES-GCM, overwritten when dropped, and its salt (RFC 4106).
pub(crate) struct GcmKey {
    cipher: Cipher,
    salt: [u8; 4],
}

enum Cipher {
    AwsLc(aws_lc::LessSafeKey),
    Ring(RingKey),
}

impl GcmKey {
    /// `None` when `key` has not 16, 24 or 32 bytes.
    pub(crate) fn new(library: GcmLibrary, key: &[u8], salt: [u8; 4]) -> Option<Self> {
        let cipher = match (library, key.len()) {
            (GcmLibrary::Ring, 16) => Cipher::Ring(RingKey::new(&ring::AES_128_GCM, key)?),
            (GcmLibrary::Ring, 32) => Cipher::Ring(RingKey::new(&ring::AES_256_GCM, key)?),
            (_, 16) => Cipher::AwsLc(aws_lc_key(&aws_lc::AES_128_GCM, key)?),
            (_, 24) => Cipher::AwsLc(aws_lc_key(&aws_lc::AES_192_GCM, key)?),
            (_, 32) => Cipher::AwsLc(aws_lc_key(&aws_lc::AES_256_GCM, key)?),
            _ => return None,
        };
        Some(Self { cipher, salt })
    }

    /// Encrypts `body` in place and writes the ICV of it and of `aad`. `iv` has 8 bytes and never comes again under this key;
    /// `icv` has 16 bytes.
    pub(crate) fn seal(&self, iv: &[u8], aad: &[u8], body: &mut [u8], icv: &mut [u8]) {
        const SHORT: &str = "a packet is shorter than the 64 GB that one nonce covers";
        let nonce = self.nonce(iv);
        match &self.cipher {
            Cipher::AwsLc(key) => {
                let nonce = aws_lc::Nonce::assume_unique_for_key(nonce);
                let tag = key.seal_in_place_separate_tag(nonce, aws_lc::Aad::from(aad), body).expect(SHORT);
                icv.copy_from_slice(tag.as_ref());
            }
            Cipher::Ring(RingKey(key)) => {
                let nonce = ring::Nonce::assume_unique_for_key(nonce);
                let tag = key.seal_in_place_separate_tag(nonce, ring::Aad::from(aad), body).expect(SHORT);
                icv.copy_from_slice(tag.as_ref());
            }
        }
    }

    /// Checks the ICV, in constant time, and decrypts `body` in place.
    ///
    /// # Errors
    ///
    /// When it is not authentic; what `body` then holds is undefined.
    pub(crate) fn open(
        &self,
        iv: &[u8],
        aad: &[u8],
        body: &mut [u8],
        icv: &[u8],
    ) -> Result<(), NotAuthentic> {
        let nonce = self.nonce(iv);
        match &self.cipher {
            Cipher::AwsLc(key) => {
                let nonce = aws_lc::Nonce::assume_unique_for_key(nonce);
                key.open_in_place_separate_tag(nonce, aws_lc::Aad::from(aad), icv, body)
                    .map_err(|_| NotAuthentic)?;
            }
            Cipher::Ring(RingKey(key)) => {
                let nonce = ring::Nonce::assume_unique_for_key(nonce);
                let tag = ring::Tag::try_from(icv).map_err(|_| NotAuthentic)?;
                key.open_in_place_separate_tag(nonce, ring::Aad::from(aad), tag, body, 0..)
                    .map_err(|_| NotAuthentic)?;
            }
        }
        Ok(())
    }

    /// The salt and the packet's IV (RFC 4106 section 4).
    fn nonce(&self, iv: &[u8]) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        nonce[..4].copy_from_slice(&self.salt);
        nonce[4..].copy_from_slice(iv);
        nonce
    }
}

fn aws_lc_key(algorithm: &'static aws_lc::Algorithm, key: &[u8]) -> Option<aws_lc::LessSafeKey> {
    aws_lc::UnboundKey::new(algorithm, key).ok().map(aws_lc::LessSafeKey::new)
}

/// What ring expands a key to. It leaves that in memory; aws-lc-rs overwrites its own.
struct RingKey(Box<ring::LessSafeKey>);

impl RingKey {
    fn new(algorithm: &'static ring::Algorithm, key: &[u8]) -> Option<Self> {
        let key = ring::UnboundKey::new(algorithm, key).ok()?;
        Some(Self(Box::new(ring::LessSafeKey::new(key))))
    }

    /// Puts a key that is no secret in its place.
    fn overwrite(&mut self) {
        const ZEROS: [u8; 32] = [0; 32];
        let algorithm = self.0.algorithm();
        if let Ok(zeros) = ring::UnboundKey::new(algorithm, &ZEROS[..algorithm.key_len()]) {
            *self.0 = ring::LessSafeKey::new(zeros);
        }
        optimization_barrier(&*self.0);
    }
}

impl Drop for RingKey {
    fn drop(&mut self) {
        self.overwrite();
    }
}

#[cfg(test)]
mod tests {
    use super::{Cipher, GcmKey, GcmLibrary};
    use crate::protection::NotAuthentic;

    const SALT: [u8; 4] = [1, 2, 3, 4];
    const IV: [u8; 8] = [5; 8];

    fn sealed(key: &GcmKey, plain: &[u8]) -> (Vec<u8>, [u8; 16]) {
        let (mut body, mut icv) = (plain.to_vec(), [0; 16]);
        key.seal(&IV, b"header", &mut body, &mut icv);
        (body, icv)
    }

    /// Of every length around the 16, 32, 64, 128 and 256 bytes that implementations take at a time, and of a packet.
    #[test]
    fn both_libraries_make_the_same_of_packets_of_every_length_and_open_each_others() {
        for key in [&[7; 16][..], &[7; 24], &[7; 32]] {
            let [one, other] = GcmLibrary::ALL.map(|library| GcmKey::new(library, key, SALT).unwrap());
            for len in (0..600).chain([1_300, 1_400, 1_438, 9_000, 65_000]) {
                let plain: Vec<u8> = (0..=255).cycle().take(len).collect();
                let (body, icv) = sealed(&one, &plain);
                assert_eq!((body.clone(), icv), sealed(&other, &plain), "{len}");
                for key in [&one, &other] {
                    let mut opened = body.clone();
                    assert_eq!(key.open(&IV, b"header", &mut opened, &icv), Ok(()), "{len}");
                    assert_eq!(opened, plain);
                    let refused = key.open(&IV, b"Header", &mut body.clone(), &icv);
                    assert_eq!(refused, Err(NotAuthentic), "{len}");
                }
            }
        }
    }

    #[test]
    fn a_key_is_the_librarys_that_was_asked_for_but_for_aes_192() {
        let made = |library, len| GcmKey::new(library, &[7; 32][..len], SALT).unwrap().cipher;
        for len in [16, 32] {
            assert!(matches!(made(GcmLibrary::AwsLc, len), Cipher::AwsLc(_)));
            assert!(matches!(made(GcmLibrary::Ring, len), Cipher::Ring(_)));
        }
        assert!(matches!(made(GcmLibrary::Ring, 24), Cipher::AwsLc(_)));
        assert!(
            GcmLibrary::ALL.map(|library| GcmKey::new(library, &[7; 17], SALT)).iter().all(Option::is_none)
        );
    }

    #[test]
    fn nothing_is_left_of_a_key_that_was_overwritten() {
        for len in [16, 32] {
            let mut key = GcmKey::new(GcmLibrary::Ring, &[7; 32][..len], SALT).unwrap();
            let zeros = GcmKey::new(GcmLibrary::AwsLc, &[0; 32][..len], SALT).unwrap();
            assert_ne!(sealed(&key, b"packet"), sealed(&zeros, b"packet"));
            let Cipher::Ring(ring) = &mut key.cipher else { unreachable!("ring was asked for") };
            ring.overwrite();
            assert_eq!(sealed(&key, b"packet"), sealed(&zeros, b"packet"));
        }
    }
}
