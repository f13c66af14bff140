//! How long a packet may be on the way to a peer (RFC 1191; RFC 4301, 8.2).
//!
//! What carries data may be fragmented on the way, so that a way that turns out narrow, or whose routers keep silent, costs
//! speed and no packet. What finds out is a probe now and then: an ESP packet without content (RFC 4303, 2.6), as long as the
//! longest with content, that must not be fragmented. A router that cannot pass it on says so.
//!
//! Anybody can send us such a message. One counts only if it quotes the SPI and the sequence number of the last probe to
//! that peer, which nobody knows who does not see our packets, and it never brings us below [`OUTER_MIN`].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::addresses;
use crate::offload::{ICMP_HEADER, IP_HEADER, UDP_HEADER, u16_at, u32_at};

/// What every host must be able to receive (RFC 791, 3.2). No way is taken for narrower; there, packets are fragmented.
pub const OUTER_MIN: usize = 576;
/// Where routers do not say how long a packet may be, it is taken for one of these (RFC 1191, 7).
const PLATEAUS: [usize; 4] = [8_166, 4_352, 1_492, 1_006];
const ESP: u8 = 50;
const UDP: u8 = 17;
const DESTINATION_UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
/// SPI and sequence number.
const ESP_HEADER: usize = 8;

/// The probes that are out, by where they go and under which SPI, the last one of each.
#[derive(Debug, Default)]
pub struct Probes(Mutex<BTreeMap<(Ipv4Addr, u32), Probe>>);

#[derive(Debug)]
struct Probe {
    /// The low 32 bits, which are sent.
    sequence: u32,
    /// The outer packet's.
    len: usize,
    /// What a router has said would pass.
    passes: Option<usize>,
}

impl Probes {
    /// Remembers a probe whose ESP packet is `esp` and whose outer packet has `len` bytes.
    pub fn sent(&self, remote: Ipv4Addr, esp: &[u8], len: usize) {
        if let Some((spi, sequence)) = spi_and_sequence(esp) {
            self.lock().insert((remote, spi), Probe { sequence, len, passes: None });
        }
    }

    /// What a router has said of the last probe, if one has; the probe is forgotten then.
    pub fn take_answer(&self, remote: Ipv4Addr, spi: u32) -> Option<usize> {
        let mut probes = self.lock();
        let passes = probes.get(&(remote, spi))?.passes?;
        probes.remove(&(remote, spi));
        Some(passes)
    }

    /// Forgets the last probe, because it is answered no more.
    pub fn forget(&self, remote: Ipv4Addr, spi: u32) {
        self.lock().remove(&(remote, spi));
    }

    /// Takes an ICMP message as a raw socket gives it, with its IPv4 header.
    pub fn take_icmp(&self, packet: &[u8]) {
        let Some((remote, spi, sequence, mtu)) = too_big(packet) else { return };
        if let Some(probe) = self.lock().get_mut(&(remote, spi)).filter(|probe| probe.sequence == sequence) {
            let said = match mtu {
                0 => PLATEAUS.into_iter().find(|plateau| *plateau < probe.len).unwrap_or(OUTER_MIN),
                mtu => mtu,
            };
            let passes = said.max(OUTER_MIN);
            if passes < probe.passes.unwrap_or(probe.len) {
                probe.passes = Some(passes);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Ipv4Addr, u32), Probe>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the packet was to go that was too big, its SPI and sequence number, and the next hop's MTU. Routers that quote only
/// eight bytes after the IP header do not get as far as the SPI inside UDP; they go unheard.
fn too_big(packet: &[u8]) -> Option<(Ipv4Addr, u32, u32, usize)> {
    let icmp = after_header(packet)?;
    let (header, quoted) = icmp.split_first_chunk::<ICMP_HEADER>()?;
    if (header[0], header[1]) != (DESTINATION_UNREACHABLE, FRAGMENTATION_NEEDED) {
        return None;
    }
    let (_, remote) = addresses(quoted)?;
    let transport = after_header(quoted)?;
    let esp = match quoted[9] {
        ESP => transport,
        UDP => transport.get(UDP_HEADER..)?,
        _ => return None,
    };
    let (spi, sequence) = spi_and_sequence(esp)?;
    Some((remote, spi, sequence, usize::from(u16_at(header, 6))))
}

fn after_header(packet: &[u8]) -> Option<&[u8]> {
    let header = usize::from(packet.first()? & 0xf) * 4;
    packet.get(header.max(IP_HEADER)..)
}

fn spi_and_sequence(esp: &[u8]) -> Option<(u32, u32)> {
    let header = esp.first_chunk::<ESP_HEADER>()?;
    Some((u32_at(header, 0), u32_at(header, 4)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{OUTER_MIN, Probes};

    const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
    const ESP_PACKET: [u8; 8] = [0x11, 0x22, 0x33, 0x44, 0, 0, 0, 9];
    const SPI: u32 = 0x1122_3344;

    fn ip(protocol: u8, source: [u8; 4], destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
        packet.extend(source);
        packet.extend(destination);
        packet.extend(payload);
        packet
    }

    fn told(kind: u8, code: u8, mtu: u16, quoted: &[u8]) -> Vec<u8> {
        let [high, low] = mtu.to_be_bytes();
        let icmp = [&[kind, code, 0, 0, 0, 0, high, low], quoted].concat();
        ip(1, [198, 51, 100, 1], [192, 0, 2, 1], &icmp)
    }

    fn quoted(esp: &[u8]) -> Vec<u8> {
        let udp = [&[0x11, 0x94, 0x11, 0x94, 5, 0xa0, 0, 0], esp].concat();
        ip(17, [192, 0, 2, 1], PEER.octets(), &udp)
    }

    fn probing() -> Probes {
        let probes = Probes::default();
        probes.sent(PEER, &ESP_PACKET, 1_472);
        probes
    }

    #[test]
    fn a_router_that_quotes_the_probe_is_believed_once() {
        let native = ip(50, [192, 0, 2, 1], PEER.octets(), &ESP_PACKET);
        for quoted in [quoted(&ESP_PACKET), native] {
            let probes = probing();
            assert_eq!(probes.take_answer(PEER, SPI), None);
            probes.take_icmp(&told(3, 4, 1_400, &quoted));
            assert_eq!(probes.take_answer(PEER, SPI), Some(1_400));
            probes.take_icmp(&told(3, 4, 1_300, &quoted));
            assert_eq!(probes.take_answer(PEER, SPI), None, "it is no longer out");
        }
    }

    #[test]
    fn of_several_answers_the_narrowest_counts() {
        let probes = probing();
        for mtu in [1_400, 1_350, 1_450] {
            probes.take_icmp(&told(3, 4, mtu, &quoted(&ESP_PACKET)));
        }
        assert_eq!(probes.take_answer(PEER, SPI), Some(1_350));
    }

    #[test]
    fn whoever_does_not_see_our_packets_is_not_believed() {
        let mut other_spi = ESP_PACKET;
        other_spi[3] += 1;
        let mut other_sequence = ESP_PACKET;
        other_sequence[7] += 1;
        let elsewhere = ip(50, [192, 0, 2, 1], [192, 0, 2, 3], &ESP_PACKET);
        let other_kind = told(3, 3, 1_400, &quoted(&ESP_PACKET));
        let another = told(11, 0, 1_400, &quoted(&ESP_PACKET));
        let larger = told(3, 4, 1_473, &quoted(&ESP_PACKET));
        let other_protocol = told(3, 4, 1_400, &ip(6, [192, 0, 2, 1], PEER.octets(), &ESP_PACKET));
        let forged = [quoted(&other_spi), quoted(&other_sequence), elsewhere];
        let forged = forged.iter().map(|quoted| told(3, 4, 1_400, quoted));
        for message in forged.chain([other_kind, another, larger, other_protocol]) {
            let probes = probing();
            probes.take_icmp(&message);
            assert_eq!(probes.take_answer(PEER, SPI), None, "{message:?}");
        }
    }

    #[test]
    fn no_way_is_narrower_than_what_every_host_receives() {
        let probes = probing();
        probes.take_icmp(&told(3, 4, 68, &quoted(&ESP_PACKET)));
        assert_eq!(probes.take_answer(PEER, SPI), Some(OUTER_MIN));
    }

    #[test]
    fn a_router_that_says_no_length_means_a_customary_one() {
        for (len, expected) in [(9_000, 8_166), (1_500, 1_492), (1_492, 1_006), (1_006, OUTER_MIN)] {
            let probes = Probes::default();
            probes.sent(PEER, &ESP_PACKET, len);
            probes.take_icmp(&told(3, 4, 0, &quoted(&ESP_PACKET)));
            assert_eq!(probes.take_answer(PEER, SPI), Some(expected));
        }
    }

    #[test]
    fn no_truncation_of_a_message_is_a_panic() {
        let whole = told(3, 4, 1_400, &quoted(&ESP_PACKET));
        for len in 0..whole.len() {
            let probes = probing();
            probes.take_icmp(&whole[..len]);
            assert_eq!(probes.take_answer(PEER, SPI), None);
            let mut longer_header = whole[..len].to_vec();
            longer_header.iter_mut().take(1).for_each(|first| *first = 0x4f);
            probes.take_icmp(&longer_header);
        }
    }
}
