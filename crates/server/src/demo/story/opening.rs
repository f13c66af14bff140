//! Steps 1 to 4: until the tunnels are up.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use causeway_netlab::{CaptureOptions, PingOptions, ping};

use super::{Outcome, Scene, Seen};
use crate::demo::Peer;
use crate::demo::attachment::{self, TUNNELS, Tunnel};
use crate::demo::peers::{Peers, Psks};
use crate::demo::print::duration;
use crate::demo::report::millis;
use crate::demo::server::Server;
use crate::demo::topology::{GATEWAY_ADDRESSES, Network, SITES};

/// How long the tunnels may take to come up.
const TUNNELS_UP_MAX: Duration = Duration::from_secs(20);

pub fn make_network(scene: &mut Scene<'_>) -> Result<Outcome> {
    let network = {
        let _waiting = scene.voice.waiting("making hosts and cables");
        Network::build(&scene.stage.lab)?
    };
    for line in PICTURE {
        scene.voice.detail(line);
    }
    let seen = marked_packets_seen(&network)?;
    let options = CaptureOptions { inner: network.inner(), ..CaptureOptions::default() };
    let capture = network.internet.capture(options)?;
    scene.stage.set_network(network, capture);
    Ok(Outcome::new(
        seen > 0,
        format!(
            "the wire is captured from here on; a trial showed that it sees packets in clear ({seen} seen)"
        ),
    ))
}

const PICTURE: [&str; 3] = [
    "lan 10.1.0.2 ── gateway 198.51.100.11, .12 ═══ internet ═══ 203.0.113.10 site1 ── site1-lan 10.2.0.2",
    "                                               captured ═══ 203.0.113.20 site2 ── site2-lan 10.3.0.2",
    "all in network namespaces of this machine; the routers have default routes to the internet, but not for 10.0.0.0/8",
];

/// A capture that sees nothing proves nothing: this one is shown packets with the known payload in clear first.
fn marked_packets_seen(network: &Network) -> Result<u64> {
    let capture = network.internet.capture(CaptureOptions::default())?;
    let options = PingOptions { count: 3, ..PingOptions::default() };
    for site in &network.sites {
        let answer = ping(&network.gateway, site.plan.address, &options)?;
        ensure!(answer.received > 0, "the gateway does not reach {} over the wire", site.plan.address);
    }
    Ok(capture.stop()?.marker_packets)
}

pub fn start(scene: &mut Scene<'_>) -> Result<Outcome> {
    let psks = [random_psks()?, random_psks()?];
    let waiting = scene.voice.waiting("starting");
    let network = scene.stage.network()?;
    let folder = scene.stage.folder.as_path();
    let gateway = Server::start(&network.gateway, &GATEWAY_ADDRESSES, folder)?;
    let peers = Peers::start(scene.stage.peer, &network.sites, &psks, folder)?;
    drop(waiting);
    let said = match scene.stage.peer {
        Peer::Causeway => "three `causeway serve` answer",
        Peer::StrongSwan => "`causeway serve` answers, and two strongSwan run",
    };
    scene.voice.detail(&format!("causeway serve --data {}", gateway.data().display()));
    scene.stage.set_gateway(gateway);
    scene.stage.set_peers(peers);
    scene.stage.psks = psks;
    Ok(Outcome::new(true, said))
}

/// Keys as they should be: long, random, one for each tunnel.
fn random_psks() -> Result<Psks> {
    let psk = || -> Result<String> {
        let mut bytes = [0; 24];
        aws_lc_rs::rand::fill(&mut bytes).context("the system has no random numbers")?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    Ok([psk()?, psk()?])
}

pub fn create_attachments(scene: &mut Scene<'_>) -> Result<Outcome> {
    let voice = scene.voice;
    let gateway = scene.stage.gateway()?;
    let peers = scene.stage.peers()?;
    let configured = peers.configure(&scene.stage.psks);
    let said = configured.map_err(|error| anyhow!("{error:#}\n{}", peers.state()))?;
    voice.detail(said);
    let mut made = Vec::new();
    for (plan, psks) in SITES.iter().zip(&scene.stage.psks) {
        let (customer_gateway, answer) =
            attachment::create_customer_gateway(gateway, plan.name, plan.address)?;
        let address: Ipv4Addr = plan.address;
        voice.call(
            "CreateCustomerGateway",
            &format!("Name={} IpAddress={address}", plan.name),
            &customer_gateway,
            &answer,
        );
        let tunnels = psks.clone().map(|psk| Tunnel { customer_gateway: customer_gateway.clone(), psk });
        let (id, answer) = attachment::create(gateway, plan.name, &tunnels)?;
        let parameters =
            format!("Name={} TunnelOptionsSpecification=[ikev2 aes sha256 group14 ×{TUNNELS}]", plan.name);
        voice.call("CreateVpnAttachment", &parameters, &id, &answer);
        made.push((id, answer.answered));
    }
    (scene.stage.attachments, scene.stage.created) = made.into_iter().unzip();
    Ok(Outcome::new(true, "the gateway knows both sites"))
}

pub fn wait_for_tunnels(scene: &mut Scene<'_>) -> Result<Outcome> {
    let stage = &scene.stage;
    let gateway = stage.gateway()?;
    let mut up_at: Vec<Option<Instant>> = vec![None; stage.attachments.len()];
    let all = stage.attachments.len() * TUNNELS;
    let what = format!("DescribeVpnConnection says ipsec_sa_established of all {all} tunnels");
    let waited = scene.wait_for(&what, TUNNELS_UP_MAX, || {
        let mut up = 0;
        for (id, up_at) in stage.attachments.iter().zip(&mut up_at) {
            if up_at.is_some() {
                up += TUNNELS;
                continue;
            }
            let described = attachment::describe(gateway, id)?;
            up += described.up();
            if described.up() == TUNNELS {
                *up_at = Some(Instant::now());
            }
        }
        Ok(if up == all { Seen::There(()) } else { Seen::NotYet(format!("{up} of {all}")) })
    });
    waited.map_err(|error| {
        let peers = stage.peers().map(Peers::state).unwrap_or_default();
        anyhow!("{error:#}\n{}\n{peers}", gateway.state())
    })?;
    let took = up_at.iter().flatten().zip(&stage.created).map(|(up, created)| up.duration_since(*created));
    let slowest = took.max().unwrap_or_default();
    scene.report.tunnel_up_ms = Some(millis(slowest));
    Ok(Outcome::new(
        true,
        format!(
            "{all} of {all} tunnels are ipsec_sa_established, {} after CreateVpnAttachment's answer",
            duration(slowest)
        ),
    ))
}
