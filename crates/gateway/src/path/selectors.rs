//! What a tunnel may carry: the traffic selectors that were negotiated for it (RFC 7296, 2.9).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The addresses on our side and on the peer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selectors {
    local: Ranges,
    remote: Ranges,
}

/// Ranges of addresses, in order and not touching each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ranges(Box<[(u32, u32)]>);

impl Selectors {
    /// The selectors as networks.
    pub fn new(local: &[Ipv4Net], remote: &[Ipv4Net]) -> Self {
        Self { local: Ranges::new(local), remote: Ranges::new(remote) }
    }

    /// Whether a packet from our side to the peer's may go through.
    pub fn allow_outbound(&self, source: Ipv4Addr, destination: Ipv4Addr) -> bool {
        self.local.contain(source) && self.remote.contain(destination)
    }

    /// Whether a packet from the peer's side to ours may go through.
    pub fn allow_inbound(&self, source: Ipv4Addr, destination: Ipv4Addr) -> bool {
        self.allow_outbound(destination, source)
    }
}

impl Ranges {
    fn new(nets: &[Ipv4Net]) -> Self {
        let range = |net: &Ipv4Net| (u32::from(net.network()), u32::from(net.broadcast()));
        // Aggregated networks do not overlap and are in order.
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (first, last) in Ipv4Net::aggregate(&nets.to_vec()).iter().map(range) {
            match merged.last_mut() {
                Some(before) if before.1.checked_add(1) == Some(first) => before.1 = last,
                _ => merged.push((first, last)),
            }
        }
        Self(merged.into())
    }

    fn contain(&self, address: Ipv4Addr) -> bool {
        let address = u32::from(address);
        let after = self.0.partition_point(|range| range.0 <= address);
        after > 0 && address <= self.0[after - 1].1
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ipnet::Ipv4Net;
    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

    use super::Selectors;

    fn net() -> impl Strategy<Value = Ipv4Net> {
        (0_u32..64, 24_u8..=32).prop_map(|(bits, len)| {
            Ipv4Net::new(Ipv4Addr::from(10 << 24 | bits << 4), len).expect("valid").trunc()
        })
    }

    proptest! {
        #[test]
        fn selectors_contain_what_one_of_their_networks_contains(
            local in prop::collection::vec(net(), 0..6),
            remote in prop::collection::vec(net(), 0..6),
            bits in (0_u32..1_100, 0_u32..1_100),
        ) {
            let selectors = Selectors::new(&local, &remote);
            let (a, b) = (Ipv4Addr::from(10 << 24 | bits.0), Ipv4Addr::from(10 << 24 | bits.1));
            let within = |nets: &[Ipv4Net], address: Ipv4Addr| nets.iter().any(|net| net.contains(&address));
            prop_assert_eq!(selectors.allow_outbound(a, b), within(&local, a) && within(&remote, b));
            prop_assert_eq!(selectors.allow_inbound(a, b), within(&remote, a) && within(&local, b));
        }

        #[test]
        fn all_addresses_contain_every_address(address in any::<u32>()) {
            let all: Ipv4Net = "0.0.0.0/0".parse().expect("valid");
            let halves = all.subnets(1).expect("two halves").collect::<Vec<_>>();
            for nets in [vec![all], halves] {
                prop_assert_eq!(Selectors::new(&nets, &nets).allow_inbound(address.into(), address.into()), true);
            }
        }
    }

    #[test]
    fn no_network_contains_nothing() {
        assert!(!Selectors::new(&[], &[]).allow_outbound(Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED));
    }
}
