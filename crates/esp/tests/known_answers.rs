//! ESP packets that were put together by another implementation, or here by hand.
#![allow(clippy::unwrap_used, reason = "a test panics when something is wrong, its functions too")]

use causeway_crypto::{CbcCipher, Encryption, Integrity, Prf, Protection};
use causeway_esp::{InboundSa, NEXT_HEADER_IPV4, OutboundSa, ReplayWindow, SequenceNumbers};
use hex_literal::hex;

const SPI: u32 = 0x1122_3344;

/// An IPv4 packet with UDP and six bytes, 34 in all.
const INNER: [u8; 34] = hex!("4500002200010000401166c8c0a80101c0a8020113881389000e0000676f70686572");

/// The key is 00 to 0f, the salt 10 to 13, the sequence number and IV 1.
const GCM_PACKET: [u8; 68] = hex!(
    "1122334400000001 0000000000000001"
    "1b46fab3bb152e167f96cb85da2cf3e71138517c086e75649b4225392597c93392183fc4"
    "dace3dbc1dff5d322f8d23ffae4c4a05"
);

/// AES-256-CBC with the key 00 to 1f and HMAC-SHA-256-128 with the key 20 to 3f.
const CBC_PACKET: [u8; 88] = hex!(
    "1122334400000001 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    "d641600c65e188544ea3f37fea20c31c3b6287d2869590344fb110fade4eff3d8f5cfbd93598552bacd67aa2781d6e8d"
    "7f37948baec53fb407a4d157deadc6d3"
);

/// The same with an extended sequence number, of which the high half is 0 and authenticated.
const CBC_EXTENDED_ICV: [u8; 16] = hex!("e4b6d8a9f88935701881faeac85d4064");

fn counting(from: u8, len: u8) -> Vec<u8> {
    (from..from + len).collect()
}

fn gcm() -> Protection {
    Protection::new(Encryption::Aes128Gcm16, None, &counting(0, 20), &[]).unwrap()
}

fn cbc() -> Protection {
    let integrity = Some(Integrity::HmacSha256_128);
    Protection::new(Encryption::Aes256Cbc, integrity, &counting(0, 32), &counting(32, 32)).unwrap()
}

#[test]
fn a_gcm_packet_is_sealed_as_another_implementation_seals_it() {
    let sa = OutboundSa::new(SPI, gcm(), SequenceNumbers::Standard);
    let mut packet = Vec::new();
    sa.seal(&INNER, NEXT_HEADER_IPV4, &mut packet).unwrap();
    assert_eq!(packet, GCM_PACKET);
}

#[track_caller]
fn assert_opens(sa: &InboundSa, packet: &[u8]) {
    let mut packet = packet.to_vec();
    let inner = sa.open(&mut packet).unwrap();
    assert_eq!(packet[inner.range], INNER);
    assert_eq!(inner.next_header, NEXT_HEADER_IPV4);
}

#[test]
fn packets_of_another_implementation_are_opened() {
    assert_opens(&InboundSa::new(SPI, gcm(), ReplayWindow::default()), &GCM_PACKET);
    assert_opens(&InboundSa::new(SPI, cbc(), ReplayWindow::default()), &CBC_PACKET);
}

#[test]
fn an_extended_packet_of_another_implementation_is_opened() {
    let window = || ReplayWindow::new(1_024, SequenceNumbers::Extended);
    let mut packet = CBC_PACKET;
    assert!(InboundSa::new(SPI, cbc(), window()).open(&mut packet).is_err(), "the ICV covers too little");
    packet = CBC_PACKET;
    packet[72..].copy_from_slice(&CBC_EXTENDED_ICV);
    assert_opens(&InboundSa::new(SPI, cbc(), window()), &packet);
}

/// Sequence number 5 << 32 | 7, made with scapy 2.8.0, which is no kin of ours: keys as above, the IV of the GCM packet is the
/// sequence number.
const GCM_HIGH: [u8; 68] = hex!(
    "1122334400000007 0000000500000007"
    "157e1df91f336f25c3125133ddd556130d7418130297731df281d731f2c7bbbff7825b4f"
    "a303a2076b519abd15f6e7a73ad81dd4"
);

/// See [`GCM_HIGH`]. All but the ICV is that of [`CBC_PACKET`] and the sequence number.
const CBC_HIGH: [u8; 88] = hex!(
    "1122334400000007 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    "d641600c65e188544ea3f37fea20c31c3b6287d2869590344fb110fade4eff3d8f5cfbd93598552bacd67aa2781d6e8d"
    "3d7d6f0eba963a72db7eb696edbafaf7"
);

#[test]
fn extended_packets_of_another_implementation_with_a_high_half_are_opened_and_sealed_alike() {
    const SEQUENCE: u64 = 5 << 32 | 7;
    let into = |protection, seen: u64| {
        let window = ReplayWindow::new(1_024, SequenceNumbers::Extended);
        window.accept(seen).unwrap();
        InboundSa::new(SPI, protection, window)
    };
    for seen in [SEQUENCE - 1, SEQUENCE - 7, SEQUENCE - 8, SEQUENCE + 1_000] {
        assert_opens(&into(gcm(), seen), &GCM_HIGH);
        assert_opens(&into(cbc(), seen), &CBC_HIGH);
    }
    assert!(into(gcm(), SEQUENCE + (1 << 32)).open(&mut GCM_HIGH.clone()).is_err(), "of another high half");
    let sa = OutboundSa::starting_after(SPI, gcm(), SequenceNumbers::Extended, SEQUENCE - 1);
    let mut packet = Vec::new();
    sa.seal(&INNER, NEXT_HEADER_IPV4, &mut packet).unwrap();
    assert_eq!(packet, GCM_HIGH);
}

/// The IV of CBC is ours to choose, so all but that is put together by hand: RFC 4303 section 2.
#[test]
fn a_cbc_packet_is_sealed_as_the_rfc_says() {
    let sa = OutboundSa::new(SPI, cbc(), SequenceNumbers::Standard);
    let mut packet = Vec::new();
    sa.seal(&INNER, NEXT_HEADER_IPV4, &mut packet).unwrap();
    let iv = packet[8..24].to_vec();

    let mut payload = INNER.to_vec();
    payload.extend([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, NEXT_HEADER_IPV4]);
    CbcCipher::new(Encryption::Aes256Cbc, &counting(0, 32)).unwrap().encrypt(&iv, &mut payload).unwrap();
    let mut expected = [&hex!("1122334400000001")[..], &iv, &payload].concat();
    let icv = Prf::HmacSha256.mac(&counting(32, 32), &[&expected]);
    expected.extend(&icv[..16]);
    assert_eq!(packet, expected);
}

/// draft-mcgrew-gcm-test-01 section 4, three of its packets: key and salt, SPI, sequence number, and
/// then IV, ciphertext and ICV. They say next header 1, which is no tunnel mode, so what is compared is
/// the payload with its padding.
#[test]
fn the_published_gcm_packets_are_opened() {
    let packet = hex!(
        "4a2cbfe3 00000002 0102030405060708"
        "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99d"
        "ef842d8e b335f4eecfdbf831824b4c4915956c96"
    );
    let payload = hex!(
        "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b401010402"
        "01020201"
    );
    let key = hex!("abbccddef00112233445566778899aababbccddef00112233445566778899aab 11223344");
    assert_payload(Encryption::Aes256Gcm16, &key, &packet, None, &payload);

    let packet = hex!(
        "0000a5f8 0000000a facedbaddecaf888"
        "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0eec416642"
        "cfbb85a5b47e48a4ec3b9ba95d918bd1 83b70d3aa8bc6ee4c309e9d85a41ad4a"
    );
    let payload = hex!(
        "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d0010000010000000000000373697009637962"
        "6572636974790264 6b00000100010001"
    );
    let key = hex!("feffe9928665731c6d6a8f9467308308 cafebabe");
    assert_payload(Encryption::Aes128Gcm16, &key, &packet, None, &payload);
}

/// The one with an extended sequence number: its high half is 87654321, its low half 0.
#[test]
fn the_published_gcm_packet_with_an_extended_sequence_number_is_opened() {
    let packet = hex!(
        "00004321 00000000 4956ed7e3b244cfe"
        "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d"
        "15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732 459018148f6cbe722fd04796562dfdb4"
    );
    let payload = hex!(
        "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f7564700373"
        "69700963796265726369747902646b000021000101020201"
    );
    let key = hex!("4c80cdefbb5d10da906ac73c3613a634 2e443b68");
    assert_payload(Encryption::Aes128Gcm16, &key, &packet, Some(0x8765_4321), &payload);
}

#[track_caller]
fn assert_payload(encryption: Encryption, key: &[u8], packet: &[u8], extra: Option<u32>, payload: &[u8]) {
    let protection = Protection::new(encryption, None, key, &[]).unwrap();
    let mut packet = packet.to_vec();
    let range = protection.open(8, &mut packet, extra).unwrap();
    assert_eq!(packet[range], *payload);
}
