//! What the demo has made so far, and the order in which it goes.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use causeway_netlab::{Capture, Lab};

use super::Peer;
use super::peers::{Peers, Psks};
use super::server::Server;
use super::topology::Network;

/// Everything that the demo made. Dropping it removes everything: the fields from top to bottom.
pub struct Stage {
    /// The capture of the wire.
    capture: Option<Capture>,
    /// Ends all processes at once, and then removes the hosts.
    pub lab: Lab,
    network: Option<Network>,
    gateway: Option<Server>,
    peers: Option<Peers>,
    /// The attachment of each site, in the order of the sites.
    pub attachments: Vec<String>,
    /// When the creation of each was answered.
    pub created: Vec<Instant>,
    /// The pre-shared keys of each site's tunnels.
    pub psks: [Psks; 2],
    /// Who is at the sites.
    pub peer: Peer,
    /// The lab's folder: configurations, data folders and logs of what runs in it. It goes with the lab.
    pub folder: PathBuf,
}

impl Stage {
    /// An empty one.
    pub fn new(peer: Peer, lab: Lab) -> Result<Self> {
        let folder = lab.folder()?;
        Ok(Self {
            capture: None,
            lab,
            network: None,
            gateway: None,
            peers: None,
            attachments: Vec::new(),
            created: Vec::new(),
            psks: Default::default(),
            peer,
            folder,
        })
    }

    /// Puts the network on it, and the capture that watches its wire.
    pub fn set_network(&mut self, network: Network, capture: Capture) {
        self.network = Some(network);
        self.capture = Some(capture);
    }

    /// Puts the gateway on it.
    pub fn set_gateway(&mut self, gateway: Server) {
        self.gateway = Some(gateway);
    }

    /// Puts what is at the sites on it.
    pub fn set_peers(&mut self, peers: Peers) {
        self.peers = Some(peers);
    }

    /// The network.
    pub fn network(&self) -> Result<&Network> {
        self.network.as_ref().context("there is no network yet")
    }

    /// The gateway.
    pub fn gateway(&self) -> Result<&Server> {
        self.gateway.as_ref().context("there is no gateway yet")
    }

    /// What is at the sites.
    pub fn peers(&self) -> Result<&Peers> {
        self.peers.as_ref().context("there is nobody at the sites yet")
    }

    /// The attachment of the site with this number, from 0.
    pub fn attachment(&self, site: usize) -> Result<&str> {
        self.attachments.get(site).map(String::as_str).context("the site has no attachment yet")
    }

    /// Ends the capture and hands it over.
    pub fn take_capture(&mut self) -> Result<Capture> {
        self.capture.take().context("the wire is not captured")
    }
}
