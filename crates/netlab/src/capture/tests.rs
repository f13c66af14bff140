//! Frames made by hand, and what a capture thinks of them.

use std::time::SystemTime;

use super::{CaptureOptions, Captured, Class};
use crate::MARKER;

const OUTER: [[u8; 4]; 2] = [[203, 0, 113, 1], [203, 0, 113, 10]];
const INNER: [[u8; 4]; 2] = [[10, 1, 0, 2], [10, 2, 0, 2]];

fn ipv4([source, destination]: [[u8; 4]; 2], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, protocol, 0, 0];
    packet.extend(source);
    packet.extend(destination);
    packet.extend(payload);
    packet
}

fn ethernet(ethertype: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(packet);
    frame
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = port.to_be_bytes().to_vec();
    datagram.extend(port.to_be_bytes());
    datagram.extend([0; 4]);
    datagram.extend(payload);
    datagram
}

fn note(frame: &[u8]) -> Captured {
    let inner = vec!["10.1.0.0/24".parse().unwrap(), "10.2.0.0/24".parse().unwrap()];
    let mut captured = Captured::default();
    captured.note(frame, SystemTime::UNIX_EPOCH, &CaptureOptions { inner, ..CaptureOptions::default() });
    captured
}

fn class_of(protocol: u8, payload: &[u8]) -> Class {
    let captured = note(&ethernet(0x0800, &ipv4(OUTER, protocol, payload)));
    assert_eq!(captured.total(), 1);
    assert_eq!(captured.clear_text_packets, 0);
    *captured.frames.keys().next().unwrap()
}

#[test]
fn each_kind_of_outer_packet_is_told_from_the_others() {
    assert_eq!(class_of(17, &udp(4500, &[1, 2, 3, 4, 0, 0, 0, 1])), Class::EspInUdp);
    assert_eq!(class_of(17, &udp(4500, &[0, 0, 0, 0, 9, 9])), Class::IkeNatTraversal);
    assert_eq!(class_of(17, &udp(4500, &[0xff])), Class::NatKeepalive);
    assert_eq!(class_of(17, &udp(500, &[9; 28])), Class::Ike);
    assert_eq!(class_of(17, &udp(53, &[9; 28])), Class::Udp);
    assert_eq!(class_of(50, &[1, 2, 3, 4]), Class::Esp);
    assert_eq!(class_of(1, &[8, 0]), Class::Icmp);
    assert_eq!(class_of(1, &[11, 0]), Class::IcmpError);
    assert_eq!(class_of(6, &[0; 20]), Class::Tcp);
    assert_eq!(class_of(47, &[0; 20]), Class::OtherIpv4);
}

#[test]
fn a_packet_with_an_inner_address_is_clear_text() {
    let captured = note(&ethernet(0x0800, &ipv4(INNER, 1, &[8, 0, 0, 0])));
    assert_eq!(captured.clear_text_packets, 1);
    assert_eq!(captured.leaks[0].source, Some(INNER[0].into()));
    assert_eq!(captured.leaks[0].class, Class::Icmp);
}

#[test]
fn the_marker_is_clear_text_whatever_the_packet_looks_like() {
    let mut payload = vec![1, 2, 3, 4, 0, 0, 0, 1];
    payload.extend(MARKER);
    let captured = note(&ethernet(0x0800, &ipv4(OUTER, 17, &udp(4500, &payload))));
    assert_eq!((captured.clear_text_packets, captured.marker_packets), (1, 1));
}

#[test]
fn an_icmp_error_that_quotes_an_inner_packet_is_clear_text() {
    let mut error = vec![3, 1, 0, 0, 0, 0, 0, 0];
    error.extend(ipv4(INNER, 1, &[8, 0, 0, 0]));
    assert_eq!(note(&ethernet(0x0800, &ipv4(OUTER, 1, &error))).clear_text_packets, 1);
    let mut harmless = vec![3, 1, 0, 0, 0, 0, 0, 0];
    harmless.extend(ipv4(OUTER, 50, &[1, 2, 3, 4]));
    assert_eq!(note(&ethernet(0x0800, &ipv4(OUTER, 1, &harmless))).clear_text_packets, 0);
}

#[test]
fn asking_for_an_inner_address_is_counted_apart() {
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 2, 2, 2, 2, 2];
    arp.extend(OUTER[0]);
    arp.extend([0; 6]);
    arp.extend(INNER[1]);
    let captured = note(&ethernet(0x0806, &arp));
    assert_eq!((captured.arp_for_inner, captured.clear_text_packets), (1, 0));
}

#[test]
fn a_frame_cut_short_anywhere_is_counted_and_harms_nobody() {
    let whole = ethernet(0x0800, &ipv4(INNER, 17, &udp(4500, &[1, 2, 3, 4])));
    for length in 0..whole.len() {
        assert_eq!(note(&whole[..length]).total(), 1);
    }
}
