//! Traffic selectors as the networks of a configuration (RFC 7296, 2.9).

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv4Subnets};

use crate::message::selector::Selector;

/// A traffic selector payload counts in one byte.
const SELECTORS_MAX: usize = 255;

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
            if start <= end && !known && accepted.len() < SELECTORS_MAX {
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
