use crypto_bigint::modular::FixedMontyForm;
use crypto_bigint::{Limb, NonZero, U3072, Uint};

use super::{Exponent, GROUP_1, GROUP_2, GROUP_5, GROUP_14, Modulus, big_endian};
use crate::random::{Random, SeededRandom};

/// Binary places of pi that are computed here: more than the largest group asks for (1,918).
const PLACES: u32 = 2_200;

/// atan(1/x) in units of 2^-PLACES: the sum of (-1)^n / ((2n+1) x^(2n+1)).
fn arc_cotangent(x: u64) -> U3072 {
    let divide =
        |number: &U3072, divisor: u64| number.div_rem_limb(NonZero::new(Limb::from_u64(divisor)).unwrap()).0;
    let mut power = divide(&U3072::ONE.shl_vartime(PLACES), x);
    let mut sum = power;
    let mut odd = 1;
    while power != U3072::ZERO {
        power = divide(&power, x * x);
        odd += 2;
        let term = divide(&power, odd);
        sum = if odd % 4 == 3 { sum.wrapping_sub(&term) } else { sum.wrapping_add(&term) };
    }
    sum
}

/// Machin's formula: pi = 16 atan(1/5) - 4 atan(1/239).
fn pi() -> U3072 {
    arc_cotangent(5).shl_vartime(4).wrapping_sub(&arc_cotangent(239).shl_vartime(2))
}

/// Compares the group's prime with 2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + offset).
#[track_caller]
fn assert_formula<const LIMBS: usize>(modulus: &Modulus<LIMBS>, offset: u64) {
    let n = Uint::<LIMBS>::BITS;
    let power = |bits: u32| U3072::ONE.shl_vartime(bits);
    let middle = pi().shr_vartime(PLACES - (n - 130)).wrapping_add(&U3072::from_u64(offset));
    let prime =
        power(n).wrapping_sub(&power(n - 64)).wrapping_sub(&U3072::ONE).wrapping_add(&middle.shl_vartime(64));
    let expected = big_endian(&prime);
    let ours = big_endian(modulus.0.modulus().as_ref());
    assert_eq!(ours, expected[expected.len() - ours.len()..]);
}

#[test]
fn every_prime_is_the_one_that_its_rfcs_formula_gives() {
    assert_formula(&GROUP_1, 149_686);
    assert_formula(&GROUP_2, 129_093);
    assert_formula(&GROUP_5, 741_804);
    assert_formula(&GROUP_14, 124_476);
}

/// Fermat's test: 3^(number - 1) = 1 modulo the number.
fn is_probably_prime<const LIMBS: usize>(number: Uint<LIMBS>) -> bool {
    let modulus = Modulus::new(number);
    let power = number.wrapping_sub(&Uint::ONE);
    FixedMontyForm::new(&Uint::from_u64(3), &modulus.0).pow_vartime(&power).retrieve() == Uint::ONE
}

#[track_caller]
fn assert_safe<const LIMBS: usize>(modulus: &Modulus<LIMBS>) {
    let prime = *modulus.0.modulus().as_ref();
    assert!(is_probably_prime(prime));
    assert!(is_probably_prime(prime.shr_vartime(1)));
    assert!(!is_probably_prime(prime.wrapping_sub(&Uint::from_u64(2))), "the test can tell");
}

#[test]
fn every_prime_is_safe() {
    assert_safe(&GROUP_1);
    assert_safe(&GROUP_2);
    assert_safe(&GROUP_5);
    assert_safe(&GROUP_14);
}

#[track_caller]
fn assert_bounds<const LIMBS: usize>(modulus: &Modulus<LIMBS>) {
    let exponent = Exponent::draw(&mut SeededRandom::new(1));
    let prime = *modulus.0.modulus().as_ref();
    let minus = |number: u64| prime.wrapping_sub(&Uint::from_u64(number));
    let accepted = |value: Uint<LIMBS>| modulus.agree(&exponent, &big_endian(&value)).is_some();
    for refused in [Uint::ZERO, Uint::ONE, minus(1), prime, prime.wrapping_add(&Uint::ONE), Uint::MAX] {
        assert!(!accepted(refused));
    }
    for valid in [Uint::from_u64(2), Uint::from_u64(3), minus(2)] {
        assert!(accepted(valid));
    }
}

/// RFC 6989 section 2.1.
#[test]
fn a_value_of_zero_or_one_or_from_the_prime_less_one_on_is_refused() {
    assert_bounds(&GROUP_1);
    assert_bounds(&GROUP_2);
    assert_bounds(&GROUP_5);
    assert_bounds(&GROUP_14);
}

#[test]
fn a_number_with_leading_zeros_keeps_its_length() {
    assert_eq!(big_endian(&U3072::from_u64(0x0102)), [&[0; 382][..], &[1, 2]].concat());
}

#[test]
fn the_exponent_has_320_bits_whatever_is_drawn() {
    struct Zeros;
    impl Random for Zeros {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }
    assert_eq!(Exponent::draw(&mut Zeros).0.bit_width(), 320);
    assert_eq!(Exponent::draw(&mut SeededRandom::new(1)).0.bit_width(), 320);
}
