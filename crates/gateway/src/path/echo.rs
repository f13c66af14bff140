//! Probes of health checks: packets of ours that go through a tunnel like everybody's, and whose answers we take out again.
//!
//! A probe is an ICMP echo request from the check's source to its destination. Its payload begins with a mark that this process
//! drew, by which an answer is told from what the host itself, or anybody behind it, would get: an echo reply without the
//! mark passes as it did before. After the mark come the tunnel that was probed, and a number that only its peer has seen, so that
//! nobody else can answer for it.

use std::net::Ipv4Addr;
use std::time::Instant;

use causeway_crypto::{Random, SystemRandom};
use causeway_esp::NEXT_HEADER_IPV4;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::{OutboundPath, addresses, outbound};
use crate::counters::DropReason;
use crate::offload::{ICMP_HEADER, IP_HEADER, PROTOCOL_ICMP, write_ip_checksum};

/// Answers that wait while the thread that checks is busy; beyond it they are lost, like others on the way.
const ANSWERS_MAX: usize = 4_096;
const MARK: usize = 16;
/// The mark, the tunnel, and its number.
const PAYLOAD: usize = MARK + 8 + 8;
const PROBE_BYTES: usize = IP_HEADER + ICMP_HEADER + PAYLOAD;
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
/// As many routers as Linux gives its own packets.
const TTL: u8 = 64;

/// What tells one probe from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Where it comes from.
    pub source: Ipv4Addr,
    /// Where it goes.
    pub destination: Ipv4Addr,
    /// The tunnel that it goes through.
    pub tunnel: u64,
    /// What only that tunnel's peer has seen.
    pub secret: u64,
    /// Which of the tunnel's probes it is.
    pub sequence: u16,
}

/// An answer to a probe, and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What was answered.
    pub probe: Probe,
    /// When the answer came.
    pub at: Instant,
}

/// Makes probes, and recognises the answers to them on all ways in.
pub struct Echoes {
    mark: [u8; MARK],
    answers: (Sender<Answer>, Receiver<Answer>),
}

impl Default for Echoes {
    /// With a mark of its own.
    fn default() -> Self {
        let mut mark = [0; MARK];
        SystemRandom.fill(&mut mark);
        Self { mark, answers: bounded(ANSWERS_MAX) }
    }
}

impl Echoes {
    /// The packet of a probe.
    pub fn packet(&self, probe: &Probe) -> Vec<u8> {
        let mut packet = vec![0; PROBE_BYTES];
        let (ip, icmp) = packet.split_at_mut(IP_HEADER);
        (ip[0], ip[8], ip[9]) = (0x45, TTL, PROTOCOL_ICMP);
        ip[2..4].copy_from_slice(&(PROBE_BYTES as u16).to_be_bytes());
        ip[12..16].copy_from_slice(&probe.source.octets());
        ip[16..20].copy_from_slice(&probe.destination.octets());
        write_ip_checksum(ip);
        icmp[0] = ECHO_REQUEST;
        icmp[4..6].copy_from_slice(&self.mark[..2]);
        icmp[6..8].copy_from_slice(&probe.sequence.to_be_bytes());
        let payload = &mut icmp[ICMP_HEADER..];
        payload[..MARK].copy_from_slice(&self.mark);
        payload[MARK..MARK + 8].copy_from_slice(&probe.tunnel.to_be_bytes());
        payload[MARK + 8..].copy_from_slice(&probe.secret.to_be_bytes());
        let sum = !tun_rs::checksum(icmp, 0);
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    /// Takes a packet that came out of a tunnel if it is an answer; false for everybody else's.
    pub fn take(&self, packet: &[u8]) -> bool {
        let Some(packet) = packet.first_chunk::<PROBE_BYTES>().filter(|_| packet.len() == PROBE_BYTES) else {
            return false;
        };
        let (ip, icmp) = packet.split_at(IP_HEADER);
        let (header, payload) = icmp.split_at(ICMP_HEADER);
        if ip[0] != 0x45
            || ip[9] != PROTOCOL_ICMP
            || header[0] != ECHO_REPLY
            || !payload.starts_with(&self.mark)
        {
            return false;
        }
        let number = |at: usize| payload[at..].first_chunk().map_or(0, |it| u64::from_be_bytes(*it));
        let Some((destination, source)) = addresses(packet) else { return false };
        let sequence = u16::from_be_bytes([header[6], header[7]]);
        let probe = Probe { source, destination, tunnel: number(MARK), secret: number(MARK + 8), sequence };
        // Where there is no room, it was lost on the way.
        let _room_or_lost = self.answers.0.try_send(Answer { probe, at: Instant::now() });
        true
    }

    /// Where the answers come out.
    pub fn answers(&self) -> Receiver<Answer> {
        self.answers.1.clone()
    }
}

impl OutboundPath {
    /// Sends one packet of ours. What cannot be sent is lost, and counted like others.
    pub fn send_own(&self, packet: &[u8]) {
        let mut sealed = Vec::with_capacity(self.sa.sealed_len(packet.len()));
        if let Err(error) = self.sa.seal(packet, NEXT_HEADER_IPV4, &mut sealed) {
            return self.counters.dropped(outbound::reason_of(error));
        }
        if let Err(error) = self.peer.send(&sealed) {
            self.counters.dropped(DropReason::SendFailed);
            tracing::debug!(peer = ?self.peer, %error, "sending a probe");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{ECHO_REPLY, Echoes, Probe};

    const PROBE: Probe = Probe {
        source: Ipv4Addr::new(10, 1, 0, 1),
        destination: Ipv4Addr::new(10, 2, 0, 9),
        tunnel: 7,
        secret: 0x0123_4567_89ab_cdef,
        sequence: 513,
    };

    /// What a host answers to an echo request.
    fn answer(request: &[u8]) -> Vec<u8> {
        let mut answer = request.to_vec();
        answer[12..16].copy_from_slice(&request[16..20]);
        answer[16..20].copy_from_slice(&request[12..16]);
        answer[20] = ECHO_REPLY;
        answer
    }

    #[test]
    fn an_answer_is_taken_and_tells_what_it_answers() {
        let echoes = Echoes::default();
        assert!(echoes.take(&answer(&echoes.packet(&PROBE))));
        assert_eq!(echoes.answers().try_recv().map(|it| it.probe), Ok(PROBE));
    }

    #[test]
    fn what_others_get_is_left_to_them() {
        let (echoes, others) = (Echoes::default(), Echoes::default());
        let request = echoes.packet(&PROBE);
        assert!(!echoes.take(&request), "a request is no answer");
        assert!(!echoes.take(&answer(&others.packet(&PROBE))), "not our mark");
        let whole = answer(&request);
        for len in 0..whole.len() {
            assert!(!echoes.take(&whole[..len]));
        }
        assert!(!echoes.take(&[whole.clone(), vec![0]].concat()));
        let mut tcp = whole;
        tcp[9] = 6;
        assert!(!echoes.take(&tcp));
        assert!(echoes.answers().is_empty());
    }

    #[test]
    fn the_checksums_are_right() {
        let packet = Echoes::default().packet(&PROBE);
        assert_eq!(tun_rs::checksum(&packet[..20], 0), 0xffff);
        assert_eq!(tun_rs::checksum(&packet[20..], 0), 0xffff);
    }
}
