//! Two ends of a tunnel: what one seals the other opens, once.
#![allow(clippy::unwrap_used, reason = "a test panics when something is wrong, its functions too")]

use causeway_crypto::{Encryption, Integrity, Protection};
use causeway_esp::{
    DropReason, InboundSa, NEXT_HEADER_IPV4, NEXT_HEADER_IPV6, NEXT_HEADER_NONE, OutboundSa, ReplayWindow,
    SealError, SequenceNumbers, Traffic, spi_of,
};

const SPI: u32 = 0xc0ff_ee01;

fn suites() -> Vec<(Encryption, Option<Integrity>)> {
    let mut suites = Vec::new();
    for encryption in Encryption::ALL {
        if encryption.is_aead() {
            suites.push((encryption, None));
        } else {
            suites.extend(Integrity::ALL.map(|integrity| (encryption, Some(integrity))));
        }
    }
    suites
}

fn protection(encryption: Encryption, integrity: Option<Integrity>) -> Protection {
    let encryption_key: Vec<u8> = (1..).take(encryption.key_material_len()).collect();
    let integrity_key: Vec<u8> = (101..).take(integrity.map_or(0, Integrity::key_len)).collect();
    Protection::new(encryption, integrity, &encryption_key, &integrity_key).unwrap()
}

fn gcm() -> Protection {
    protection(Encryption::Aes128Gcm16, None)
}

fn outbound(protection: Protection) -> OutboundSa {
    OutboundSa::new(SPI, protection, SequenceNumbers::Standard)
}

fn inbound(protection: Protection) -> InboundSa {
    InboundSa::new(SPI, protection, ReplayWindow::default())
}

/// An IPv4 packet of `len` bytes that says so.
fn ipv4(len: u16) -> Vec<u8> {
    let mut packet: Vec<u8> = (0..=255).cycle().take(usize::from(len)).collect();
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet
}

/// An IPv6 packet of `len` bytes that says so.
fn ipv6(len: u16) -> Vec<u8> {
    let mut packet: Vec<u8> = (0..=255).cycle().take(usize::from(len)).collect();
    packet[0] = 0x60;
    packet[4..6].copy_from_slice(&(len - 40).to_be_bytes());
    packet
}

fn sealed(sa: &OutboundSa, inner: &[u8], next_header: u8) -> Vec<u8> {
    let mut packet = Vec::new();
    sa.seal(inner, next_header, &mut packet).unwrap();
    packet
}

#[test]
fn every_length_goes_through_with_every_pair_of_algorithms() {
    for (encryption, integrity) in suites() {
        let out = outbound(protection(encryption, integrity));
        let into = inbound(protection(encryption, integrity));
        for len in (20..60).chain([576, 1_400, 1_500, 9_000, 65_535]) {
            let inner = ipv4(len);
            let mut packet = sealed(&out, &inner, NEXT_HEADER_IPV4);
            assert_eq!(packet.len(), out.sealed_len(inner.len()));
            assert_eq!(spi_of(&packet), Some(SPI));
            let opened = into.open(&mut packet).unwrap();
            assert_eq!(opened.next_header, NEXT_HEADER_IPV4);
            assert_eq!(packet[opened.range], inner, "{encryption:?} {integrity:?} {len}");
        }
    }
}

#[test]
fn an_ipv6_packet_goes_through() {
    let mut packet = sealed(&outbound(gcm()), &ipv6(123), NEXT_HEADER_IPV6);
    let opened = inbound(gcm()).open(&mut packet).unwrap();
    assert_eq!((&packet[opened.range], opened.next_header), (&ipv6(123)[..], NEXT_HEADER_IPV6));
}

#[test]
fn the_longest_inner_packet_for_a_length_fits_and_one_byte_more_does_not() {
    for (encryption, integrity) in suites() {
        let sa = outbound(protection(encryption, integrity));
        for limit in 100..1_600 {
            let longest = sa.inner_len(limit);
            assert!(sa.sealed_len(longest) <= limit);
            assert!(sa.sealed_len(longest + 1) > limit);
        }
        assert_eq!(sa.inner_len(10), 0);
    }
}

#[test]
fn sealing_in_place_gives_the_same_packet_as_sealing_into_a_buffer() {
    for (encryption, integrity) in suites() {
        let inner = ipv4(101);
        let expected = sealed(&outbound(protection(encryption, integrity)), &inner, NEXT_HEADER_IPV4);
        let sa = outbound(protection(encryption, integrity));
        let (before, after) = (sa.headroom() + 5, sa.tailroom(inner.len()) + 5);
        let mut buffer = [vec![0xee; before], inner.clone(), vec![0xee; after]].concat();
        let at = before..before + inner.len();
        let range = sa.seal_in_place(&mut buffer, at, NEXT_HEADER_IPV4).unwrap();
        assert_eq!(buffer[range.clone()], expected);
        assert_eq!((range.start, range.end), (5, buffer.len() - 5));
        assert_eq!((&buffer[..5], &buffer[buffer.len() - 5..]), (&[0xee; 5][..], &[0xee; 5][..]));
    }
}

#[test]
fn a_buffer_without_enough_room_is_refused_untouched_and_costs_no_number() {
    let sa = outbound(gcm());
    let (headroom, tailroom) = (sa.headroom(), sa.tailroom(40));
    let mut buffer = vec![7; headroom + 40 + tailroom];
    let backwards = std::ops::Range { start: headroom + 1, end: headroom };
    let too_far = headroom..usize::MAX;
    for at in [headroom - 1..headroom + 39, headroom + 1..headroom + 41, 0..40, backwards, too_far] {
        assert_eq!(sa.seal_in_place(&mut buffer, at, NEXT_HEADER_IPV4), Err(SealError::NoRoom));
    }
    assert!(buffer.iter().all(|byte| *byte == 7));
    assert_eq!((sa.sequence(), sa.traffic()), (0, Traffic::default()));
    sa.seal_in_place(&mut buffer, headroom..headroom + 40, NEXT_HEADER_IPV4).unwrap();
}

#[test]
fn packets_are_appended_so_that_equal_ones_make_a_batch() {
    let (out, into) = (outbound(gcm()), inbound(gcm()));
    let mut batch = Vec::new();
    for _ in 0..3 {
        out.seal(&ipv4(100), NEXT_HEADER_IPV4, &mut batch).unwrap();
    }
    let each = out.sealed_len(100);
    assert_eq!(batch.len(), 3 * each);
    for packet in batch.chunks_mut(each) {
        let opened = into.open(packet).unwrap();
        assert_eq!(packet[opened.range], ipv4(100));
    }
}

#[test]
fn a_buffer_with_room_is_not_moved() {
    for (encryption, integrity) in suites() {
        let sa = outbound(protection(encryption, integrity));
        let mut buffer = Vec::with_capacity(sa.sealed_len(1_400));
        let at = buffer.as_ptr();
        sa.seal(&ipv4(1_400), NEXT_HEADER_IPV4, &mut buffer).unwrap();
        assert_eq!(buffer.as_ptr(), at);
    }
}

#[test]
fn sequence_numbers_begin_with_one_and_go_up() {
    let sa = outbound(gcm());
    for expected in 1..=3_u32 {
        let packet = sealed(&sa, &ipv4(40), NEXT_HEADER_IPV4);
        assert_eq!(packet[4..8], expected.to_be_bytes());
        assert_eq!(sa.sequence(), u64::from(expected));
    }
}

#[test]
fn the_last_sequence_number_is_used_and_none_after_it() {
    for numbers in [SequenceNumbers::Standard, SequenceNumbers::Extended] {
        let sa = OutboundSa::starting_after(SPI, gcm(), numbers, numbers.last() - 1);
        let mut packet = sealed(&sa, &ipv4(40), NEXT_HEADER_IPV4);
        assert_eq!(packet[4..8], [0xff; 4]);
        let before = packet.clone();
        for _ in 0..3 {
            let refused = sa.seal(&ipv4(40), NEXT_HEADER_IPV4, &mut packet);
            assert_eq!(refused, Err(SealError::SequenceExhausted));
        }
        let mut buffer = vec![0; 200];
        let refused = sa.seal_in_place(&mut buffer, 50..90, NEXT_HEADER_IPV4);
        assert_eq!(refused, Err(SealError::SequenceExhausted));
        assert_eq!(packet, before);
        assert_eq!(sa.traffic().packets, 1);
    }
}

#[test]
fn an_association_carries_its_last_packet_and_then_none_in_either_direction() {
    for most in [Traffic { packets: 10, bytes: u64::MAX }, Traffic { packets: u64::MAX, bytes: 10 * 40 }] {
        let (out, into) = (outbound(gcm()).within(most), inbound(gcm()).within(most));
        let unbounded = outbound(gcm());
        for sent in 0..10 {
            assert_eq!((out.is_worn(), out.is_over(), into.is_worn()), (sent >= 5, false, sent >= 5));
            into.open(&mut sealed(&out, &ipv4(40), NEXT_HEADER_IPV4)).unwrap();
            sealed(&unbounded, &ipv4(40), NEXT_HEADER_IPV4);
        }
        assert!(out.is_worn() && out.is_over() && into.is_worn());
        let mut packet = Vec::new();
        assert_eq!(out.seal(&ipv4(40), NEXT_HEADER_IPV4, &mut packet), Err(SealError::LifetimeOver));
        assert_eq!((packet.len(), out.sequence()), (0, 10));
        // A peer that goes on is not listened to.
        let mut further = sealed(&unbounded, &ipv4(40), NEXT_HEADER_IPV4);
        assert_eq!(into.open(&mut further), Err(DropReason::LifetimeOver));
        assert_eq!((into.traffic().packets, into.dropped(DropReason::LifetimeOver)), (10, 1));
    }
}

/// Otherwise anybody could wear out an association.
#[test]
fn packets_that_are_not_authentic_or_replayed_wear_nothing_out() {
    let (out, into) = (outbound(gcm()), inbound(gcm()).within(Traffic { packets: 4, bytes: u64::MAX }));
    let first = sealed(&out, &ipv4(40), NEXT_HEADER_IPV4);
    into.open(&mut first.clone()).unwrap();
    for _ in 0..10 {
        assert_eq!(into.open(&mut first.clone()), Err(DropReason::Replayed));
        let mut forged = sealed(&out, &ipv4(40), NEXT_HEADER_IPV4);
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(into.open(&mut forged), Err(DropReason::NotAuthentic));
    }
    assert!(!into.is_worn());
    assert!(into.open(&mut sealed(&out, &ipv4(40), NEXT_HEADER_IPV4)).is_ok());
}

#[test]
fn an_association_is_worn_long_before_its_sequence_numbers_end() {
    let at = |sequence| OutboundSa::starting_after(SPI, gcm(), SequenceNumbers::Standard, sequence);
    assert!(!at(0x7fff_fffe).is_worn());
    assert!(at(0x7fff_ffff).is_worn() && !at(0xffff_fffe).is_over());
    assert!(at(0xffff_ffff).is_over());
}

#[test]
fn no_two_threads_get_the_same_sequence_number() {
    let sa = outbound(gcm());
    let mut all: Vec<u32> = std::thread::scope(|scope| {
        let seal_some = || {
            (0..2_000).map(|_| {
                let packet = sealed(&sa, &ipv4(40), NEXT_HEADER_IPV4);
                u32::from_be_bytes(packet[4..8].try_into().unwrap())
            })
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || seal_some().collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_unstable();
    assert_eq!(all, (1..=8_000).collect::<Vec<_>>());
    assert_eq!(sa.traffic(), Traffic { packets: 8_000, bytes: 320_000 });
}

#[test]
fn a_replayed_packet_is_dropped_and_a_late_one_is_not() {
    let (out, into) = (outbound(gcm()), inbound(gcm()));
    let packets: Vec<_> = (0..3).map(|_| sealed(&out, &ipv4(40), NEXT_HEADER_IPV4)).collect();
    assert!(into.open(&mut packets[2].clone()).is_ok());
    assert!(into.open(&mut packets[0].clone()).is_ok());
    assert_eq!(into.open(&mut packets[0].clone()), Err(DropReason::Replayed));
    assert_eq!(into.open(&mut packets[2].clone()), Err(DropReason::Replayed));
    assert!(into.open(&mut packets[1].clone()).is_ok());
    assert_eq!(into.traffic(), Traffic { packets: 3, bytes: 120 });
    assert_eq!(into.dropped(DropReason::Replayed), 2);
    assert_eq!(into.dropped(DropReason::TooOld), 0);
    assert_eq!(into.sequence(), 3);
}

#[test]
fn a_packet_left_of_the_window_is_dropped() {
    let (out, into) = (outbound(gcm()), inbound(gcm()));
    let mut first = sealed(&out, &ipv4(40), NEXT_HEADER_IPV4);
    for _ in 0..ReplayWindow::DEFAULT_SIZE {
        into.open(&mut sealed(&out, &ipv4(40), NEXT_HEADER_IPV4)).unwrap();
    }
    assert_eq!(into.open(&mut first), Err(DropReason::TooOld));
}

/// Otherwise anybody could move the window ahead and have the peer's packets dropped.
#[test]
fn a_forged_packet_does_not_move_the_window() {
    let (out, into) = (outbound(gcm()), inbound(gcm()));
    let genuine = sealed(&out, &ipv4(40), NEXT_HEADER_IPV4);
    let mut forged = genuine.clone();
    forged[4..8].copy_from_slice(&[0xff; 4]);
    assert_eq!(into.open(&mut forged), Err(DropReason::NotAuthentic));
    let mut forged = genuine.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(into.open(&mut forged), Err(DropReason::NotAuthentic));
    assert!(into.open(&mut genuine.clone()).is_ok());
    assert_eq!(into.dropped(DropReason::NotAuthentic), 2);
}

#[test]
fn extended_sequence_numbers_go_on_where_the_low_half_wraps() {
    for (encryption, integrity) in suites() {
        let numbers = SequenceNumbers::Extended;
        let start = u64::from(u32::MAX) - 3;
        let out = OutboundSa::starting_after(SPI, protection(encryption, integrity), numbers, start);
        let window = ReplayWindow::new(1_024, numbers);
        window.accept(start).unwrap();
        let into = InboundSa::new(SPI, protection(encryption, integrity), window);
        let packets: Vec<_> = (0..6).map(|_| sealed(&out, &ipv4(40), NEXT_HEADER_IPV4)).collect();
        assert_eq!(packets[3][4..8], [0; 4]);
        // Both late and early ones on either side of the wrap.
        for index in [0, 4, 1, 5, 3, 2] {
            let opened = into.open(&mut packets[index].clone());
            assert!(opened.is_ok(), "{encryption:?} {integrity:?} {index} {opened:?}");
            assert_eq!(into.open(&mut packets[index].clone()), Err(DropReason::Replayed));
        }
        assert_eq!(into.sequence(), (1 << 32) + 2);
    }
}

#[test]
fn one_end_with_extended_numbers_and_one_without_do_not_understand_each_other() {
    let out = OutboundSa::new(SPI, gcm(), SequenceNumbers::Extended);
    let mut packet = sealed(&out, &ipv4(40), NEXT_HEADER_IPV4);
    assert_eq!(inbound(gcm()).open(&mut packet), Err(DropReason::NotAuthentic));
}

#[test]
fn a_packet_of_another_association_is_dropped() {
    let other = OutboundSa::new(SPI + 1, gcm(), SequenceNumbers::Standard);
    let mut packet = sealed(&other, &ipv4(40), NEXT_HEADER_IPV4);
    assert_eq!(inbound(gcm()).open(&mut packet), Err(DropReason::OtherSpi));
}

#[test]
fn a_dummy_packet_is_reported_and_takes_its_place_in_the_window() {
    let (out, into) = (outbound(gcm()), inbound(gcm()));
    let packet = sealed(&out, &[0; 77], NEXT_HEADER_NONE);
    assert_eq!(into.open(&mut packet.clone()), Err(DropReason::Dummy));
    assert_eq!(into.open(&mut packet.clone()), Err(DropReason::Replayed));
    assert_eq!((into.traffic(), into.dropped(DropReason::Dummy)), (Traffic::default(), 1));
    let empty = sealed(&out, &[], NEXT_HEADER_NONE);
    assert_eq!(into.open(&mut empty.clone()), Err(DropReason::Dummy));
}

/// RFC 4303 section 2.7.
#[test]
fn traffic_flow_confidentiality_padding_is_taken_off() {
    let (out, into) = (outbound(gcm()), inbound(gcm()));
    for (inner, next_header) in [(ipv4(50), NEXT_HEADER_IPV4), (ipv6(50), NEXT_HEADER_IPV6)] {
        let padded = [inner.clone(), vec![0; 700]].concat();
        let mut packet = sealed(&out, &padded, next_header);
        let opened = into.open(&mut packet).unwrap();
        assert_eq!(packet[opened.range], inner);
    }
}

#[test]
fn what_is_no_tunnel_mode_packet_is_dropped() {
    let (out, into) = (outbound(gcm()), inbound(gcm()));
    for next_header in
        (0..=255).filter(|it| ![NEXT_HEADER_IPV4, NEXT_HEADER_IPV6, NEXT_HEADER_NONE].contains(it))
    {
        let mut packet = sealed(&out, &ipv4(40), next_header);
        assert_eq!(into.open(&mut packet), Err(DropReason::NotTunnel));
    }
}

#[test]
fn an_inner_packet_that_contradicts_itself_is_dropped() {
    let (out, into) = (outbound(gcm()), inbound(gcm()));
    let mut longer_than_it_is = ipv4(40);
    longer_than_it_is[3] = 41;
    let mut shorter_than_its_header = ipv4(40);
    shorter_than_its_header[3] = 19;
    let malformed = [
        (longer_than_it_is, NEXT_HEADER_IPV4),
        (shorter_than_its_header, NEXT_HEADER_IPV4),
        (ipv4(40)[..19].to_vec(), NEXT_HEADER_IPV4),
        (vec![], NEXT_HEADER_IPV4),
        (vec![0x45, 0, 0], NEXT_HEADER_IPV4),
        (ipv6(60), NEXT_HEADER_IPV4),
        (ipv4(60), NEXT_HEADER_IPV6),
        (ipv6(60)[..59].to_vec(), NEXT_HEADER_IPV6),
        (ipv6(60)[..39].to_vec(), NEXT_HEADER_IPV6),
        (vec![], NEXT_HEADER_IPV6),
    ];
    for (inner, next_header) in malformed {
        let mut packet = sealed(&out, &inner, next_header);
        assert_eq!(into.open(&mut packet), Err(DropReason::MalformedInner), "{inner:?}");
    }
}

#[test]
fn padding_that_does_not_count_up_is_dropped() {
    let into = inbound(gcm());
    for (sequence, trailer) in [(1, [1, 2, 4, 3, 4]), (2, [0, 0, 0, 3, 4]), (3, [1, 2, 3, 200, 4])] {
        let payload = [&ipv4(43)[..], &trailer].concat();
        let mut packet = [&SPI.to_be_bytes()[..], &[0, 0, 0, sequence], &[0; 8], &payload, &[0; 16]].concat();
        gcm().seal(8, &mut packet, u64::from(sequence), None);
        assert_eq!(into.open(&mut packet), Err(DropReason::MalformedPadding));
    }
    assert_eq!(into.dropped(DropReason::MalformedPadding), 3);
}

#[test]
fn several_threads_open_every_packet_exactly_once() {
    let (out, into) = (outbound(gcm()), inbound(gcm()));
    let packets: Vec<_> = (0..2_000).map(|_| sealed(&out, &ipv4(100), NEXT_HEADER_IPV4)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for packet in &packets {
                    let mut packet = packet.clone();
                    if let Ok(opened) = into.open(&mut packet) {
                        assert_eq!(packet[opened.range], ipv4(100));
                    }
                }
            });
        }
    });
    assert_eq!(into.traffic(), Traffic { packets: 2_000, bytes: 200_000 });
    assert_eq!(into.dropped(DropReason::Replayed) + into.dropped(DropReason::TooOld), 6_000);
}

#[test]
fn every_reason_has_a_name_and_a_counter_of_its_own() {
    let names: std::collections::BTreeSet<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(names.len(), DropReason::ALL.len());
    for (index, reason) in DropReason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, index);
    }
}
