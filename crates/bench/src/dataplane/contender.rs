//! What is measured side by side, each set up as its manual says and with a cipher of AES-NI class where it has a choice.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};
use causeway_netlab::{Connection, Host, Lab, PeerConfig, StrongSwan};
use ipnet::Ipv4Net;
use std::time::{Duration, Instant};

use super::LAB_PREFIX;
use super::pair::{LEFT, LEFT_NET, Pair, RIGHT, RIGHT_NET};
use super::wireguard::{self, WireGuard};
use crate::gateway::{Gateway, PSK, Wanted};
use crate::ike::generator::{Crowd, Plan};
use causeway_crypto::{DhGroup, Encryption};

/// How long a tunnel may take until packets pass.
const UP_TIME_MAX: Duration = Duration::from_secs(20);

/// What is between the two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// Nothing: the limit.
    Veth,
    /// Two `causeway serve`, with so many tunnels up at the left one; traffic goes through one of them.
    Causeway {
        /// How many.
        tunnels: u32,
    },
    /// Two charons with kernel-libipsec, AES-128-GCM.
    StrongSwan,
    /// Two wireguard-go, ChaCha20-Poly1305.
    WireGuardGo,
    /// Two boringtun-cli, ChaCha20-Poly1305.
    BoringTun,
}

/// What runs for a contender; it ends when this is dropped.
enum Running {
    /// Nothing.
    Nothing,
    /// The gateways, and who holds the idle tunnels.
    Causeway { _gateways: Box<[Gateway; 2]>, _crowd: Option<Crowd> },
    /// The charons.
    StrongSwan { _charons: Box<[StrongSwan; 2]> },
    /// The daemons of WireGuard.
    WireGuard { _daemons: Box<[WireGuard; 2]> },
}

/// A contender that is up between two hosts, in a lab of its own, so that nothing of one is left for the next.
pub struct Up {
    // It ends before the lab that it runs in.
    _running: Running,
    /// The hosts.
    pub pair: Pair,
    _lab: Lab,
}

impl Up {
    /// Sets it up, and comes back when packets pass.
    pub fn start(contender: Contender) -> Result<Self> {
        let lab = Lab::new(LAB_PREFIX)?;
        let pair = Pair::build(&lab)?;
        let running =
            contender.start(&lab, &pair).with_context(|| format!("starting {}", contender.name()))?;
        Ok(Self { _running: running, pair, _lab: lab })
    }
}

impl Contender {
    /// What the table calls it.
    pub fn name(self) -> String {
        match self {
            Self::Veth => "veth alone".to_owned(),
            Self::Causeway { tunnels: 1 } => "**Causeway**".to_owned(),
            Self::Causeway { tunnels } => format!("**Causeway**, {tunnels} tunnels up"),
            Self::StrongSwan => "strongSwan, kernel-libipsec".to_owned(),
            Self::WireGuardGo => "wireguard-go".to_owned(),
            Self::BoringTun => "boringtun-cli".to_owned(),
        }
    }

    fn start(self, lab: &Lab, pair: &Pair) -> Result<Running> {
        let running = match self {
            Self::Veth => {
                pair.route_plainly()?;
                Running::Nothing
            }
            Self::Causeway { tunnels } => causeway(lab, pair, tunnels)?,
            Self::StrongSwan => strongswan(pair)?,
            Self::WireGuardGo => wireguard(lab, pair, wireguard::Daemon::WireGuardGo)?,
            Self::BoringTun => wireguard(lab, pair, wireguard::Daemon::BoringTun)?,
        };
        wait_until_through(pair)?;
        Ok(running)
    }
}

fn wait_until_through(pair: &Pair) -> Result<()> {
    let give_up = Instant::now() + UP_TIME_MAX;
    let options = causeway_netlab::PingOptions {
        count: 1,
        timeout: Duration::from_millis(100),
        ..causeway_netlab::PingOptions::default()
    };
    while causeway_netlab::ping(&pair.left, *pair.target().ip(), &options)?.received == 0 {
        if Instant::now() > give_up {
            bail!("no packet passed within {} s", UP_TIME_MAX.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn causeway(lab: &Lab, pair: &Pair, tunnels: u32) -> Result<Running> {
    let folder = lab.folder()?;
    let left = Gateway::start(&pair.left, LEFT, &folder)?;
    let right = Gateway::start(&pair.right, RIGHT, &folder)?;
    let tunnel = |peer, route| Wanted { peer, route, ike_pfs: "group31", ipsec_enc_alg: "aes128gcm" };
    left.configure(&[tunnel(RIGHT, RIGHT_NET)])?;
    right.configure(&[tunnel(LEFT, LEFT_NET)])?;
    let crowd = if tunnels > 1 { Some(idle_tunnels(lab, &pair.left, &left, tunnels - 1)?) } else { None };
    Ok(Running::Causeway { _gateways: Box::new([left, right]), _crowd: crowd })
}

/// Further tunnels of the left gateway, each with a route, to peers without a data plane.
fn idle_tunnels(lab: &Lab, left: &Host, gateway: &Gateway, count: u32) -> Result<Crowd> {
    let plan = Plan {
        server: LEFT,
        count,
        in_flight: 16,
        group: DhGroup::Curve25519,
        child: Encryption::Aes128Gcm16,
    };
    let crowd = Crowd::place(lab, left, plan)?;
    let wanted: Vec<Wanted> = (0..count)
        .map(|number| Wanted {
            peer: Plan::address(number),
            route: Ipv4Net::from(Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 200, 0, 0)) + number)),
            ike_pfs: "group31",
            ipsec_enc_alg: "aes128gcm",
        })
        .collect();
    gateway.configure(&wanted)?;
    let mut crowd = crowd;
    let outcome = crowd.establish(Duration::from_secs(60))?;
    if outcome.latencies.len() < count as usize {
        bail!("only {} of {count} idle tunnels came up", outcome.latencies.len());
    }
    Ok(crowd)
}

fn strongswan(pair: &Pair) -> Result<Running> {
    let config = |local, remote, local_net, remote_net| {
        let connection = Connection {
            ike_proposals: "aes128-sha256-curve25519".to_owned(),
            esp_proposals: "aes128gcm16".to_owned(),
            local_networks: vec![local_net],
            remote_networks: vec![remote_net],
            ..Connection::new("bench", local, remote, PSK.as_bytes())
        };
        PeerConfig { connections: vec![connection], ..PeerConfig::default() }
    };
    let left = StrongSwan::start(&pair.left, &config(LEFT, RIGHT, LEFT_NET, RIGHT_NET))?;
    let right = StrongSwan::start(&pair.right, &config(RIGHT, LEFT, RIGHT_NET, LEFT_NET))?;
    left.initiate("bench", Duration::from_secs(10)).context("strongSwan's tunnel does not come up")?;
    Ok(Running::StrongSwan { _charons: Box::new([left, right]) })
}

fn wireguard(lab: &Lab, pair: &Pair, daemon: wireguard::Daemon) -> Result<Running> {
    let (left_keys, right_keys) = (wireguard::Keys::make()?, wireguard::Keys::make()?);
    let folder = lab.folder()?;
    let left =
        WireGuard::start(daemon, &pair.left, &folder, &left_keys, (&right_keys.public, RIGHT, RIGHT_NET))?;
    let right =
        WireGuard::start(daemon, &pair.right, &folder, &right_keys, (&left_keys.public, LEFT, LEFT_NET))?;
    Ok(Running::WireGuard { _daemons: Box::new([left, right]) })
}
