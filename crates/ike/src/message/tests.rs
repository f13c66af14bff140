use causeway_crypto::{Random, SeededRandom};

use super::contents::Contents;
use super::notify::{Notify, NotifyKind};
use super::payload::{Delete, Payload};
use super::proposal::{ENCRYPTION, GROUP, PROTOCOL_ESP, PROTOCOL_IKE, Proposal, Transform};
use super::selector::Selector;
use super::{
    ExchangeType, HEADER_BYTES, Header, MessageError, parse_payloads, parse_plain, write_payloads,
    write_plain,
};

fn header() -> Header {
    Header {
        spi_initiator: 0x0102_0304_0506_0708,
        spi_responder: 9,
        exchange: ExchangeType::SaInit,
        from_initiator: true,
        response: false,
        id: 7,
    }
}

fn one_of_each() -> Vec<Payload> {
    let transforms = vec![Transform::new(ENCRYPTION, 12, Some(128)), Transform::new(GROUP, 14, None)];
    let proposal = |number, protocol, spi: &[u8]| Proposal {
        number,
        protocol,
        spi: spi.to_vec(),
        transforms: transforms.clone(),
    };
    vec![
        Payload::SecurityAssociation(vec![
            proposal(1, PROTOCOL_IKE, &[]),
            proposal(2, PROTOCOL_ESP, &[1, 2, 3, 4]),
        ]),
        Payload::KeyExchange { group: 31, value: vec![7; 32] },
        Payload::IdInitiator(vec![1, 0, 0, 0, 10, 0, 0, 1]),
        Payload::IdResponder(vec![2, 0, 0, 0, b'a']),
        Payload::Auth { method: 2, value: vec![3; 20] },
        Payload::Nonce(vec![5; 32]),
        Payload::Notify(Notify::new(NotifyKind::Cookie, &[1, 2, 3])),
        Payload::Notify(Notify::about_child(NotifyKind::RekeySa, 0x1234_5678)),
        Payload::Delete(Delete::Esp(vec![1, 2])),
        Payload::Delete(Delete::Ike),
        Payload::TsInitiator(vec![Selector::range([10, 0, 0, 0].into(), [10, 0, 0, 255].into())]),
        Payload::TsResponder(vec![Selector::Ipv4 {
            protocol: 6,
            ports: (80, 81),
            start: [0, 0, 0, 0].into(),
            end: [255, 255, 255, 255].into(),
        }]),
    ]
}

#[test]
fn what_is_written_is_what_is_read() {
    let message = write_plain(&header(), &one_of_each());
    assert_eq!(parse_plain(&message), Ok((header(), one_of_each())));
}

#[test]
fn a_header_is_as_the_rfc_draws_it() {
    let message = write_plain(&header(), &[]);
    let expected =
        [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0x20, 34, 0x08, 0, 0, 0, 7, 0, 0, 0, 28];
    assert_eq!(message, expected);
}

#[test]
fn every_truncation_is_an_error() {
    let message = write_plain(&header(), &one_of_each());
    for length in 0..message.len() {
        assert!(parse_plain(&message[..length]).is_err(), "{length} bytes");
        let mut cut = message[..length].to_vec();
        if length >= HEADER_BYTES {
            cut[24..28].copy_from_slice(&(length as u32).to_be_bytes());
            if length > HEADER_BYTES {
                assert!(parse_plain(&cut).is_err(), "{length} bytes that say so");
            }
        }
    }
}

#[test]
fn no_bytes_make_the_reader_panic() {
    let mut random = SeededRandom::new(1);
    let message = write_plain(&header(), &one_of_each());
    for _ in 0..20_000 {
        let mut dice = [0; 8];
        random.fill(&mut dice);
        let mut bytes = message.clone();
        for at in dice.chunks(2) {
            let at = usize::from(u16::from_be_bytes([at[0], at[1]]));
            let len = bytes.len();
            bytes[HEADER_BYTES + at % (len - HEADER_BYTES)] = dice[0] ^ dice[7];
        }
        let _ = parse_plain(&bytes).map(|(_, payloads)| Contents::of(payloads).map(drop));
        let mut noise = vec![0; usize::from(dice[1])];
        random.fill(&mut noise);
        let _ = parse_payloads(dice[0] % 60, &noise);
    }
}

#[test]
fn an_unknown_payload_is_skipped_unless_it_is_critical() {
    let payload = |critical: u8| [&[0, critical, 0, 6, 1, 2], &[] as &[u8]].concat();
    assert_eq!(parse_payloads(200, &payload(0)), Ok(vec![Payload::Unused(200)]));
    assert_eq!(parse_payloads(200, &payload(0x80)), Err(MessageError::UnsupportedCritical(200)));
    // A vendor id is known, so that the flag does not count.
    assert_eq!(parse_payloads(43, &payload(0x80)), Ok(vec![Payload::Unused(43)]));
}

#[test]
fn other_versions_are_told_apart_from_nonsense() {
    let mut message = write_plain(&header(), &[]);
    message[17] = 0x10;
    assert_eq!(Header::parse(&message).map(drop), Err(MessageError::Version(1)));
    message[17] = 0x30;
    assert_eq!(Header::parse(&message).map(drop), Err(MessageError::Version(3)));
    message[17] = 0x2f;
    assert!(Header::parse(&message).is_ok(), "minor versions do not count");
}

#[test]
fn lengths_that_contradict_each_other_are_errors() {
    let long = [0, 0, 0, 200, 1, 2, 3, 4];
    let short = [0, 0, 0, 3];
    let trailing = [0, 0, 0, 4, 9];
    for bytes in [long.as_slice(), &short, &trailing] {
        assert!(matches!(parse_payloads(43, bytes), Err(MessageError::Syntax(_))));
    }
    let nonce = |length: usize| parse_payloads(40, &write_payloads(&[Payload::Nonce(vec![0; length])]).1);
    assert!(nonce(15).is_err() && nonce(16).is_ok() && nonce(256).is_ok() && nonce(257).is_err());
}

#[test]
fn there_are_bounds_on_how_much_a_message_may_hold() {
    let many = vec![Payload::Notify(Notify::new(NotifyKind::Cookie, &[])); 129];
    let (first, bytes) = write_payloads(&many);
    assert_eq!(parse_payloads(first, &bytes), Err(MessageError::Syntax("too many payloads")));
    let proposal = Proposal { number: 1, protocol: PROTOCOL_IKE, spi: Vec::new(), transforms: Vec::new() };
    let (first, bytes) = write_payloads(&[Payload::SecurityAssociation(vec![proposal; 129])]);
    assert_eq!(parse_payloads(first, &bytes), Err(MessageError::Syntax("too many proposals")));
}

#[test]
fn of_most_payloads_there_is_only_one() {
    let nonce = Payload::Nonce(vec![0; 32]);
    assert!(Contents::of(vec![nonce.clone()]).is_ok());
    assert!(Contents::of(vec![nonce.clone(), nonce]).is_err());
}

#[test]
fn a_transform_with_an_attribute_that_we_do_not_know_is_marked() {
    // A proposal with one transform, AES with the key length and then an attribute of type 99 in the long form.
    let transform = [0, 0, 0, 18, 1, 0, 0, 12, 0x80, 14, 0, 128, 0, 99, 0, 2, 1, 2];
    let proposal = [&[0, 0, 0, 26, 1, 1, 0, 1], transform.as_slice()].concat();
    let payload = [&[0, 0, 0, 30], proposal.as_slice()].concat();
    let payloads = parse_payloads(33, &payload).expect("the payload can be read");
    let [Payload::SecurityAssociation(proposals)] = payloads.as_slice() else { panic!("it is one payload") };
    assert_eq!(proposals[0].transforms[0].key_bits, Some(128));
    assert!(proposals[0].transforms[0].unknown_attribute);
}
