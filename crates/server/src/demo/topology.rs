//! The network of the demo:
//!
//! ```text
//! lan 10.1.0.2 ── gateway ══ internet ══ site1 ── site1-lan 10.2.0.2
//!                                     ══ site2 ── site2-lan 10.3.0.2
//! ```
//!
//! Outer addresses are those that are kept for documentation (RFC 5737). Each router has a default route to the
//! internet, as real ones do, so that what is not protected can get out and be seen on the wire; and, as careful
//! operators have it, none to private networks: Linux would send a packet for which there is no route of ours any more
//! along the default route, in clear.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use causeway_netlab::{Host, Lab, Wire};
use ipnet::Ipv4Net;

/// The gateway's outer addresses: the first for each connection's first tunnel, the second for its second.
pub const GATEWAY_ADDRESSES: [Ipv4Addr; 2] =
    [Ipv4Addr::new(198, 51, 100, 11), Ipv4Addr::new(198, 51, 100, 12)];

/// A host in the LAN behind the gateway.
pub const LAN_HOST: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 2);

/// The LAN behind the gateway.
pub const LAN: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 1, 0, 0), 24);

/// The provider of the gateway's and of the sites' internet access. It drops what it gets.
const PROVIDERS: [&str; 2] = ["198.51.100.254/24", "203.0.113.254/24"];

/// A customer's site as it is planned.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What it is called.
    pub name: &'static str,
    /// The outer address of its router.
    pub address: Ipv4Addr,
    /// Its LAN.
    pub lan: Ipv4Net,
    /// The router's address in the LAN.
    router: &'static str,
    /// The host in the LAN.
    pub host: Ipv4Addr,
}

/// The two sites: the first is the one whose route is deleted, the second its neighbour.
pub const SITES: [Plan; 2] = [
    Plan {
        name: "site1",
        address: Ipv4Addr::new(203, 0, 113, 10),
        lan: Ipv4Net::new_assert(Ipv4Addr::new(10, 2, 0, 0), 24),
        router: "10.2.0.1",
        host: Ipv4Addr::new(10, 2, 0, 2),
    },
    Plan {
        name: "site2",
        address: Ipv4Addr::new(203, 0, 113, 20),
        lan: Ipv4Net::new_assert(Ipv4Addr::new(10, 3, 0, 0), 24),
        router: "10.3.0.1",
        host: Ipv4Addr::new(10, 3, 0, 2),
    },
];

/// A site as it was built.
#[derive(Debug)]
pub struct Site {
    /// What was planned.
    pub plan: Plan,
    /// Its router, the customer gateway.
    pub router: Host,
    /// The host in its LAN.
    pub lan: Host,
}

/// The hosts, connected.
#[derive(Debug)]
pub struct Network {
    /// The wire between all routers.
    pub internet: Wire,
    /// The gateway.
    pub gateway: Host,
    /// The host in the LAN behind the gateway.
    pub lan: Host,
    /// The customers' sites.
    pub sites: [Site; 2],
}

impl Network {
    /// Builds it in an empty lab.
    pub fn build(lab: &Lab) -> Result<Self> {
        let internet = lab.wire("internet")?;
        for provider in PROVIDERS {
            internet
                .host()
                .address("switch", provider)
                .context("giving the internet's provider an address")?;
        }
        let gateway = lab.host("gateway")?;
        let [first, second] = GATEWAY_ADDRESSES.map(|address| format!("{address}/24"));
        internet.plug(&gateway, "wan", &[&first, &second])?;
        gateway.ip_batch(&outward("203.0.113.0/24", "198.51.100.254"))?;
        let lan = behind(lab, &gateway, "lan", "10.1.0.1", LAN_HOST)?;
        let sites = [build_site(lab, &internet, SITES[0])?, build_site(lab, &internet, SITES[1])?];
        Ok(Self { internet, gateway, lan, sites })
    }

    /// The networks of which nothing may be seen on the wire.
    pub fn inner(&self) -> Vec<Ipv4Net> {
        std::iter::once(LAN).chain(self.sites.iter().map(|site| site.plan.lan)).collect()
    }
}

fn build_site(lab: &Lab, internet: &Wire, plan: Plan) -> Result<Site> {
    let router = lab.host(plan.name)?;
    internet.plug(&router, "wan", &[&format!("{}/24", plan.address)])?;
    router.ip_batch(&outward("198.51.100.0/24", "203.0.113.254"))?;
    let lan = behind(lab, &router, &format!("{}-lan", plan.name), plan.router, plan.host)?;
    Ok(Site { plan, router, lan })
}

/// A router's routes: to the other routers, to the rest of the internet, and nowhere for private networks.
fn outward(neighbours: &str, provider: &str) -> [String; 3] {
    [
        format!("route add {neighbours} dev wan"),
        format!("route add default via {provider}"),
        "route add unreachable 10.0.0.0/8".to_owned(),
    ]
}

/// A host in a LAN behind a router.
fn behind(lab: &Lab, router: &Host, label: &str, router_address: &str, address: Ipv4Addr) -> Result<Host> {
    let host = lab.host(label)?;
    let router_end = format!("{router_address}/24");
    lab.link((router, "lan", &[&router_end]), (&host, "eth0", &[&format!("{address}/24")]))?;
    host.default_route(router_address)?;
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::{LAN, LAN_HOST, SITES};

    #[test]
    fn each_host_is_in_its_lan_and_no_lan_overlaps_another() {
        assert!(LAN.contains(&LAN_HOST));
        for site in SITES {
            assert!(site.lan.contains(&site.host));
            assert!(!LAN.contains(&site.host));
        }
        assert!(!SITES[0].lan.contains(&SITES[1].host));
    }
}
