//! The MODP groups of RFC 2409 and RFC 3526, in constant time.

use std::sync::LazyLock;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U320, U768, U1024, U1536, U2048, Uint};
use zeroize::Zeroizing;

use crate::group::DhGroup;
use crate::random::Random;
use crate::secret::Secret;

/// A private exponent of 320 bits: the most that RFC 3526 section 8 asks for in group 14, and twice the
/// strength of any of the groups. All four primes are safe, so a short exponent gives nothing away.
pub(super) struct Exponent(Zeroizing<U320>);

impl Exponent {
    pub(super) fn draw(random: &mut dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 40]);
        random.fill(bytes.as_mut());
        // The top bit set makes sure that the exponent is as long as it should be.
        bytes[0] |= 0x80;
        Self(Zeroizing::new(U320::from_be_slice(bytes.as_ref())))
    }
}

/// 2 to the exponent.
pub(super) fn public_value(group: DhGroup, exponent: &Exponent) -> Vec<u8> {
    match group {
        DhGroup::Modp768 => GROUP_1.public_value(exponent),
        DhGroup::Modp1024 => GROUP_2.public_value(exponent),
        DhGroup::Modp1536 => GROUP_5.public_value(exponent),
        _ => GROUP_14.public_value(exponent),
    }
}

/// The peer's value to the exponent; `None` when the value is 0, 1, p-1 or larger. `peer` has the group's length.
pub(super) fn agree(group: DhGroup, exponent: &Exponent, peer: &[u8]) -> Option<Secret> {
    match group {
        DhGroup::Modp768 => GROUP_1.agree(exponent, peer),
        DhGroup::Modp1024 => GROUP_2.agree(exponent, peer),
        DhGroup::Modp1536 => GROUP_5.agree(exponent, peer),
        _ => GROUP_14.agree(exponent, peer),
    }
}

/// A prime and what Montgomery multiplication precomputes for it.
struct Modulus<const LIMBS: usize>(FixedMontyParams<LIMBS>);

impl<const LIMBS: usize> Modulus<LIMBS> {
    fn new(prime: Uint<LIMBS>) -> Self {
        let prime = Odd::new(prime).expect("the RFCs' primes are odd");
        Self(FixedMontyParams::new_vartime(prime))
    }

    fn public_value(&self, exponent: &Exponent) -> Vec<u8> {
        big_endian(&self.power(&Uint::from(2_u8), exponent))
    }

    fn agree(&self, exponent: &Exponent, peer: &[u8]) -> Option<Secret> {
        let peer = Uint::<LIMBS>::from_be_slice(peer);
        let last = self.0.modulus().as_ref().wrapping_sub(&Uint::ONE);
        // The peer's value is public, so it may be compared in variable time.
        let valid = peer.cmp_vartime(&Uint::ONE).is_gt() && peer.cmp_vartime(&last).is_lt();
        valid.then(|| Secret::new(big_endian(&Zeroizing::new(self.power(&peer, exponent)))))
    }

    fn power(&self, base: &Uint<LIMBS>, exponent: &Exponent) -> Uint<LIMBS> {
        FixedMontyForm::new(base, &self.0).pow(&*exponent.0).retrieve()
    }
}

fn big_endian<const LIMBS: usize>(number: &Uint<LIMBS>) -> Vec<u8> {
    number.as_words().iter().rev().flat_map(|word| word.to_be_bytes()).collect()
}

/// RFC 2409 section 6.1: 2^768 - 2^704 - 1 + 2^64 * ([2^638 pi] + 149686).
static GROUP_1: LazyLock<Modulus<{ U768::LIMBS }>> = LazyLock::new(|| {
    Modulus::new(U768::from_be_hex(concat!(
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22",
        "514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6",
        "F44C42E9A63A3620FFFFFFFFFFFFFFFF",
    )))
});

/// RFC 2409 section 6.2: 2^1024 - 2^960 - 1 + 2^64 * ([2^894 pi] + 129093).
static GROUP_2: LazyLock<Modulus<{ U1024::LIMBS }>> = LazyLock::new(|| {
    Modulus::new(U1024::from_be_hex(concat!(
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22",
        "514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6",
        "F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381",
        "FFFFFFFFFFFFFFFF",
    )))
});

/// RFC 3526 section 2: 2^1536 - 2^1472 - 1 + 2^64 * ([2^1406 pi] + 741804).
static GROUP_5: LazyLock<Modulus<{ U1536::LIMBS }>> = LazyLock::new(|| {
    Modulus::new(U1536::from_be_hex(concat!(
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22",
        "514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6",
        "F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3D",
        "C2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB",
        "9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF",
    )))
});

/// RFC 3526 section 3: 2^2048 - 2^1984 - 1 + 2^64 * ([2^1918 pi] + 124476).
static GROUP_14: LazyLock<Modulus<{ U2048::LIMBS }>> = LazyLock::new(|| {
    Modulus::new(U2048::from_be_hex(concat!(
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22",
        "514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6",
        "F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3D",
        "C2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB",
        "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E8603",
        "9B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510",
        "15728E5A8AACAA68FFFFFFFFFFFFFFFF",
    )))
});

#[cfg(test)]
mod tests;
