//! Steps 5 to 9: a route, its deletion, and what could be seen on the wire.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use causeway_netlab::{PingAnswer, PingOptions, Pinger, TcpOptions, Throughput, ping, tcp_throughput};

use super::{Outcome, Scene, Seen};
use crate::demo::attachment;
use crate::demo::print::duration;
use crate::demo::report::{Cut, Pings, encrypted, millis, pings, rounded};
use crate::demo::server::Answer;
use crate::demo::topology::{SITES, Site};

/// How many pings show that something passes or does not.
const PINGS: PingOptions = PingOptions {
    count: 20,
    interval: Duration::from_millis(20),
    timeout: Duration::from_millis(800),
    size: 56,
};

/// How long an attachment may be `updating`.
const ATTACHED_MAX: Duration = Duration::from_secs(5);

/// How long the TCP stream to the first site is, from which the figure is taken.
const STREAM: Duration = Duration::from_secs(3);

/// How long the one to its neighbour is.
const NEIGHBOUR_STREAM: Duration = Duration::from_secs(1);

/// The time from ping to ping while the route is deleted.
const FLOW_INTERVAL: Duration = Duration::from_millis(1);

/// How long the flows run before the deletion.
const FLOW_BEFORE: Duration = Duration::from_millis(400);

/// How long they run after it.
const FLOW_AFTER: Duration = Duration::from_millis(700);

/// How long an answer to a flow's last pings may take.
const FLOW_PATIENCE: Duration = Duration::from_millis(200);

/// What the last packet may take at most after the deletion was answered.
const LAST_PACKET_MAX: Duration = Duration::from_millis(50);

/// The site whose route is deleted, and its neighbour.
const SITE: usize = 0;
const NEIGHBOUR: usize = 1;

pub fn nothing_before(scene: &mut Scene<'_>) -> Result<Outcome> {
    let answer = ping_site(scene, SITE)?;
    let pings = Pings::from(&answer);
    scene.report.ping_before = Some(pings);
    Ok(Outcome::new(
        pings.none(),
        format!("ping from lan to site1-lan: {pings} answered{}", unreachable(&answer)),
    ))
}

pub fn create(scene: &mut Scene<'_>) -> Result<Outcome> {
    for (index, plan) in SITES.iter().enumerate() {
        let connection = scene.stage.attachment(index)?;
        let answer = attachment::create_route(scene.stage.gateway()?, connection, plan.lan)?;
        show_route_call(scene, "CreateVcoRouteEntry", index, &answer)?;
        let settled = wait_until_attached(scene, index, &answer)?;
        if index == SITE {
            scene.report.create_to_attached_ms = Some(millis(settled));
        }
    }
    let pings = Pings::from(&ping_site(scene, SITE)?);
    scene.report.ping_with_route = Some(pings);
    let neighbours = Pings::from(&ping_site(scene, NEIGHBOUR)?);
    scene.voice.detail(&format!("ping from lan to site1-lan: {pings} answered; to site2-lan: {neighbours}"));
    scene.go_on()?;
    let stream = send(scene, SITE, STREAM)?;
    let gbps = rounded(stream.gbps(), 3);
    scene.report.tcp_gbps = Some(gbps);
    scene.go_on()?;
    let neighbours_gbps = rounded(send(scene, NEIGHBOUR, NEIGHBOUR_STREAM)?.gbps(), 3);
    let passes = pings.all() && neighbours.all() && stream.bytes > 0 && neighbours_gbps > 0.0;
    Ok(Outcome::new(
        passes,
        format!("ping {pings}; TCP {gbps} Gb/s to site1, {neighbours_gbps} Gb/s to site2"),
    ))
}

pub fn delete(scene: &mut Scene<'_>) -> Result<Outcome> {
    let (flow, neighbours_flow) = (start_flow(scene, SITE)?, start_flow(scene, NEIGHBOUR)?);
    scene.voice.detail(&format!("a ping each {} from lan to both sites", duration(FLOW_INTERVAL)));
    std::thread::sleep(FLOW_BEFORE);
    let gateway = scene.stage.gateway()?;
    let answer = attachment::delete_route(gateway, scene.stage.attachment(SITE)?, SITES[SITE].lan)?;
    show_route_call(scene, "DeleteVcoRouteEntry", SITE, &answer)?;
    let settled = wait_until_attached(scene, SITE, &answer)?;
    std::thread::sleep(FLOW_AFTER.saturating_sub(answer.answered.elapsed()));
    let cut = Cut::of(&flow.stop(FLOW_PATIENCE), answer.called, answer.answered);
    let neighbours = pings(&neighbours_flow.stop(FLOW_PATIENCE));

    scene.report.delete_to_last_packet_ms = Some(millis(cut.last_packet_after_answer));
    scene.report.delete_call_to_last_packet_ms = Some(millis(cut.last_packet_after_call));
    scene.report.delete_to_attached_ms = Some(millis(settled));
    scene.report.neighbour_sent = Some(neighbours.sent);
    scene.report.neighbour_lost = Some(neighbours.sent - neighbours.received);
    scene.voice.detail(&format!(
        "site1: of the pings before the call {} were answered; {} were sent after its answer; attached after {}",
        cut.before,
        cut.sent_after,
        duration(settled)
    ));
    let is_cut = cut.before.all() && cut.sent_after > 0 && cut.last_packet_after_answer < LAST_PACKET_MAX;
    Ok(Outcome::new(
        is_cut && neighbours.all(),
        format!(
            "the last packet got through {} after the answer, {} after the call; site2 lost {} of {}",
            duration(cut.last_packet_after_answer),
            duration(cut.last_packet_after_call),
            neighbours.sent - neighbours.received,
            neighbours.sent
        ),
    ))
}

pub fn nothing_after(scene: &mut Scene<'_>) -> Result<Outcome> {
    let left = attachment::routes(scene.stage.gateway()?, scene.stage.attachment(SITE)?)?;
    scene.voice.detail(&format!("DescribeVcoRouteEntries of site1 lists {} routes", left.len()));
    let answer = ping_site(scene, SITE)?;
    let pings = Pings::from(&answer);
    scene.report.ping_after_delete = Some(pings);
    let neighbours = Pings::from(&ping_site(scene, NEIGHBOUR)?);
    let gone = !left.contains(&SITES[SITE].lan.to_string());
    let route = if gone { "gone" } else { "still listed" };
    Ok(Outcome::new(
        pings.none() && gone && neighbours.all(),
        format!(
            "ping to site1-lan: {pings} answered{}; the route is {route}; to site2-lan: {neighbours}",
            unreachable(&answer)
        ),
    ))
}

pub fn nothing_in_clear(scene: &mut Scene<'_>) -> Result<Outcome> {
    let captured = scene.stage.take_capture()?.stop()?;
    scene.report.set_captured(&captured);
    for leak in captured.leaks.iter().take(3) {
        let address =
            |address: Option<std::net::Ipv4Addr>| address.map_or_else(|| "?".to_owned(), |ip| ip.to_string());
        scene.voice.detail(&format!(
            "in clear: {:?} from {} to {}: {}",
            leak.class,
            address(leak.source),
            address(leak.destination),
            leak.why
        ));
    }
    let dropped = match captured.dropped {
        0 => String::new(),
        dropped => format!(" (the capture missed {dropped})"),
    };
    Ok(Outcome::new(
        captured.clear_text_packets == 0 && encrypted(&captured) > 0,
        format!(
            "{} packets crossed the wire, {} of them ESP{dropped}: {} in clear",
            captured.total(),
            encrypted(&captured),
            captured.clear_text_packets
        ),
    ))
}

fn site<'a>(scene: &'a Scene<'_>, index: usize) -> Result<&'a Site> {
    scene.stage.network()?.sites.get(index).context("there is no such site")
}

fn ping_site(scene: &Scene<'_>, index: usize) -> Result<PingAnswer> {
    let site = site(scene, index)?;
    let _waiting = scene.voice.waiting(&format!("ping from lan to {}-lan", site.plan.name));
    ping(&scene.stage.network()?.lan, site.plan.host, &PINGS)
}

fn unreachable(answer: &PingAnswer) -> String {
    if answer.unreachable == 0 {
        return String::new();
    }
    format!(", the gateway says unreachable ({} times)", answer.unreachable)
}

fn send(scene: &Scene<'_>, index: usize, time: Duration) -> Result<Throughput> {
    let site = site(scene, index)?;
    let _waiting =
        scene.voice.waiting(&format!("TCP from lan to {}-lan for {}", site.plan.name, duration(time)));
    let options = TcpOptions { duration: time, ..TcpOptions::default() };
    tcp_throughput(&scene.stage.network()?.lan, &site.lan, SocketAddrV4::new(site.plan.host, 0), &options)
        .with_context(|| format!("TCP from lan to {}-lan", site.plan.name))
}

fn show_route_call(scene: &Scene<'_>, action: &str, index: usize, answer: &Answer) -> Result<()> {
    let connection = scene.stage.attachment(index)?;
    let parameters = format!(
        "VpnConnectionId={connection} RouteDest={} NextHop={connection} Weight=100",
        SITES[index].lan
    );
    let request = answer.value["RequestId"].as_str().unwrap_or_default();
    scene.voice.call(action, &parameters, &format!("RequestId {request}"), answer);
    Ok(())
}

/// Waits until the gateway has done what it was told; gives the time since the answer.
fn wait_until_attached(scene: &Scene<'_>, index: usize, answer: &Answer) -> Result<Duration> {
    let (gateway, connection) = (scene.stage.gateway()?, scene.stage.attachment(index)?);
    let waited = scene.wait_for("DescribeVpnConnection says attached again", ATTACHED_MAX, || {
        let state = attachment::describe(gateway, connection)?.state;
        Ok(if state == "attached" { Seen::There(Instant::now()) } else { Seen::NotYet(state) })
    });
    let at = waited.map_err(|error| anyhow!("{error:#}\n{}", gateway.state()))?;
    Ok(at.duration_since(answer.answered))
}

fn start_flow(scene: &Scene<'_>, index: usize) -> Result<Pinger> {
    Pinger::start(&scene.stage.network()?.lan, site(scene, index)?.plan.host, FLOW_INTERVAL)
}
