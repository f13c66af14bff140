//! All tunnels of one gateway.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::Duration;

use causeway_crypto::Random;

use crate::config::{Limits, TunnelConfig, TunnelKey};
use crate::output::Output;

/// All tunnels of one gateway, as initiator and as responder.
pub struct Endpoint {
    #[allow(dead_code)]
    random: Box<dyn Random + Send>,
    #[allow(dead_code)]
    limits: Limits,
    outputs: VecDeque<Output>,
}

impl Endpoint {
    /// An endpoint without tunnels.
    pub fn new(random: Box<dyn Random + Send>, limits: Limits) -> Self {
        Endpoint { random, limits, outputs: VecDeque::new() }
    }

    /// Adds a tunnel, or replaces it when its configuration differs; the same configuration again has no effect.
    pub fn put_tunnel(&mut self, _id: TunnelKey, _config: TunnelConfig, _now: Duration) {}

    /// Closes a tunnel's SAs, tells its peer, and forgets it.
    pub fn remove_tunnel(&mut self, _id: TunnelKey, _now: Duration) {}

    /// Takes an IKE message that was received, without the non-ESP marker of port 4500.
    pub fn on_datagram(&mut self, _local: SocketAddrV4, _remote: SocketAddrV4, _message: &[u8], _now: Duration) {}

    /// Tells that authentic packets came out of a tunnel, so that its peer is alive and need not be asked.
    pub fn on_inbound_traffic(&mut self, _id: TunnelKey, _now: Duration) {}

    /// Does what is due.
    pub fn handle_timeout(&mut self, _now: Duration) {}

    /// When [`Endpoint::handle_timeout`] has something to do next.
    pub fn next_timeout(&self) -> Option<Duration> {
        None
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}
