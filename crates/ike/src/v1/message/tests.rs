use causeway_crypto::{Random, SeededRandom};

use super::association::{self, PROTOCOL_ESP, PROTOCOL_ISAKMP, Proposal, Transform};
use super::attribute::{self, Attribute};
use super::contents::Contents;
use super::notify::{Delete, Notify, R_U_THERE};
use super::{
    ExchangeType, HASH, HEADER_BYTES, Header, IDENTIFICATION, KEY_EXCHANGE, Malformed, NAT_D, NONCE, Payload,
    SA, VENDOR_ID, parse_chain, write_chain, write_plain,
};

fn header() -> Header {
    Header {
        cookie_initiator: 0x0102_0304_0506_0708,
        cookie_responder: 9,
        exchange: ExchangeType::Main,
        encrypted: false,
        id: 0,
    }
}

fn transform(number: u8) -> Transform {
    let mut raw = Vec::new();
    attribute::write(1, 7, &mut raw);
    attribute::write(12, 86_400, &mut raw);
    let attributes = vec![Attribute { kind: 1, value: Some(7) }, Attribute { kind: 12, value: Some(86_400) }];
    Transform { number, id: 1, attributes, raw }
}

fn proposals() -> Vec<Proposal> {
    let transforms = vec![transform(1), transform(2)];
    vec![
        Proposal { number: 1, protocol: PROTOCOL_ISAKMP, spi: Vec::new(), transforms: transforms.clone() },
        Proposal { number: 2, protocol: PROTOCOL_ESP, spi: vec![1, 2, 3, 4], transforms },
    ]
}

fn one_of_each() -> Vec<Payload> {
    vec![
        Payload::new(HASH, vec![3; 20]),
        Payload::new(SA, association::write(&proposals())),
        Payload::new(KEY_EXCHANGE, vec![7; 32]),
        Payload::new(NONCE, vec![5; 32]),
        Payload::new(IDENTIFICATION, vec![1, 0, 0, 0, 10, 0, 0, 1]),
        Payload::new(VENDOR_ID, vec![]),
        Payload::new(NAT_D, vec![1; 20]),
        Notify::about_isakmp(R_U_THERE, (1, 2), &[0, 0, 0, 9]).payload(),
        Delete::Esp(vec![1, 2]).payload(),
        Delete::Isakmp(vec![(1, 2)]).payload(),
        Payload::new(77, vec![0; 5]),
    ]
}

fn read(message: &[u8]) -> Result<(Header, Contents), Malformed> {
    let (header, first, body) = Header::parse(message)?;
    Ok((header, Contents::of(parse_chain(first, body)?)?))
}

#[test]
fn what_is_written_is_what_is_read() {
    let (header, contents) = read(&write_plain(&header(), &one_of_each())).expect("it is well-formed");
    assert_eq!(header, self::header());
    assert!(contents.hash_is_first);
    assert_eq!(contents.sa.as_deref().map(association::parse), Some(Ok(proposals())));
    assert_eq!(contents.notifies, [Notify::about_isakmp(R_U_THERE, (1, 2), &[0, 0, 0, 9])]);
    assert_eq!(contents.notifies[0].sequence(), Some(9));
    assert_eq!(contents.deletes, [Delete::Esp(vec![1, 2]), Delete::Isakmp(vec![(1, 2)])]);
    assert_eq!((contents.vendor_ids.len(), contents.nat_d.len(), contents.ids.len()), (1, 1, 1));
}

#[test]
fn any_chain_of_payloads_survives_the_wire_with_padding_after_it() {
    let mut dice = SeededRandom::new(1);
    for _ in 0..2_000 {
        let mut draw = [0; 4];
        dice.fill(&mut draw);
        let payloads: Vec<Payload> = (0..draw[0] % 20)
            .map(|_| {
                let mut fixed = [0; 2];
                dice.fill(&mut fixed);
                let mut body = vec![0; usize::from(fixed[1])];
                dice.fill(&mut body);
                Payload::new(fixed[0].max(1), body)
            })
            .collect();
        let (first, mut bytes) = write_chain(&payloads);
        bytes.resize(bytes.len() + usize::from(draw[1] % 16), 0);
        assert_eq!(parse_chain(first, &bytes), Ok(payloads));
    }
}

#[test]
fn every_truncation_is_an_error_and_no_change_of_a_byte_is_a_panic() {
    let message = write_plain(&header(), &one_of_each());
    for length in 0..message.len() {
        assert!(read(&message[..length]).is_err(), "{length} bytes");
    }
    for at in 0..message.len() {
        for bit in 0..8 {
            let mut changed = message.clone();
            changed[at] ^= 1 << bit;
            if let Ok((_, contents)) = read(&changed) {
                let _ = contents.sa.as_deref().map(association::parse);
            }
        }
    }
}

#[test]
fn random_bytes_are_no_panic() {
    let mut dice = SeededRandom::new(2);
    for _ in 0..20_000 {
        let mut head = [0; 2];
        dice.fill(&mut head);
        let mut bytes = vec![0; usize::from(head[0])];
        dice.fill(&mut bytes);
        let _ = parse_chain(head[1], &bytes).map(Contents::of);
        let _ = association::parse(&bytes);
        let _ = attribute::parse(&bytes);
        let _ = Notify::parse(&bytes);
        let _ = Delete::parse(&bytes);
    }
}

#[test]
fn hostile_messages_are_refused_for_what_they_are() {
    let chain = |payloads: &[Payload]| {
        let (first, bytes) = write_chain(payloads);
        parse_chain(first, &bytes).and_then(Contents::of).map(drop)
    };
    let many = vec![Payload::new(VENDOR_ID, vec![]); 65];
    let cases: [(&str, Result<(), Malformed>); 8] = [
        ("too many payloads", chain(&many)),
        ("a payload is shorter than its header", parse_chain(SA, &[0, 0, 0, 3]).map(drop)),
        ("a payload goes beyond the end", parse_chain(SA, &[0, 0, 0xff, 0xff]).map(drop)),
        ("a nonce of a length that is not allowed", chain(&[Payload::new(NONCE, vec![0; 7])])),
        ("a nonce of a length that is not allowed", chain(&[Payload::new(NONCE, vec![0; 257])])),
        (
            "a Delete payload is shorter than its fields",
            Delete::parse(&[0, 0, 0, 1, 3, 4, 0xff, 0xff, 0, 0, 0, 1]).map(drop),
        ),
        ("too many SPIs", Delete::parse(&[&[0, 0, 0, 1, 3, 0, 0xff, 0xff][..], &[0; 9]].concat()).map(drop)),
        ("a notification is shorter than its fields", Notify::parse(&[0, 0, 0, 1, 1, 255, 0, 1]).map(drop)),
    ];
    for (text, result) in cases {
        assert_eq!(result, Err(Malformed(text)));
    }
}

#[test]
fn a_payload_that_names_itself_as_the_next_one_ends_with_the_message() {
    // 200 payloads of four bytes, each saying that another of the same kind follows.
    let bytes: Vec<u8> = [SA, 0, 0, 4].repeat(200);
    assert_eq!(parse_chain(SA, &bytes), Err(Malformed("too many payloads")));
    assert_eq!(parse_chain(SA, &bytes[..40]), Err(Malformed("a payload goes beyond the end")));
}

#[test]
fn hostile_proposals_are_refused_for_what_they_are() {
    let body = association::write(&proposals());
    let with = |at: usize, value: u8| {
        let mut body = body.clone();
        body[at] = value;
        association::parse(&body).map(drop)
    };
    let cases = [
        ("a security association of another domain of interpretation", with(3, 2)),
        ("a security association with labels", with(7, 2)),
        ("a proposal is shorter than its fields", with(14, 255)),
        ("a proposal without a transform", with(15, 0)),
        ("a payload is shorter than its header", with(11, 0)),
        ("a payload goes beyond the end", with(10, 255)),
    ];
    for (text, result) in cases {
        assert_eq!(result, Err(Malformed(text)));
    }
    let one = Proposal { transforms: vec![transform(1); 200], ..proposals().remove(0) };
    let many = association::write(&[one.clone(), one]);
    assert_eq!(association::parse(&many), Err(Malformed("too many transforms")));
    let attributes = [0x80, 1, 0, 1].repeat(33);
    assert_eq!(attribute::parse(&attributes), Err(Malformed("too many attributes")));
    assert_eq!(attribute::parse(&[0, 1, 0, 9, 1]), Err(Malformed("an attribute goes beyond the end")));
}

#[test]
fn a_lifetime_counts_only_in_seconds_and_in_any_length() {
    let attributes = |bytes: &[u8]| attribute::parse(bytes).expect("well-formed");
    let kilobytes_then_seconds = [0x80, 1, 0, 2, 0x80, 2, 0, 9, 0x80, 1, 0, 1, 0, 2, 0, 4, 0, 0, 0x0e, 0x10];
    assert_eq!(attribute::seconds(&attributes(&kilobytes_then_seconds), 1, 2), Some(3_600));
    assert_eq!(attribute::seconds(&attributes(&kilobytes_then_seconds[..8]), 1, 2), None);
    let long = [&[0x80, 1, 0, 1, 0, 2, 0, 12][..], &[0; 10], &[0x0e, 0x10]].concat();
    assert_eq!(attribute::seconds(&attributes(&long), 1, 2), Some(3_600));
    let longer = [&[0x80, 1, 0, 1, 0, 2, 0, 9][..], &[1; 9]].concat();
    assert_eq!(attribute::seconds(&attributes(&longer), 1, 2), None);
}

#[test]
fn another_version_and_lengths_that_are_not_true_are_refused() {
    let message = write_plain(&header(), &one_of_each());
    let with = |at: usize, value: u8| {
        let mut message = message.clone();
        message[at] = value;
        Header::parse(&message).map(drop)
    };
    assert_eq!(with(17, 0x20), Err(Malformed("another version")));
    assert_eq!(with(17, 0x11), Ok(()), "a minor version is nothing to us");
    assert_eq!(with(24, 1), Err(Malformed("its length is not the length it states")));
    let mut short = message.clone();
    short[24..28].copy_from_slice(&27_u32.to_be_bytes());
    assert!(Header::parse(&short).is_err());
    let longer = [&message[..], &[0; 9]].concat();
    let (_, _, body) = Header::parse(&longer).expect("what comes after is not part of it");
    assert_eq!(body.len(), message.len() - HEADER_BYTES);
}
