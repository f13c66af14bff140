use std::time::{Duration, Instant};

use causeway_netlab::{Flow, Probe};

use super::{Cut, Pings, Report, ReportFile, Step, millis};

/// A ping each 10 ms; those with a number are answered after so many milliseconds.
fn flow(start: Instant, answered_after_ms: &[Option<u64>]) -> Flow {
    let probe = |(sequence, after): (u64, &Option<u64>)| {
        let sent = start + Duration::from_millis(10 * sequence);
        Probe { sequence, sent, received: after.map(|after| sent + Duration::from_millis(after)) }
    };
    Flow { probes: (0..).zip(answered_after_ms).map(probe).collect(), ..Flow::default() }
}

fn at(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}

#[test]
fn the_last_packet_counts_from_the_answer_to_the_receipt_of_the_last_reply() {
    let start = Instant::now();
    let flow = flow(start, &[Some(1), Some(1), Some(1), Some(1), Some(1), Some(4), None, None]);
    let cut = Cut::of(&flow, at(start, 45), at(start, 47));
    assert_eq!(cut.last_packet_after_answer, Duration::from_millis(7));
    assert_eq!(cut.before, Pings { sent: 3, received: 3 });
    assert_eq!(cut.sent_after, 3);
}

#[test]
fn a_flow_that_ended_before_the_answer_gives_zero_and_not_less() {
    let start = Instant::now();
    let flow = flow(start, &[Some(1), Some(1), None, None, None]);
    let cut = Cut::of(&flow, at(start, 8), at(start, 30));
    assert_eq!(cut.last_packet_after_answer, Duration::ZERO);
    assert_eq!(cut.last_packet_after_call, Duration::from_millis(3));
}

#[test]
fn a_flow_that_never_passed_is_told_from_one_that_was_cut() {
    let start = Instant::now();
    let dead = flow(start, &[None; 8]);
    let cut = Cut::of(&dead, at(start, 50), at(start, 52));
    assert_eq!(cut.last_packet_after_answer, Duration::ZERO);
    assert!(cut.before.none());
}

#[test]
fn a_late_packet_counts_even_when_earlier_ones_were_lost() {
    let start = Instant::now();
    let flow = flow(start, &[Some(1), None, None, None, None, None, None, Some(2), None]);
    assert_eq!(
        Cut::of(&flow, at(start, 9), at(start, 10)).last_packet_after_answer,
        Duration::from_millis(62)
    );
}

#[test]
fn no_pings_at_all_prove_nothing() {
    let no_pings = Pings { sent: 0, received: 0 };
    assert!(!no_pings.all() && !no_pings.none());
}

#[test]
fn the_report_has_the_promised_members_also_when_the_story_ended_early() {
    let mut report = Report::new("strongswan");
    report.ping_before = Some(Pings { sent: 20, received: 0 });
    report.steps.push(Step {
        number: 1,
        title: "…",
        ok: true,
        ms: millis(Duration::from_micros(1_234)),
        said: "…".into(),
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    ReportFile::create(&path).unwrap().write(&report).unwrap();
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for member in [
        "ping_before",
        "ping_with_route",
        "ping_after_delete",
        "delete_to_last_packet_ms",
        "tcp_gbps",
        "clear_text_packets",
        "tunnel_up_ms",
        "peer",
        "neighbour_lost",
        "ok",
    ] {
        assert!(read.get(member).is_some(), "{member}");
    }
    assert_eq!(read["ping_before"]["sent"], 20);
    assert_eq!(read["steps"][0]["ms"], 1.23);
    assert!(read["tcp_gbps"].is_null());
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_story() {
    let error = ReportFile::create(std::path::Path::new("/nowhere/report.json")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/report.json"), "{error}");
}
