//! Traffic selectors as the networks of a configuration (RFC 7296, 2.9).

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv4Subnets};

use crate::config::TunnelConfig;
use crate::message::selector::Selector;

/// A traffic selector payload counts in one byte.
const SELECTORS_MAX: usize = 255;

/// The traffic between networks behind us and networks behind the peer, each with each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Traffic {
    pub local: Vec<Ipv4Net>,
    pub remote: Vec<Ipv4Net>,
}

impl Traffic {
    /// All that a tunnel is configured to carry.
    pub(crate) fn of(config: &TunnelConfig) -> Self {
        Traffic { local: config.local_ts.clone(), remote: config.remote_ts.clone() }
    }

    /// Whether all of it is part of `other`.
    pub(crate) fn is_within(&self, other: &Traffic) -> bool {
        minus(&self.local, &other.local).is_empty() && minus(&self.remote, &other.remote).is_empty()
    }

    /// What of it is not part of `other`, in at most two pieces; itself where they have nothing in common.
    pub(crate) fn minus(&self, other: &Traffic) -> Vec<Traffic> {
        let (local, remote) = (minus(&self.local, &other.local), minus(&self.remote, &other.remote));
        let common = minus(&self.local, &local);
        if common.is_empty() || minus(&self.remote, &remote).is_empty() {
            return vec![self.clone()];
        }
        let beside = Traffic { local, remote: self.remote.clone() };
        let beyond = Traffic { local: common, remote };
        [beside, beyond].into_iter().filter(|it| !it.local.is_empty() && !it.remote.is_empty()).collect()
    }
}

/// For a log line.
impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "our {} and its {}", nets_name(&self.local), nets_name(&self.remote))
    }
}

/// What of some networks is in none of others.
fn minus(nets: &[Ipv4Net], others: &[Ipv4Net]) -> Vec<Ipv4Net> {
    let mut left = Vec::new();
    let mut taken: Vec<_> =
        others.iter().map(|it| (u32::from(it.network()), u32::from(it.broadcast()))).collect();
    taken.sort_unstable();
    for net in nets {
        let (mut start, end) = (Some(u32::from(net.network())), u32::from(net.broadcast()));
        for (first, last) in &taken {
            let Some(from) = start.filter(|from| from <= last && *first <= end) else { continue };
            if from < *first {
                left.extend(Ipv4Subnets::new(from.into(), (first - 1).into(), 0));
            }
            start = last.checked_add(1).filter(|next| *next <= end);
        }
        if let Some(from) = start {
            left.extend(Ipv4Subnets::new(from.into(), end.into(), 0));
        }
    }
    left
}

/// What we offer: each network as configured.
pub(crate) fn offer(nets: &[Ipv4Net]) -> Vec<Selector> {
    nets.iter().take(SELECTORS_MAX).map(|net| Selector::range(net.network(), net.broadcast())).collect()
}

/// As responder: what of a peer's offer we accept. Selectors of single protocols or ports are left out, because the data plane
/// passes whole packets by address only.
pub(crate) fn narrow(offered: &[Selector], ours: &[Ipv4Net]) -> Vec<Selector> {
    let mut accepted: Vec<(Ipv4Addr, Ipv4Addr)> = Vec::new();
    for selector in offered {
        let Some((start, end)) = whole_range(selector) else { continue };
        for net in ours {
            let (start, end) = (start.max(net.network()), end.min(net.broadcast()));
            let known = accepted.iter().any(|range| range.0 <= start && end <= range.1);
            if start > end || known {
                continue;
            }
            // A peer may name the packet that it wants to send first, and the network that it is in after that (2.9).
            accepted.retain(|range| range.0 < start || end < range.1);
            if accepted.len() < SELECTORS_MAX {
                accepted.push((start, end));
            }
        }
    }
    accepted.into_iter().map(|(start, end)| Selector::range(start, end)).collect()
}

/// As initiator: the networks of a responder's answer, if it is not empty and nothing in it goes beyond what we offered.
pub(crate) fn accept(answer: &[Selector], ours: &[Ipv4Net]) -> Option<Vec<Ipv4Net>> {
    let nets = nets(answer)?;
    let ours = Ipv4Net::aggregate(&ours.to_vec());
    let within = |net: &Ipv4Net| ours.iter().any(|our| our.contains(net));
    (!nets.is_empty() && nets.iter().all(within)).then_some(nets)
}

/// Selectors as networks, or `None` if one is not for all traffic of a range of IPv4 addresses.
pub(crate) fn nets(selectors: &[Selector]) -> Option<Vec<Ipv4Net>> {
    let mut nets = Vec::new();
    for selector in selectors {
        let (start, end) = whole_range(selector)?;
        nets.extend(Ipv4Subnets::new(start, end, 0));
    }
    Some(Ipv4Net::aggregate(&nets))
}

fn whole_range(selector: &Selector) -> Option<(Ipv4Addr, Ipv4Addr)> {
    match selector {
        Selector::Ipv4 { protocol: 0, ports: (0, u16::MAX), start, end } if start <= end => {
            Some((*start, *end))
        }
        _ => None,
    }
}

/// Selectors for a log line.
pub(crate) fn selectors_name(selectors: &[Selector]) -> String {
    let name = |selector: &Selector| match selector {
        Selector::Other(kind) => format!("selector of type {kind}"),
        Selector::Ipv4 { protocol, ports, start, end } => {
            let range = Ipv4Subnets::new(*start, *end, 0).collect::<Vec<_>>();
            let range = match range.as_slice() {
                [net] => net.to_string(),
                _ => format!("{start}-{end}"),
            };
            if *protocol == 0 && *ports == (0, u16::MAX) {
                range
            } else {
                format!("{range} (protocol {protocol}, ports {}-{})", ports.0, ports.1)
            }
        }
    };
    listed(selectors.iter().map(name))
}

/// Networks for a log line.
pub(crate) fn nets_name(nets: &[Ipv4Net]) -> String {
    listed(nets.iter().map(Ipv4Net::to_string))
}

/// The most networks that one log line tells.
const NAMED_MAX: usize = 8;

fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let total = names.len();
    let mut text = names.take(NAMED_MAX).collect::<Vec<_>>().join(",");
    if total == 0 {
        text.push_str("nothing");
    } else if total > NAMED_MAX {
        text.push_str(&format!(" and {} more", total - NAMED_MAX));
    }
    text
}

#[cfg(test)]
mod tests;
