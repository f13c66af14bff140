//! What must be so in a scenario, and how one sees whether it is.

use std::time::{Duration, Instant};

use causeway_control::observed::{FailureKind, NatDetected, ObservedTunnel, TunnelStatus};
use causeway_lab::{Expectation, Lost, Sa, Side};
use causeway_netlab::{Class, Flow, IkeSa, PingOptions, ping};

use crate::peer::CONNECTION;
use crate::stage::{BEHIND_PEER, Stage, VCO};

/// How long an answer under way is waited for when traffic ends.
const ANSWER: Duration = Duration::from_secs(1);
/// Packets of a ping.
const PINGS: u64 = 20;
const POLL: Duration = Duration::from_millis(20);

impl Stage {
    pub fn expect(&mut self, expected: &Expectation) {
        match expected {
            Expectation::Up { within, begun_by } => self.expect_up(*within, *begun_by),
            Expectation::Status { status, within } => self.wait_status(*status, *within),
            Expectation::Failure { kind, within } => self.wait_failure(kind, *within),
            Expectation::Ping(lost) => self.expect_ping(*lost),
            Expectation::Traffic(lost) => self.expect_traffic(*lost),
            Expectation::Rekeyed { sa, times, within } => self.wait_rekeyed(*sa, *times, *within),
            Expectation::Translated(nat) => self.expect_translated(*nat),
            Expectation::EspInUdp => self.expect_esp_in_udp(),
            Expectation::PeerLogs(text) => {
                assert!(self.peer_log().contains(text.as_str()), "the peer has not logged `{text}`");
            }
        }
    }

    fn wait_tunnel(&self, within: Duration, what: &str, is_so: impl Fn(&ObservedTunnel) -> bool) {
        self.site.world.wait_within(within, VCO, what, |it| {
            it.and_then(|it| it.tunnels.values().next()).is_some_and(&is_so)
        });
    }

    fn wait_status(&self, status: TunnelStatus, within: Duration) {
        self.wait_tunnel(within, status.as_str(), |tunnel| tunnel.status == status);
    }

    fn wait_failure(&self, kind: &FailureKind, within: Duration) {
        self.wait_tunnel(within, &format!("{kind:?}"), |tunnel| tunnel.failure.as_ref() == Some(kind));
    }

    /// The peer is asked first: what the gateway has may still be with a peer that is gone.
    fn expect_up(&self, within: Duration, begun_by: Option<Side>) {
        let end = Instant::now() + within;
        self.wait_status(TunnelStatus::IpsecSaEstablished, within);
        let up = loop {
            let sas = self.charon().sas().unwrap();
            if let Some(up) = sas.into_iter().find(|sa| sa.name == CONNECTION && sa.is_up()) {
                break up;
            }
            assert!(Instant::now() < end, "the peer is not up within {within:?}");
            std::thread::sleep(POLL);
        };
        self.wait_status(TunnelStatus::IpsecSaEstablished, end.saturating_duration_since(Instant::now()));
        if let Some(side) = begun_by {
            assert_eq!(began(&up), side, "begun by {}", began(&up));
        }
    }

    fn expect_ping(&self, lost: Lost) {
        let options = PingOptions { count: PINGS, ..PingOptions::default() };
        for target in self.targets() {
            let answer = ping(&self.site.lan, target, &options).unwrap();
            hold(lost, answer.sent, answer.received, &format!("pinging {target}"));
        }
    }

    /// Hosts behind the peer that the connection is for.
    fn targets(&self) -> impl Iterator<Item = std::net::Ipv4Addr> {
        let networks = &self.scenario.connection.remote_subnets;
        let is_everything = networks.iter().any(|net| net.prefix_len() == 0);
        let reached = move |host: &std::net::Ipv4Addr| networks.iter().any(|net| net.contains(host));
        let first = is_everything.then_some(BEHIND_PEER[0]);
        first.into_iter().chain(BEHIND_PEER.into_iter().filter(move |host| !is_everything && reached(host)))
    }

    fn expect_traffic(&mut self, lost: Lost) {
        if let Some(traffic) = self.traffic.take() {
            self.flow = Some(traffic.stop(ANSWER));
        }
        let flow: &Flow = self.flow.as_ref().expect("no traffic has started");
        let began = flow.probes.first().map(|first| first.sent);
        let lost_at = flow.probes.iter().filter(|probe| probe.received.is_none());
        let lost_at = lost_at.filter_map(|probe| Some(probe.sent.duration_since(began?).as_millis()));
        let lost_at: Vec<u128> = lost_at.take(20).collect();
        let what = format!("traffic (the first at {lost_at:?} ms)");
        hold(lost, flow.probes.len() as u64, flow.received(), &what);
    }

    fn wait_rekeyed(&self, sa: Sa, times: usize, within: Duration) {
        let end = Instant::now() + within;
        loop {
            let log = self.site.world.log();
            let count = |what: &str, how: &str| {
                log.iter().filter(|line| line.text.starts_with(what) && line.text.contains(how)).count()
            };
            // IKEv1 makes a new IKE SA where IKEv2 rekeys.
            let rekeyed = match sa {
                Sa::Ike => count("IKE SA", "rekeyed") + count("IKE SA", "established").saturating_sub(1),
                Sa::Child => count("child SA", "established").saturating_sub(1),
            };
            if rekeyed >= times {
                return;
            }
            assert!(Instant::now() < end, "{sa:?} rekeyed {rekeyed} times within {within:?}");
            std::thread::sleep(POLL);
        }
    }

    fn expect_translated(&self, nat: NatDetected) {
        self.wait_tunnel(Duration::ZERO, &format!("{nat:?}"), |tunnel| tunnel.nat == Some(nat));
    }

    fn expect_esp_in_udp(&self) {
        let seen = self.capture.so_far();
        let (inside, bare) = (seen.count(Class::EspInUdp), seen.count(Class::Esp));
        assert!(inside > 0 && bare == 0, "{inside} packets of ESP in UDP, {bare} bare");
    }
}

fn began(sa: &IkeSa) -> Side {
    if sa.initiated { Side::Peer } else { Side::Gateway }
}

fn hold(lost: Lost, sent: u64, received: u64, what: &str) {
    let missing = sent - received;
    let holds = match lost {
        Lost::AtMostPercent(percent) => sent > 0 && missing * 100 <= u64::from(percent) * sent,
        Lost::All => sent > 0 && received == 0,
    };
    assert!(holds, "{what}: {missing} of {sent} packets were lost");
}
