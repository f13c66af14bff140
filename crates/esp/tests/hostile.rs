//! Whatever arrives, opening says what is wrong with it and goes on.
#![allow(clippy::unwrap_used, reason = "a test panics when something is wrong, its functions too")]

use causeway_crypto::{Encryption, Integrity, Protection};
use causeway_esp::{
    DropReason, InboundSa, NEXT_HEADER_IPV4, OutboundSa, ReplayWindow, SequenceNumbers, spi_of,
};
use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed};

const SPI: u32 = 0xc0ff_ee01;

const SUITES: [(Encryption, Option<Integrity>); 5] = [
    (Encryption::DesCbc, Some(Integrity::HmacMd5_96)),
    (Encryption::TripleDesCbc, Some(Integrity::HmacSha1_96)),
    (Encryption::Aes256Cbc, Some(Integrity::HmacSha256_128)),
    (Encryption::Aes128Gcm16, None),
    (Encryption::Aes256Gcm16, None),
];

fn protection((encryption, integrity): (Encryption, Option<Integrity>)) -> Protection {
    let encryption_key: Vec<u8> = (1..).take(encryption.key_material_len()).collect();
    let integrity_key: Vec<u8> = (101..).take(integrity.map_or(0, Integrity::key_len)).collect();
    Protection::new(encryption, integrity, &encryption_key, &integrity_key).unwrap()
}

fn inbound(suite: (Encryption, Option<Integrity>), numbers: SequenceNumbers) -> InboundSa {
    InboundSa::new(SPI, protection(suite), ReplayWindow::new(1_024, numbers))
}

fn genuine(suite: (Encryption, Option<Integrity>)) -> Vec<u8> {
    let sa = OutboundSa::new(SPI, protection(suite), SequenceNumbers::Standard);
    let mut inner = vec![0x45, 0, 0, 60];
    inner.resize(60, 9);
    let mut packet = Vec::new();
    sa.seal(&inner, NEXT_HEADER_IPV4, &mut packet).unwrap();
    packet
}

#[test]
fn every_truncation_of_a_genuine_packet_is_refused() {
    for suite in SUITES {
        let packet = genuine(suite);
        for len in 0..packet.len() {
            let refused = inbound(suite, SequenceNumbers::Standard).open(&mut packet[..len].to_vec());
            assert!(
                matches!(refused, Err(DropReason::Truncated | DropReason::NotAuthentic)),
                "{suite:?}, {len} bytes: {refused:?}"
            );
        }
        assert!(inbound(suite, SequenceNumbers::Standard).open(&mut packet.clone()).is_ok());
    }
}

#[test]
fn every_flipped_bit_of_a_genuine_packet_is_refused() {
    for suite in SUITES {
        let packet = genuine(suite);
        for bit in 0..8 * packet.len() {
            let mut flipped = packet.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let refused = inbound(suite, SequenceNumbers::Standard).open(&mut flipped).unwrap_err();
            let expected = match bit / 8 {
                0..4 => DropReason::OtherSpi,
                // The number is 1, so one bit of it makes 0.
                7 if bit % 8 == 0 => DropReason::TooOld,
                _ => DropReason::NotAuthentic,
            };
            assert_eq!(refused, expected, "{suite:?}, bit {bit}");
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 2_000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

    #[test]
    fn random_bytes_are_refused(
        suite in select(&SUITES[..]),
        extended in any::<bool>(),
        with_spi in any::<bool>(),
        bytes in vec(any::<u8>(), 0..300),
    ) {
        let numbers = if extended { SequenceNumbers::Extended } else { SequenceNumbers::Standard };
        let sa = inbound(suite, numbers);
        let mut packet = if with_spi { SPI.to_be_bytes().to_vec() } else { Vec::new() };
        packet.extend(&bytes);
        prop_assert_eq!(spi_of(&packet).is_some(), packet.len() >= 8);
        prop_assert!(sa.open(&mut packet).is_err());
        prop_assert_eq!(sa.sequence(), 0);
    }

    /// The peer holds the key, so what it seals is authentic and may still be nonsense.
    #[test]
    fn an_authentic_payload_of_random_bytes_never_panics_and_stays_within_the_packet(
        suite in select(&SUITES[..]),
        next_header in select(&[4_u8, 41, 59, 1, 0][..]),
        pad_len in 0..=255_u8,
        mut payload in vec(any::<u8>(), 0..160),
        looks_like_ip in any::<bool>(),
    ) {
        let protection = protection(suite);
        let unit = protection.block_len().max(4);
        if looks_like_ip && payload.len() > 8 {
            payload[0] = if next_header == 4 { 0x45 } else { 0x60 };
            payload[2] = 0;
            payload[4] = 0;
        }
        payload.resize((payload.len() + 2).next_multiple_of(unit) - 2, 1);
        payload.extend([pad_len, next_header]);
        let (iv, icv) = (vec![0; protection.iv_len()], vec![0; protection.icv_len()]);
        let mut packet = [&SPI.to_be_bytes()[..], &[0, 0, 0, 1], &iv, &payload, &icv].concat();
        protection.seal(8, &mut packet, 1, None);

        let sa = inbound(suite, SequenceNumbers::Standard);
        let payload_end = packet.len() - protection.icv_len() - 2;
        match sa.open(&mut packet) {
            Ok(inner) => {
                prop_assert!(inner.range.start == 8 + protection.iv_len());
                prop_assert!(inner.range.end <= payload_end - usize::from(pad_len));
            }
            Err(reason) => prop_assert!(matches!(
                reason,
                DropReason::MalformedPadding
                    | DropReason::MalformedInner
                    | DropReason::NotTunnel
                    | DropReason::Dummy
            )),
        }
        prop_assert_eq!(sa.sequence(), 1, "it was authentic");
    }
}
