//! What stands at the customers' sites, configured as the mirror image of the gateway's attachments.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use causeway_netlab::{Connection, PeerConfig, StrongSwan};

use super::Peer;
use super::attachment::{self, TUNNELS, Tunnel};
use super::server::Server;
use super::topology::{GATEWAY_ADDRESSES, LAN, Site};

/// The algorithms of the attachments' tunnels, in strongSwan's words.
const STRONGSWAN_PROPOSALS: &str = "aes128-sha256-modp2048";

/// How long a peer may take to do what it is told.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// The pre-shared keys of a site's tunnels.
pub type Psks = [String; TUNNELS];

/// One peer for each site.
pub enum Peers {
    /// This program.
    Causeway(Vec<Server>),
    /// strongSwan.
    StrongSwan(Vec<StrongSwan>),
}

impl Peers {
    /// Starts them. strongSwan gets its configuration when it is started, this program through its API.
    pub fn start(peer: Peer, sites: &[Site; 2], psks: &[Psks; 2], folder: &Path) -> Result<Self> {
        let pairs = sites.iter().zip(psks);
        match peer {
            Peer::Causeway => {
                let start =
                    |(site, _): (&Site, &Psks)| Server::start(&site.router, &[site.plan.address], folder);
                pairs.map(start).collect::<Result<_>>().map(Self::Causeway)
            }
            Peer::StrongSwan => {
                let start = |(site, psks): (&Site, &Psks)| {
                    StrongSwan::start(&site.router, &strongswan(site.plan.address, psks))
                };
                pairs.map(start).collect::<Result<_>>().map(Self::StrongSwan)
            }
        }
    }

    /// Tells them of the gateway: two customer gateways, one attachment from one to the other, and the way to its LAN.
    /// Says what was done.
    pub fn configure(&self, psks: &[Psks; 2]) -> Result<&'static str> {
        match self {
            Self::Causeway(servers) => {
                for (server, psks) in servers.iter().zip(psks) {
                    configure(server, psks)?;
                }
                Ok("the sites are told the mirror image, through their own API")
            }
            Self::StrongSwan(_) => Ok("the sites' strongSwan was started with the mirror image"),
        }
    }

    /// What they are and where to look at them, one command each.
    pub fn look(&self) -> Vec<String> {
        match self {
            Self::Causeway(servers) => servers
                .iter()
                .map(|server| format!("causeway status --data {}", server.data().display()))
                .collect(),
            Self::StrongSwan(peers) => peers.iter().map(StrongSwan::swanctl_command).collect(),
        }
    }

    /// The end of each one's log.
    pub fn state(&self) -> String {
        match self {
            Self::Causeway(servers) => servers.iter().map(Server::state).collect::<Vec<_>>().join("\n"),
            Self::StrongSwan(peers) => {
                let end = |peer: &StrongSwan| {
                    let log = peer.log();
                    let lines: Vec<&str> = log.lines().collect();
                    format!("strongSwan's log ends:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
                };
                peers.iter().map(end).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

fn configure(server: &Server, psks: &Psks) -> Result<()> {
    let tunnel = |(address, psk): (&Ipv4Addr, &String)| -> Result<Tunnel> {
        let name = format!("gateway-{}", address.octets()[3]);
        let (customer_gateway, _) = attachment::create_customer_gateway(server, &name, *address)?;
        Ok(Tunnel { customer_gateway, psk: psk.clone() })
    };
    let [first, second] = [0, 1].map(|index| tunnel((&GATEWAY_ADDRESSES[index], &psks[index])));
    let (connection, _) = attachment::create(server, "headquarters", &[first?, second?])?;
    attachment::create_route(server, &connection, LAN)?;
    let give_up = Instant::now() + SETTLE_MAX;
    while attachment::describe(server, &connection)?.state != "attached" {
        if Instant::now() > give_up {
            bail!(
                "the attachment of a site is not attached after {} s: {}",
                SETTLE_MAX.as_secs(),
                server.state()
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// One daemon with a connection for each tunnel; it waits for the gateway to begin.
fn strongswan(address: Ipv4Addr, psks: &Psks) -> PeerConfig {
    let connection = |(index, gateway): (usize, &Ipv4Addr)| Connection {
        ike_proposals: STRONGSWAN_PROPOSALS.to_owned(),
        esp_proposals: STRONGSWAN_PROPOSALS.to_owned(),
        ..Connection::new(&format!("tunnel-{}", index + 1), address, *gateway, psks[index].as_bytes())
    };
    PeerConfig {
        connections: GATEWAY_ADDRESSES.iter().enumerate().map(connection).collect(),
        routes: vec![LAN],
        log_level: 1,
        ..PeerConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::strongswan;

    #[test]
    fn each_tunnel_of_a_site_goes_to_another_address_of_the_gateway_with_a_key_of_its_own() {
        let config = strongswan("203.0.113.10".parse().unwrap(), &["one".into(), "two".into()]);
        let [first, second] = config.connections.as_slice() else { panic!("two connections") };
        assert_ne!(first.remote, second.remote);
        assert_ne!((&first.name, &first.psk), (&second.name, &second.psk));
        assert_eq!(first.local, second.local);
    }
}
