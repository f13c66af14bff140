//! Identification payloads: who a peer is in phase 1 (RFC 2407, 4.6.2), and one network of a child in phase 2.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv4Subnets};

use crate::identity::Identity;
use crate::message::reader::Reader;
use crate::v1::message::{IDENTIFICATION, Payload};

const IPV4_ADDRESS: u8 = 1;
const IPV4_SUBNET: u8 = 4;
const IPV4_RANGE: u8 = 7;

/// The body of an identification payload of phase 1.
pub(crate) fn body(identity: &Identity) -> Vec<u8> {
    let (kind, content) = identity.to_wire();
    // Of any protocol and port; 17 and 500 would say the same but for peers behind translation.
    [&[kind, 0, 0, 0][..], &content].concat()
}

/// Who the body of an identification payload of phase 1 says the peer is. Protocol and port say nothing.
pub(crate) fn identity(body: &[u8]) -> Option<Identity> {
    let (fixed, content) = body.split_first_chunk::<4>()?;
    // Names in the C language end with a zero byte, and some peers send it.
    let content = match fixed[0] {
        2 | 3 => content.strip_suffix(&[0]).unwrap_or(content),
        _ => content,
    };
    Some(Identity::from_wire(fixed[0], content))
}

/// The identification payload of a network in phase 2.
pub(crate) fn network_payload(net: Ipv4Net) -> Payload {
    let mut body = vec![IPV4_SUBNET, 0, 0, 0];
    body.extend(net.network().octets());
    body.extend(net.netmask().octets());
    Payload::new(IDENTIFICATION, body)
}

/// The network that an identification payload of phase 2 means, if it is one, and all protocols and ports of it.
pub(crate) fn network(body: &[u8]) -> Option<Ipv4Net> {
    let mut reader = Reader::new(body);
    let (kind, protocol, port) = (reader.u8()?, reader.u8()?, reader.u16()?);
    let first = Ipv4Addr::from(reader.u32()?);
    let second = reader.u32();
    if protocol != 0 || port != 0 || !reader.is_empty() {
        return None;
    }
    match (kind, second.map(Ipv4Addr::from)) {
        (IPV4_ADDRESS, None) => Some(Ipv4Net::from(first)),
        (IPV4_SUBNET, Some(mask)) => Ipv4Net::with_netmask(first, mask).ok().map(|net| net.trunc()),
        (IPV4_RANGE, Some(last)) if first <= last => {
            let mut nets = Ipv4Subnets::new(first, last, 0);
            nets.next().filter(|_| nets.next().is_none())
        }
        _ => None,
    }
}

/// What an identification payload of phase 2 says, for a log line.
pub(crate) fn network_name(body: &[u8]) -> String {
    match (network(body), body) {
        (Some(net), _) => net.to_string(),
        (None, [kind, protocol, port @ ..]) if port.len() >= 2 => {
            let port = u16::from_be_bytes([port[0], port[1]]);
            format!("identity of type {kind} (protocol {protocol}, port {port})")
        }
        _ => "nothing that can be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{body, identity, network, network_name, network_payload};
    use crate::identity::Identity;

    #[test]
    fn an_identity_survives_the_wire_and_protocol_port_and_a_final_zero_do_not_matter() {
        for text in ["10.0.0.1", "gw.example.com", "ops@example.com"] {
            let wanted = Identity::parse(text);
            let mut sent = body(&wanted);
            assert_eq!(identity(&sent), Some(wanted.clone()));
            (sent[1], sent[2], sent[3]) = (17, 1, 244);
            assert_eq!(identity(&sent), Some(wanted));
        }
        assert_eq!(identity(b"\x02\0\0\0name\0"), Some(Identity::parse("name")));
        assert_eq!(identity(&[1, 0, 0]), None);
    }

    #[test]
    fn networks_are_sent_as_subnets_and_read_as_addresses_and_ranges_too() {
        for text in ["0.0.0.0/0", "192.168.1.0/24", "10.0.0.1/32"] {
            let net = text.parse().expect("a network");
            assert_eq!(network(&network_payload(net).body), Some(net));
        }
        let host = "10.0.0.1/32".parse().ok();
        assert_eq!(network(&[1, 0, 0, 0, 10, 0, 0, 1]), host);
        assert_eq!(network(&[7, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 1]), host);
        assert_eq!(network(&[7, 0, 0, 0, 10, 0, 0, 0, 10, 0, 0, 255]), "10.0.0.0/24".parse().ok());
    }

    #[test]
    fn what_is_no_network_is_none_and_has_a_name_all_the_same() {
        let unusable: [&[u8]; 8] = [
            &[],
            &[1],
            &[1, 0, 0, 0, 10, 0, 0],
            &[1, 6, 0, 80, 10, 0, 0, 1],
            &[4, 0, 0, 0, 10, 0, 0, 0, 255, 0, 255, 0],
            &[7, 0, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1],
            &[7, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
            &[5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        ];
        for body in unusable {
            assert_eq!(network(body), None, "{body:?}");
            assert!(!network_name(body).is_empty());
        }
    }
}
