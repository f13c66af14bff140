//! Makes it so: negotiates the tunnels that are desired, forwards packets by the routes that are desired, and reports what is.
//!
//! [`Gateway::start`] takes a configuration, a [`Desires`](causeway_control::desired::Desires) to read what is wanted from and
//! an [`Observer`](causeway_control::observed::Observer) to report to, and works by itself from then on. A nudge is a hint to
//! look again, never a message.
//!
//! # The threads, and what each owns
//!
//! ```text
//!   watch          somebody else changed routes or links -> look again                             watch
//!   reconcile      desired vs. programmed -> steps -> forwarding tables, Linux routes, devices     reconciler, reconcile
//!      |  commands                                                                                 domains, routes, netlink
//!      v
//!   ike            IKE endpoint, timers, child SAs -> SPI map, each connection's carrier           engine, tunnels, proposals
//!                  probes through each tunnel -> which one carries, whose routes are withdrawn     vigil, health
//!      ^  IKE messages
//!      |
//!   worker-<n>     UDP -> SPI -> open -> may it send from there? -> TUN                            path::worker, sockets
//!                  TUN -> forwarding table -> may it go there? -> seal -> UDP                      tun
//! ```
//!
//! There are as many workers as [`config::GatewayConfig::workers`] says: worker *n* has queue *n* of each domain's device, and
//! socket *n* on port 4500 of each of our addresses.
//!
//! The first two write, the others read: [`trie`] and [`forwarding`] are snapshots that are swapped atomically. The workers
//! take no lock and allocate nothing for a packet.
//!
//! # What holds because something is absent
//!
//! - There is no code that sends an inner packet anywhere but through an `OutboundSa`, so none leaves in clear.
//! - Only [`routes`] writes Linux routes and rules, over one socket, in tables of their own.
//! - A plan ([`reconcile`]) names nothing of any other connection, so a change of one cannot disturb another.
//! - `unsafe` is in one module, `kernel`, which sets four socket options, and how a thread is scheduled.

pub mod config;
pub mod counters;
pub mod domains;
pub mod engine;
pub mod forwarding;
pub mod gateway;
mod gateway_domains;
pub mod health;
mod kernel;
pub mod netlink;
mod observation;
mod offload;
pub mod path;
pub mod proposals;
pub mod reconcile;
pub mod reconciler;
pub mod reports;
pub mod routes;
#[cfg(test)]
mod samples;
pub mod simulated;
pub mod snapshot;
pub mod sockets;
pub mod stop;
mod supervise;
pub mod trie;
pub mod tun;
pub mod tunnels;
pub mod vigil;
pub mod watch;
mod withdrawals;

use causeway_control::desired::RouteMatch;
use causeway_control::ids::VpnConnectionId;
use causeway_control::observed::ObservedForwarding;

pub use causeway_crypto::OwnCertificate;
pub use causeway_esp::Traffic;
pub use config::{
    Encapsulation, GatewayConfig, IkeLimits, LocalAddress, OnStop, StartError, WORKERS_MAX, workers_default,
};
pub use gateway::{Gateway, GatewayHandle};
pub use simulated::{Delays, SimulatedEngine, SimulatedHandle};
pub use snapshot::GatewaySnapshot;

/// Wakes an engine; cheap, and may be called from any thread.
pub type Waker = Box<dyn Fn() + Send + Sync>;

/// An engine that runs: a gateway, or the test double of one.
pub trait EngineHandle: Send + Sync {
    /// A hint that something is desired that was not before, or no longer.
    fn nudge(&self);

    /// What nudges when called, for whoever has no handle.
    fn waker(&self) -> Waker;

    /// Lets a simulated engine that is stepped catch up, and returns when it has. A gateway needs no telling.
    fn step(&self) {}

    /// Counters, and what is programmed.
    fn snapshot(&self) -> GatewaySnapshot;

    /// What is programmed of a connection, for a route if one is named, and when packets passed.
    fn forwarding(&self, id: &VpnConnectionId, of: Option<RouteMatch>) -> Option<ObservedForwarding>;

    /// Closes the tunnels and, where it is told to ([`OnStop`]), removes devices, routes and rules, in bounded time. Queues of
    /// devices that stay are closed with the handle. A second time has no effect.
    fn stop(&self);
}
