//! How long packets may be on the way to a tunnel's peer: asked by probes, and told to the packet path.
//!
//! ```text
//!   what our own link takes --probe--> nobody complains: it passes, until the next probe
//!                              |
//!                              +-----> a router says what passes: that is taken for true at once, and probed
//! ```

use std::net::Ipv4Addr;
use std::time::Duration;

use causeway_esp::NEXT_HEADER_NONE;
use causeway_ike::TunnelKey;

use super::{Tunnel, Tunnels};
use crate::offload::{IP_HEADER, write_ip_checksum};
use crate::path::OutboundPath;
use crate::path::probe::Probes;

/// How long a router has to say that a probe was too big.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long an answer, or that there was none, is taken for true (RFC 1191, 6.3).
const INTERVAL: Duration = Duration::from_secs(600);
/// When to probe again if a probe could not be sent.
const RETRY: Duration = Duration::from_secs(10);
/// How many probes go out at once; the others follow a second later.
const PROBES_MAX: usize = 500;

/// What is known of the way to a tunnel's peer.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// The longest outer packet that passes, as far as is known.
    outer: Option<usize>,
    /// The probe that may yet be answered.
    waiting: Option<Waiting>,
    /// When to probe again.
    next: Duration,
}

#[derive(Debug)]
struct Waiting {
    remote: Ipv4Addr,
    spi: u32,
    len: usize,
    until: Duration,
}

impl Way {
    /// The tunnel has other security associations, so it is time for a probe.
    pub(super) fn probe_soon(&mut self) {
        self.next = Duration::ZERO;
    }

    /// The peer is somewhere else.
    pub(super) fn forget(&mut self) {
        (self.outer, self.next) = (None, Duration::ZERO);
    }

    /// Tells the packet path how long packets may be, at most as long as the device takes.
    pub(super) fn apply(&mut self, path: &OutboundPath, device_mtu: usize) {
        if self.outer.is_none() {
            self.outer = path.peer.ports.route_mtu(*path.peer.remote.ip()).ok();
        }
        // Without a route nothing can be sent, so nothing is too long.
        let inner = self.outer.map_or(device_mtu, |outer| path.inner_len(outer));
        path.mtu.set(inner.min(device_mtu));
    }

    /// Takes what a router said of the last probe, or that none said anything. Returns what to probe next, if that is certain.
    fn learn(&mut self, probes: &Probes, now: Duration) -> Option<usize> {
        let waiting = self.waiting.as_ref()?;
        if let Some(passes) = probes.take_answer(waiting.remote, waiting.spi) {
            (self.outer, self.waiting) = (Some(passes), None);
            return Some(passes);
        }
        if waiting.until <= now {
            probes.forget(waiting.remote, waiting.spi);
            self.outer = Some(waiting.len);
            self.waiting = None;
        }
        None
    }

    /// Sends a packet of at most `size` bytes.
    fn probe(&mut self, path: &OutboundPath, size: usize, probes: &Probes, now: Duration) {
        let remote = path.peer.remote;
        let inner = path.inner_len(size);
        let (mut esp, len) = (Vec::new(), path.outer_len(inner));
        let sealed = path.sa.seal(&dummy(inner), NEXT_HEADER_NONE, &mut esp);
        self.next = now + RETRY;
        if sealed.is_err() {
            return;
        }
        probes.sent(*remote.ip(), &esp, len);
        match path.peer.ports.send_unfragmented(remote, path.peer.in_udp, &esp) {
            Ok(()) => {
                let (remote, spi) = (*remote.ip(), path.sa.spi());
                self.waiting = Some(Waiting { remote, spi, len, until: now + PATIENCE });
                self.next = now + INTERVAL;
            }
            Err(error) => {
                probes.forget(*remote.ip(), path.sa.spi());
                tracing::debug!(%remote, len, %error, "probing the way to a peer");
            }
        }
    }
}

/// What a probe carries. It is to be discarded unseen (RFC 4303, 2.6), but strongSwan's libipsec looks for an IP header first and
/// complains in its log where there is none. This one has addresses that no host takes packets from.
fn dummy(len: usize) -> Vec<u8> {
    const NO_NEXT_HEADER: u8 = 59;
    let mut packet = vec![0; len];
    if let (Some(header), Ok(len)) = (packet.first_chunk_mut::<IP_HEADER>(), u16::try_from(len)) {
        (header[0], header[8], header[9]) = (0x45, 1, NO_NEXT_HEADER);
        header[2..4].copy_from_slice(&len.to_be_bytes());
        header[12..16].copy_from_slice(&Ipv4Addr::LOCALHOST.octets());
        header[16..20].copy_from_slice(&Ipv4Addr::LOCALHOST.octets());
        write_ip_checksum(header);
    }
    packet
}

impl Tunnels {
    /// Takes what there is to learn of the ways to the peers, and probes those whose time has come. Returns the tunnels that
    /// take longer or shorter packets than before, with a sentence for their log.
    pub fn probe_ways(&mut self, now: Duration) -> Vec<(TunnelKey, String)> {
        let (probes, device_mtu) = (&self.inbound.probes, self.device_mtu);
        let (mut news, mut sent) = (Vec::new(), 0);
        for (key, tunnel) in &mut self.tunnels {
            let Some(paths) = tunnel.paths.clone() else { continue };
            let Some(path) = paths.children.first() else { continue };
            let before = path.mtu.inner();
            let certain = tunnel.way.learn(probes, now);
            if sent < PROBES_MAX
                && let Some(size) = certain.or_else(|| due(tunnel, path, device_mtu, now))
            {
                tunnel.way.probe(path, size, probes, now);
                sent += 1;
            }
            paths.children.iter().for_each(|path| tunnel.way.apply(path, device_mtu));
            if path.mtu.inner() != before {
                news.push((*key, sentence(path)));
            }
        }
        news
    }
}

/// The size of the probe that is due: that of the longest packet that may come, as far as our own link takes it.
fn due(tunnel: &Tunnel, path: &OutboundPath, device_mtu: usize, now: Duration) -> Option<usize> {
    let is_due = tunnel.way.waiting.is_none() && tunnel.way.next <= now;
    let own = is_due.then(|| path.peer.ports.route_mtu(*path.peer.remote.ip()).ok())??;
    Some(own.min(path.outer_len(device_mtu)))
}

fn sentence(path: &OutboundPath) -> String {
    let inner = path.mtu.inner();
    format!(
        "the tunnel takes packets of up to {inner} bytes now, because the way to the peer takes {}: longer ones are fragmented, \
         or their senders told",
        path.outer_len(inner)
    )
}
