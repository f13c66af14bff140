//! All tunnels of one gateway: which IKE SA a message belongs to, and whose time has come.

mod doubt;

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use causeway_crypto::Random;

use crate::config::{Limits, TunnelConfig, TunnelKey};
use crate::cookie::CookieJar;
use crate::exchange::{follow, init, on_message, timeout};
use crate::message::notify::{Notify, NotifyKind};
use crate::message::payload::Payload;
use crate::message::{ExchangeType, Header, MessageError, write_plain};
use crate::nat::Path;
use crate::output::{Level, Output};
use crate::sa::{State, Task};
use crate::shared::{Shared, Timer, encapsulation};
use crate::v1;

/// All tunnels of one gateway, as initiator and as responder.
pub struct Endpoint {
    pub(crate) shared: Shared,
    cookies: CookieJar,
}

impl Endpoint {
    /// An endpoint without tunnels.
    pub fn new(random: Box<dyn Random + Send>, limits: Limits) -> Self {
        Endpoint { shared: Shared::new(random, limits), cookies: CookieJar::new() }
    }

    /// Adds a tunnel, or replaces it when its configuration differs; the same configuration again has no effect. Where only
    /// lifetimes, liveness checks or `initiate` differ, the SAs stay and the new values count from the next time on.
    pub fn put_tunnel(&mut self, id: TunnelKey, config: TunnelConfig, now: Duration) {
        self.advance(now);
        let config = Arc::new(config);
        match self.shared.tunnels.get_mut(&id) {
            Some(tunnel) if *tunnel.config == *config => return,
            Some(tunnel) if tunnel.config.negotiates_the_same(&config) => {
                tunnel.config = config;
                self.reschedule(id);
            }
            _ => {
                self.close_tunnel(id);
                self.warn_of_weakness(id, &config);
                self.shared.insert_tunnel(id, config);
            }
        }
        self.shared.on_tunnel_timeout(id);
        self.shared.finish();
    }

    /// Closes a tunnel's SAs, tells its peer, and forgets it.
    pub fn remove_tunnel(&mut self, id: TunnelKey, now: Duration) {
        self.advance(now);
        self.close_tunnel(id);
        self.shared.finish();
    }

    fn close_tunnel(&mut self, id: TunnelKey) {
        v1::close_tunnel(&mut self.shared, id);
        let Some(sas) = self.shared.tunnels.get(&id).map(|tunnel| tunnel.sas.clone()) else { return };
        for spi in sas {
            self.shared.with_sa(spi, |shared, sa| {
                match sa.state {
                    State::Established | State::Replaced => shared.close(sa, Task::Close),
                    State::Closing | State::Closed => {}
                    _ => shared.lost(sa, false),
                }
                sa.tunnel = None;
            });
        }
        self.shared.take_tunnel(id);
    }

    fn reschedule(&mut self, id: TunnelKey) {
        let sas = self.shared.tunnels.get(&id).map(|tunnel| tunnel.sas.clone()).unwrap_or_default();
        for spi in sas {
            self.shared.with_sa(spi, |_, _| ());
            self.shared.with_phase1(spi, |_, _| ());
        }
        self.shared.look_again(id);
    }

    fn warn_of_weakness(&mut self, id: TunnelKey, config: &TunnelConfig) {
        let weak = config.weak_algorithms();
        if !weak.is_empty() {
            let text = format!(
                "the tunnel is configured to use algorithms that are no longer safe: {}",
                weak.join(", ")
            );
            self.shared.log(Some(id), Level::Warning, text);
        }
    }

    /// Takes an IKE message that was received, without the non-ESP marker of port 4500.
    pub fn on_datagram(&mut self, local: SocketAddrV4, remote: SocketAddrV4, message: &[u8], now: Duration) {
        self.advance(now);
        let path = Path { local, remote };
        match Header::parse(message) {
            Ok((header, first)) => self.on_message(path, (&header, first), message),
            Err(MessageError::Version(1)) => v1::on_datagram(&mut self.shared, path, message),
            Err(MessageError::Version(version)) if version > 2 => self.on_later_version(path, message),
            Err(_) => {}
        }
        self.shared.finish();
    }

    fn on_message(&mut self, path: Path, (header, first): (&Header, u8), message: &[u8]) {
        let shared = &mut self.shared;
        let spi = if header.from_initiator { header.spi_responder } else { header.spi_initiator };
        match (header.exchange, header.response) {
            (ExchangeType::SaInit, false) => {
                if header.from_initiator && header.spi_responder == 0 && header.id == 0 {
                    init::on_request(shared, &mut self.cookies, path, message);
                }
            }
            (ExchangeType::SaInit, true) => {
                if !header.from_initiator && header.id == 0 {
                    shared.with_sa(spi, |shared, sa| init::on_response(shared, sa, path, message));
                }
            }
            _ => {
                shared.with_sa(spi, |shared, sa| on_message(shared, sa, path, (header, first), message));
            }
        }
    }

    /// A request of a later major version is told which we have (2.5).
    fn on_later_version(&mut self, path: Path, message: &[u8]) {
        let spi =
            |at: usize| message.get(at..at + 8).and_then(|it| it.try_into().ok()).map(u64::from_be_bytes);
        let (Some(spi_initiator), Some(spi_responder), Some(flags)) = (spi(0), spi(8), message.get(19))
        else {
            return;
        };
        let from_known = !self.shared.tunnels_between(*path.local.ip(), *path.remote.ip()).is_empty();
        if from_known && flags & 0x20 == 0 {
            let exchange = ExchangeType::SaInit;
            let header = Header {
                spi_initiator,
                spi_responder,
                exchange,
                from_initiator: false,
                response: true,
                id: 0,
            };
            let notify = Payload::Notify(Notify::new(NotifyKind::InvalidMajorVersion, &[]));
            self.shared.out.transmit(path, write_plain(&header, &[notify]));
        }
    }

    /// Tells that authentic packets came out of a tunnel, so that its peer is alive and need not be asked.
    pub fn on_inbound_traffic(&mut self, id: TunnelKey, now: Duration) {
        self.advance(now);
        let bearers = self.bearers(id);
        v1::on_inbound_traffic(&mut self.shared, id);
        for spi in bearers {
            self.shared.with_sa(spi, |shared, sa| sa.times.heard = shared.now);
        }
    }

    /// Tells that authentic packets of a child, in UDP, come from another address or port than the peer's: its translator has a
    /// new mapping. Whoever is not translated itself sends there from now on, IKE as well (RFC 7296, 2.23).
    pub fn on_peer_moved(&mut self, id: TunnelKey, inbound_spi: u32, remote: SocketAddrV4, now: Duration) {
        self.advance(now);
        let sas = self.shared.tunnels.get(&id).into_iter().flat_map(|tunnel| &tunnel.sas);
        let mut sas = sas.filter_map(|spi| self.shared.sas.get(spi));
        let of_child = sas.find(|sa| sa.children.contains_key(&inbound_spi)).map(|sa| sa.spi);
        if let Some(spi) = of_child {
            self.shared.with_sa(spi, |shared, sa| {
                if encapsulation(sa.path, sa.nat).is_some() {
                    follow(shared, sa, Path { remote, ..sa.path });
                }
            });
        }
        v1::on_peer_moved(&mut self.shared, id, inbound_spi, remote);
        self.shared.finish();
    }

    /// Replaces a child now rather than when its lifetime in seconds nears its end, because of what it has carried. Nothing
    /// happens if that is under way already. Both sides come to it at once, because both count the same packets; so the side
    /// that answered leaves the first word to the other.
    pub fn rekey_child(&mut self, id: TunnelKey, inbound_spi: u32, now: Duration) {
        self.advance(now);
        let sas = self.shared.tunnels.get(&id).map(|tunnel| tunnel.sas.clone()).unwrap_or_default();
        for spi in sas {
            self.shared.with_sa(spi, |shared, sa| {
                let at = shared.now + if sa.initiator { Duration::ZERO } else { shared.limits.first_word() };
                if let Some(child) = sa.children.get_mut(&inbound_spi) {
                    child.rekey_at = child.rekey_at.map(|before| before.min(at));
                }
            });
        }
        v1::rekey_child(&mut self.shared, id, inbound_spi);
        self.shared.finish();
    }

    /// Tells what time it is: `unix` since 1970. Certificates are valid by this; without it none is.
    pub fn set_unix_time(&mut self, unix: Duration, now: Duration) {
        self.advance(now);
        self.shared.unix_at_zero = unix.saturating_sub(self.shared.now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.advance(now);
        for timer in self.shared.due() {
            match timer {
                Timer::Sa(spi) => {
                    self.shared.with_sa(spi, timeout::on_timeout);
                }
                Timer::Phase1(spi) => {
                    self.shared.with_phase1(spi, v1::timeout::on_timeout);
                }
                Timer::Phase2(key) => v1::phase2::on_timeout(&mut self.shared, key),
                Timer::Tunnel(key) => self.shared.on_tunnel_timeout(key),
            }
        }
        self.shared.finish();
    }

    /// How many IKE SAs there are in whatever state, those included that strangers have begun. [`Limits`] bound it.
    pub fn ike_sas(&self) -> usize {
        self.shared.sas.len()
    }

    /// When [`Endpoint::handle_timeout`] has something to do next.
    pub fn next_timeout(&self) -> Option<Duration> {
        self.shared.next_timeout()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.shared.out.pop()
    }

    fn advance(&mut self, now: Duration) {
        self.shared.now = self.shared.now.max(now);
    }
}
