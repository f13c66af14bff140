//! What kind of frame it is, and whose addresses it shows.

use std::net::Ipv4Addr;

const ETHERNET_HEADER: usize = 14;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
const PROTOCOL_ESP: u8 = 50;
const PORT_IKE: u16 = 500;
const PORT_NAT_TRAVERSAL: u16 = 4500;

/// The kind of a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Class {
    /// ESP in UDP, port 4500 (RFC 3948).
    EspInUdp,
    /// ESP, IP protocol 50 (RFC 4303).
    Esp,
    /// IKE on port 500.
    Ike,
    /// IKE on port 4500, behind the non-ESP marker.
    IkeNatTraversal,
    /// A NAT keepalive on port 4500 (RFC 3948, section 2.3).
    NatKeepalive,
    /// ARP.
    Arp,
    /// An ICMP error: destination unreachable, source quench, redirect, time exceeded, parameter problem.
    IcmpError,
    /// Other ICMP, such as echo.
    Icmp,
    /// TCP.
    Tcp,
    /// Other UDP.
    Udp,
    /// A later fragment of an IPv4 packet: what it belongs to cannot be told.
    Fragment,
    /// Other IPv4.
    OtherIpv4,
    /// Not IPv4.
    Other,
}

/// What a frame shows of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub class: Class,
    /// The length by the IP header, or what was captured.
    pub bytes: u64,
    pub source: Option<Ipv4Addr>,
    pub destination: Option<Ipv4Addr>,
    /// The addresses of the packet that an ICMP error quotes.
    pub quoted: Option<[Ipv4Addr; 2]>,
}

impl Seen {
    /// Reads an Ethernet frame, or as much of it as was captured.
    pub(super) fn of(frame: &[u8]) -> Self {
        let nothing = Self {
            class: Class::Other,
            bytes: frame.len() as u64,
            source: None,
            destination: None,
            quoted: None,
        };
        let packet = frame.get(ETHERNET_HEADER..).unwrap_or_default();
        match u16_at(frame, 12) {
            Some(ETHERTYPE_IPV4) => ipv4(packet).unwrap_or(nothing),
            Some(ETHERTYPE_ARP) => Self {
                class: Class::Arp,
                // RFC 826 with Ethernet and IPv4: the sender's address at 14, the target's at 24.
                source: address_at(packet, 14),
                destination: address_at(packet, 24),
                ..nothing
            },
            _ => nothing,
        }
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.source.into_iter().chain(self.destination)
    }
}

fn ipv4(packet: &[u8]) -> Option<Seen> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let length = u16_at(packet, 2)?;
    let seen = |class| Seen {
        class,
        // A super-frame (TSO) larger than the field can say has length 0 there.
        bytes: if length == 0 { packet.len() as u64 } else { u64::from(length) },
        source: address_at(packet, 12),
        destination: address_at(packet, 16),
        quoted: None,
    };
    let is_later_fragment = u16_at(packet, 6)? & 0x1fff != 0;
    if is_later_fragment {
        return Some(seen(Class::Fragment));
    }
    let payload = packet.get(header..).unwrap_or_default();
    let class = match *packet.get(9)? {
        PROTOCOL_ESP => Class::Esp,
        PROTOCOL_TCP => Class::Tcp,
        PROTOCOL_UDP => udp(payload),
        PROTOCOL_ICMP => match payload.first() {
            Some(3 | 4 | 5 | 11 | 12) => {
                let quoted = address_at(payload, 8 + 12).zip(address_at(payload, 8 + 16));
                return Some(Seen { quoted: quoted.map(|(from, to)| [from, to]), ..seen(Class::IcmpError) });
            }
            _ => Class::Icmp,
        },
        _ => Class::OtherIpv4,
    };
    Some(seen(class))
}

fn udp(datagram: &[u8]) -> Class {
    let (from, to) = (u16_at(datagram, 0), u16_at(datagram, 2));
    let payload = datagram.get(8..).unwrap_or_default();
    let is = |port| from == Some(port) || to == Some(port);
    if is(PORT_NAT_TRAVERSAL) {
        return match payload {
            [0xff] => Class::NatKeepalive,
            // Four zero bytes where an SPI would be: the non-ESP marker (RFC 3948, section 2.2).
            [0, 0, 0, 0, ..] => Class::IkeNatTraversal,
            _ => Class::EspInUdp,
        };
    }
    if is(PORT_IKE) { Class::Ike } else { Class::Udp }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn address_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets))
}
