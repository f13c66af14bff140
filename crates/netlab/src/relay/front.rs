//! What is in front of a host: a firewall or a translator of addresses, by the packets it sees and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::packet::{End, Packet};

/// Flows and mappings that are remembered; what would be one more does not get out.
const REMEMBERED_MAX: usize = 1_024;
/// The first port that a translator gives, and how many it has.
const PORT_FIRST: u16 = 20_000;
const PORTS: u16 = 40_000;

/// What a [`super::Relay`] has in front of one of its hosts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Front {
    /// Nothing.
    #[default]
    Nothing,
    /// A firewall: what comes in has to belong to what went out.
    Firewall,
    /// A translator of addresses and ports (RFC 4787: mapping independent of the endpoint, filtering by address and port).
    /// It knows UDP only, and no fragments.
    Translator {
        /// The address that others see.
        public: Ipv4Addr,
    },
    /// A translator that has a public address for one host, keeps ports, and lets everything in.
    OneToOne {
        /// The address that others see.
        public: Ipv4Addr,
        /// The host's own.
        private: Ipv4Addr,
    },
}

/// An address and port; 0 for a protocol without ports.
type Peer = (Ipv4Addr, u16);

/// A front at work.
#[derive(Debug, Default)]
pub(super) struct Doorway {
    front: Front,
    /// Protocol, who went out (of a translator: by which public port), and to whom.
    flows: BTreeSet<(u8, Peer, Peer)>,
    /// The public port of each host and port inside.
    mappings: BTreeMap<Peer, u16>,
    /// How many ports were given; the next one is another.
    given: u16,
}

impl Doorway {
    pub(super) fn new(front: Front) -> Self {
        Self { front, ..Self::default() }
    }

    /// What was remembered is not any more.
    pub(super) fn forget(&mut self) {
        self.flows.clear();
        self.mappings.clear();
    }

    /// From now on others see another address; what was remembered is gone. Nothing to a front that does not translate.
    pub(super) fn move_to(&mut self, address: Ipv4Addr) {
        match &mut self.front {
            Front::Nothing | Front::Firewall => return,
            Front::Translator { public } | Front::OneToOne { public, .. } => *public = address,
        }
        self.forget();
    }

    /// Rewrites a packet on its way out; false when it does not get out.
    pub(super) fn outgoing(&mut self, packet: &mut Packet<'_>) -> bool {
        let (from, to) = (peer(packet, End::Source), peer(packet, End::Destination));
        match self.front {
            Front::Nothing => true,
            Front::Firewall => self.remember((packet.protocol(), from, to)),
            Front::Translator { public } => {
                if packet.port(End::Source).is_none() {
                    return false;
                }
                let Some(port) = self.port_for(from) else { return false };
                packet.set_address(End::Source, public);
                packet.set_port(End::Source, port);
                self.remember((packet.protocol(), (public, port), to))
            }
            Front::OneToOne { public, private } => {
                if from.0 == private {
                    packet.set_address(End::Source, public);
                }
                true
            }
        }
    }

    /// Rewrites a packet on its way in; false when it is not let in.
    pub(super) fn incoming(&mut self, packet: &mut Packet<'_>) -> bool {
        let (from, to) = (peer(packet, End::Source), peer(packet, End::Destination));
        let known = self.flows.contains(&(packet.protocol(), to, from));
        match self.front {
            Front::Nothing => true,
            Front::Firewall => known,
            Front::Translator { .. } => {
                let inside = self.mappings.iter().find(|(_, port)| **port == to.1).map(|(inside, _)| *inside);
                let Some((address, port)) = inside.filter(|_| known) else { return false };
                packet.set_address(End::Destination, address);
                packet.set_port(End::Destination, port);
                true
            }
            Front::OneToOne { public, private } => {
                if to.0 == public {
                    packet.set_address(End::Destination, private);
                }
                to.0 == public
            }
        }
    }

    fn remember(&mut self, flow: (u8, Peer, Peer)) -> bool {
        let has_room = self.flows.len() < REMEMBERED_MAX || self.flows.contains(&flow);
        if has_room {
            self.flows.insert(flow);
        }
        has_room
    }

    fn port_for(&mut self, inside: Peer) -> Option<u16> {
        if let Some(port) = self.mappings.get(&inside) {
            return Some(*port);
        }
        if self.mappings.len() >= REMEMBERED_MAX {
            return None;
        }
        // There are more ports than mappings, so the one that was given longest ago is free again.
        let port = PORT_FIRST + self.given % PORTS;
        self.given = (self.given + 1) % PORTS;
        self.mappings.insert(inside, port);
        Some(port)
    }
}

fn peer(packet: &Packet<'_>, end: End) -> Peer {
    (packet.address(end), packet.port(end).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{Doorway, Front, REMEMBERED_MAX};
    use crate::relay::packet::tests::udp;
    use crate::relay::packet::{End, Packet};

    const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
    const INSIDE: &str = "10.0.0.2:500";
    const OUTSIDE: &str = "192.0.2.1:500";

    fn seen(packet: &Packet<'_>, end: End) -> String {
        format!("{}:{}", packet.address(end), packet.port(end).unwrap())
    }

    /// Sends a packet out, and gives the source that others see.
    fn out(doorway: &mut Doorway, from: &str, to: &str) -> Option<String> {
        let mut bytes = udp(from, to, b"x");
        let mut packet = Packet::of(&mut bytes).unwrap();
        doorway.outgoing(&mut packet).then(|| seen(&packet, End::Source))
    }

    /// Sends a packet in, and gives the destination that the host sees.
    fn come_in(doorway: &mut Doorway, from: &str, to: &str) -> Option<String> {
        let mut bytes = udp(from, to, b"x");
        let mut packet = Packet::of(&mut bytes).unwrap();
        doorway.incoming(&mut packet).then(|| seen(&packet, End::Destination))
    }

    #[test]
    fn a_firewall_lets_in_what_belongs_to_what_went_out() {
        let mut doorway = Doorway::new(Front::Firewall);
        assert_eq!(come_in(&mut doorway, OUTSIDE, INSIDE), None);
        assert_eq!(out(&mut doorway, INSIDE, OUTSIDE).as_deref(), Some(INSIDE));
        assert_eq!(come_in(&mut doorway, OUTSIDE, INSIDE).as_deref(), Some(INSIDE));
        assert_eq!(come_in(&mut doorway, "192.0.2.1:4500", INSIDE), None);
        doorway.forget();
        assert_eq!(come_in(&mut doorway, OUTSIDE, INSIDE), None);
    }

    #[test]
    fn a_translator_gives_a_port_and_brings_back_what_is_sent_to_it() {
        let mut doorway = Doorway::new(Front::Translator { public: PUBLIC });
        let mapped = out(&mut doorway, INSIDE, OUTSIDE).unwrap();
        assert_eq!(mapped, "203.0.113.9:20000");
        // The same host and port keeps its mapping towards others, and another one has its own.
        assert_eq!(out(&mut doorway, INSIDE, "192.0.2.7:500").unwrap(), mapped);
        assert_eq!(out(&mut doorway, "10.0.0.2:4500", OUTSIDE).unwrap(), "203.0.113.9:20001");
        assert_eq!(come_in(&mut doorway, OUTSIDE, &mapped).as_deref(), Some(INSIDE));
        assert_eq!(come_in(&mut doorway, "192.0.2.8:500", &mapped), None);
        assert_eq!(come_in(&mut doorway, OUTSIDE, "203.0.113.9:500"), None);
    }

    #[test]
    fn a_translator_that_forgot_gives_another_port_and_one_that_moved_another_address() {
        let mut doorway = Doorway::new(Front::Translator { public: PUBLIC });
        let before = out(&mut doorway, INSIDE, OUTSIDE).unwrap();
        doorway.forget();
        assert_eq!(come_in(&mut doorway, OUTSIDE, &before), None);
        assert_eq!(out(&mut doorway, INSIDE, OUTSIDE).unwrap(), "203.0.113.9:20001");
        doorway.move_to(Ipv4Addr::new(203, 0, 113, 10));
        assert_eq!(out(&mut doorway, INSIDE, OUTSIDE).unwrap(), "203.0.113.10:20002");
    }

    #[test]
    fn a_one_to_one_translator_keeps_ports_and_lets_everything_in() {
        let private = Ipv4Addr::new(10, 0, 0, 2);
        let mut doorway = Doorway::new(Front::OneToOne { public: PUBLIC, private });
        assert_eq!(come_in(&mut doorway, OUTSIDE, "203.0.113.9:500").as_deref(), Some(INSIDE));
        assert_eq!(out(&mut doorway, INSIDE, OUTSIDE).as_deref(), Some("203.0.113.9:500"));
        assert_eq!(come_in(&mut doorway, OUTSIDE, INSIDE), None);
    }

    #[test]
    fn fragments_and_other_protocols_do_not_pass_a_translator_of_ports() {
        let mut doorway = Doorway::new(Front::Translator { public: PUBLIC });
        for (at, value) in [(6, 0x20), (9, 50)] {
            let mut bytes = udp(INSIDE, OUTSIDE, b"x");
            bytes[at] = value;
            assert!(!doorway.outgoing(&mut Packet::of(&mut bytes).unwrap()), "{at}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        for front in [Front::Firewall, Front::Translator { public: PUBLIC }] {
            let mut doorway = Doorway::new(front);
            let got_out = (1..=u16::MAX)
                .filter(|port| out(&mut doorway, &format!("10.0.0.2:{port}"), OUTSIDE).is_some());
            assert_eq!(got_out.count(), REMEMBERED_MAX);
            assert!(out(&mut doorway, "10.0.0.2:1", OUTSIDE).is_some(), "who was remembered still is");
        }
    }
}
