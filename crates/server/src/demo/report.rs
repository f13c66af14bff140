//! What was measured, and the rules by which it is computed.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use causeway_netlab::{Captured, Class, Flow, PingAnswer};
use serde::Serialize;

/// What `--report` writes. A member is null when the story did not come that far.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The version of this program.
    pub version: &'static str,
    /// Who was at the other end: `causeway` or `strongswan`.
    pub peer: &'static str,
    /// Whether every step was as it should be.
    pub ok: bool,
    /// From the answer of CreateVpnAttachment until DescribeVpnConnection says that all tunnels of the attachment are
    /// `ipsec_sa_established`, in milliseconds; of the two attachments, the slower one.
    pub tunnel_up_ms: Option<f64>,
    /// Pings before the route exists.
    pub ping_before: Option<Pings>,
    /// From the answer of CreateVcoRouteEntry until DescribeVpnConnection says `attached` again, in milliseconds.
    pub create_to_attached_ms: Option<f64>,
    /// Pings when the route exists.
    pub ping_with_route: Option<Pings>,
    /// Gigabits of payload per second of one TCP stream through the tunnel.
    pub tcp_gbps: Option<f64>,
    /// From the answer of DeleteVcoRouteEntry to the last packet that got through, in milliseconds; see [`Cut`].
    pub delete_to_last_packet_ms: Option<f64>,
    /// From the call of DeleteVcoRouteEntry to the last packet that got through, in milliseconds: the figure above and the
    /// time that the call took, as far as packets got through during it.
    pub delete_call_to_last_packet_ms: Option<f64>,
    /// From the answer of DeleteVcoRouteEntry until DescribeVpnConnection says `attached` again, in milliseconds.
    pub delete_to_attached_ms: Option<f64>,
    /// Of the pings to the neighbour site that were sent around the deletion, how many were not answered.
    pub neighbour_lost: Option<u64>,
    /// How many pings that were.
    pub neighbour_sent: Option<u64>,
    /// Pings after the route was deleted.
    pub ping_after_delete: Option<Pings>,
    /// Packets on the wire, over the whole story, that show an inner address or the known payload.
    pub clear_text_packets: Option<u64>,
    /// ESP packets on the wire over the whole story.
    pub encrypted_packets: Option<u64>,
    /// Packets that the capture had no room for; 0 when `clear_text_packets` is the whole truth.
    pub capture_dropped: Option<u64>,
    /// The steps of the story.
    pub steps: Vec<Step>,
}

/// Of how many pings how many were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pings {
    /// Echo requests sent.
    pub sent: u64,
    /// Echo replies received.
    pub received: u64,
}

/// A step of the story.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Counts from 1.
    pub number: usize,
    /// What it is about.
    pub title: &'static str,
    /// Whether it was as it should be.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// What came of it.
    pub said: String,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(peer: &'static str) -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), peer, ..Self::default() }
    }

    /// Takes over what the capture of the wire saw.
    pub fn set_captured(&mut self, captured: &Captured) {
        self.clear_text_packets = Some(captured.clear_text_packets);
        self.encrypted_packets = Some(encrypted(captured));
        self.capture_dropped = Some(captured.dropped);
    }
}

/// ESP packets, plain and in UDP.
pub fn encrypted(captured: &Captured) -> u64 {
    captured.count(Class::Esp) + captured.count(Class::EspInUdp)
}

impl Pings {
    /// Whether there were some and all were answered.
    pub fn all(self) -> bool {
        self.sent > 0 && self.received == self.sent
    }

    /// Whether there were some and none was answered.
    pub fn none(self) -> bool {
        self.sent > 0 && self.received == 0
    }
}

impl From<&PingAnswer> for Pings {
    fn from(answer: &PingAnswer) -> Self {
        Self { sent: answer.sent, received: answer.received }
    }
}

impl std::fmt::Display for Pings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} of {}", self.received, self.sent)
    }
}

/// What a flow of pings says about the deletion of the route that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The pings that were sent well before DeleteVcoRouteEntry was called: all of them should have been answered.
    pub before: Pings,
    /// From the answer of DeleteVcoRouteEntry to the last packet that got through.
    ///
    /// A packet got through when its echo reply was received, and the moment is that of the reply's receipt: it includes
    /// the way there and back, so the figure is never too small. Zero when the last reply came before the answer.
    pub last_packet_after_answer: Duration,
    /// The same from the call on: how long it took in all. It is what tells figures of nearly zero apart.
    pub last_packet_after_call: Duration,
    /// How many pings were sent after the answer: the figure means nothing without any.
    pub sent_after: u64,
}

impl Cut {
    /// A ping that is on its way when DeleteVcoRouteEntry is called may be lost rightly; one sent this long before has
    /// had the time to come back.
    const ROUND_TRIP_MAX: Duration = Duration::from_millis(20);

    /// Reads the flow.
    pub fn of(flow: &Flow, called: Instant, answered: Instant) -> Self {
        let mut before = Pings { sent: 0, received: 0 };
        for probe in &flow.probes {
            if probe.sent + Self::ROUND_TRIP_MAX < called {
                before.sent += 1;
                before.received += u64::from(probe.received.is_some());
            }
        }
        let sent_after = flow.probes.iter().filter(|probe| probe.sent > answered).count() as u64;
        Self {
            before,
            last_packet_after_answer: flow.last_through_after(answered),
            last_packet_after_call: flow.last_through_after(called),
            sent_after,
        }
    }
}

/// All pings of a flow.
pub fn pings(flow: &Flow) -> Pings {
    Pings { sent: flow.probes.len() as u64, received: flow.received() }
}

/// Milliseconds with two decimals.
pub fn millis(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1e3, 2)
}

/// A figure with so many decimals.
pub fn rounded(figure: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    (figure * factor).round() / factor
}

/// The file that the report goes to. It is created before the story, so that one learns at once when it cannot be.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
    file: File,
}

impl ReportFile {
    /// Creates it, or empties what is there.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| {
            format!("cannot write the report to {}; name another file with --report", path.display())
        })?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes the report.
    pub fn write(mut self, report: &Report) -> Result<()> {
        let mut text =
            serde_json::to_string_pretty(report).context("the report cannot be written as JSON")?;
        text.push('\n');
        self.file
            .write_all(text.as_bytes())
            .with_context(|| format!("cannot write the report to {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests;
