//! Two hosts and a cable between them, for whatever is to be measured.
//!
//! ```text
//!   left  10.1.0.1 (lo)  192.0.2.1 ══ cable ══ 192.0.2.2  (lo) 10.2.0.1  right
//! ```
//!
//! What is measured runs between the inner addresses. Without a tunnel there is no route to them.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::Result;
use causeway_netlab::{Host, Lab};
use ipnet::Ipv4Net;

/// The outer address of the left host.
pub const LEFT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The outer address of the right host.
pub const RIGHT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// The inner address of the left host.
pub const LEFT_INNER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
/// The inner address of the right host.
pub const RIGHT_INNER: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 1);
/// What is behind the left host.
pub const LEFT_NET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 1, 0, 0), 24);
/// What is behind the right host.
pub const RIGHT_NET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 2, 0, 0), 24);

/// The two hosts.
pub struct Pair {
    /// Sends.
    pub left: Host,
    /// Receives.
    pub right: Host,
}

impl Pair {
    /// Builds them in a lab.
    pub fn build(lab: &Lab) -> Result<Self> {
        let (left, right) = (lab.host("left")?, lab.host("right")?);
        lab.link((&left, "eth0", &[&format!("{LEFT}/24")]), (&right, "eth0", &[&format!("{RIGHT}/24")]))?;
        left.address("lo", &format!("{LEFT_INNER}/32"))?;
        right.address("lo", &format!("{RIGHT_INNER}/32"))?;
        Ok(Self { left, right })
    }

    /// Routes between the inner addresses without a tunnel.
    pub fn route_plainly(&self) -> Result<()> {
        self.left.ip_batch(&[format!("route add {RIGHT_NET} via {RIGHT} src {LEFT_INNER}")])?;
        self.right.ip_batch(&[format!("route add {LEFT_NET} via {LEFT} src {RIGHT_INNER}")])
    }

    /// Where to send to; the port is chosen by the receiver's host.
    pub fn target(&self) -> SocketAddrV4 {
        SocketAddrV4::new(RIGHT_INNER, 0)
    }
}
