//! One picture of `causeway top`, out of two readings.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::metrics::exposition::{Exposition, Sample};

/// How many lines a picture has beside its tunnels, with one for the cursor.
pub const LINES_AROUND: usize = 6;

/// How a picture is to look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Whether colours are understood.
    pub colours: bool,
    /// How many tunnels are shown; all if there is no bound.
    pub rows_max: Option<usize>,
}

/// What happened between two readings.
pub struct Frame {
    tunnels: Vec<Tunnel>,
    unsettled: usize,
    connections: usize,
    requests: f64,
    unrouted: f64,
    memory: f64,
}

/// A tunnel; what flows is in a second.
#[derive(Debug, Default)]
struct Tunnel {
    connection: String,
    role: String,
    peer: String,
    status: String,
    is_configured: bool,
    is_up: bool,
    is_healthy: bool,
    /// In seconds, if it is known.
    round_trip: Option<f64>,
    sent_bytes: f64,
    received_bytes: f64,
    sent_packets: f64,
    received_packets: f64,
    dropped: f64,
    handshakes: f64,
}

impl Frame {
    /// What happened between two readings that are so far apart.
    pub fn between(before: &Exposition, now: &Exposition, apart: Duration) -> Self {
        let seconds = apart.as_secs_f64().max(f64::EPSILON);
        let rate = |name: &str| rise(before, now, name) / seconds;
        let in_force = now
            .named("causeway_connection_state")
            .filter(|it| matches!(it.label("state"), "attached" | "active") && it.value > 0.0);
        let connections = now.named("causeway_connection_info").count();
        Self {
            tunnels: tunnels(before, now, seconds),
            connections,
            unsettled: connections.saturating_sub(in_force.count()),
            requests: rate("causeway_api_requests_total"),
            unrouted: rate("causeway_connection_dropped_packets_total")
                + rate("causeway_domain_dropped_packets_total")
                + rate("causeway_gateway_dropped_packets_total"),
            memory: now.sum("process_resident_memory_bytes"),
        }
    }

    /// The picture as text: what is down first, then by traffic.
    pub fn show(&self, look: Look) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out, look);
        out
    }

    fn write(&self, out: &mut String, look: Look) -> std::fmt::Result {
        let configured = self.tunnels.iter().filter(|tunnel| tunnel.is_configured);
        let up = configured.clone().filter(|tunnel| tunnel.is_up).count();
        let total = |of: fn(&Tunnel) -> f64| self.tunnels.iter().map(of).sum::<f64>();
        writeln!(
            out,
            "tunnels {up} of {} up   connections {}, {} not in force   API {:.1}/s   memory {}B",
            configured.count(),
            self.connections,
            self.unsettled,
            self.requests,
            short(self.memory),
        )?;
        writeln!(
            out,
            "sent {}bit/s   received {}bit/s   dropped in tunnels {}/s, outside {}/s",
            short(total(|tunnel| tunnel.sent_bytes) * 8.0),
            short(total(|tunnel| tunnel.received_bytes) * 8.0),
            short(total(|tunnel| tunnel.dropped)),
            short(self.unrouted),
        )?;
        writeln!(
            out,
            "\n{:<26} {:<7} {:<15} {:<25} {:>7} {:>9} {:>9} {:>8} {:>8} {:>8} {:>6}",
            "CONNECTION",
            "ROLE",
            "PEER",
            "STATUS",
            "RTT ms",
            "SENT b/s",
            "RECV b/s",
            "SENT p/s",
            "RECV p/s",
            "DROP/s",
            "SHAKES"
        )?;
        let rows = look.rows_max.unwrap_or(usize::MAX);
        for tunnel in self.tunnels.iter().take(rows) {
            tunnel.write(out, look)?;
        }
        match self.tunnels.len().saturating_sub(rows) {
            0 => Ok(()),
            more => writeln!(out, "… and {more} more"),
        }
    }
}

impl Tunnel {
    fn write(&self, out: &mut String, look: Look) -> std::fmt::Result {
        let colour = match (self.is_up, self.is_configured) {
            (true, _) if self.is_healthy => 32,
            (true, _) => 33,
            (false, true) => 31,
            (false, false) => 90,
        };
        // Padded first: what colours a word takes no room.
        let status = if self.is_up && !self.is_healthy { "up, lets nothing through" } else { &self.status };
        let status = format!("{status:<25}");
        let status = if look.colours { format!("\x1b[{colour}m{status}\x1b[0m") } else { status };
        writeln!(
            out,
            "{:<26} {:<7} {:<15} {status} {:>7} {:>9} {:>9} {:>8} {:>8} {:>8} {:>6}",
            self.connection,
            self.role,
            self.peer,
            self.round_trip.map_or_else(|| "-".to_owned(), |seconds| format!("{:.1}", seconds * 1_000.0)),
            short(self.sent_bytes * 8.0),
            short(self.received_bytes * 8.0),
            short(self.sent_packets),
            short(self.received_packets),
            short(self.dropped),
            self.handshakes,
        )
    }
}

fn tunnels(before: &Exposition, now: &Exposition, seconds: f64) -> Vec<Tunnel> {
    let (before, now) = (by_tunnel(before), by_tunnel(now));
    let none = Vec::new();
    let one = |(id, samples): (&&str, &Vec<&Sample>)| {
        let (then, samples) = (before.get(id).unwrap_or(&none), samples);
        let rate = |name: &str| since(sum(then, name), sum(samples, name)) / seconds;
        let label = |name: &str| samples.first().map(|it| it.label(name)).unwrap_or_default().to_owned();
        let is = |it: &&&Sample| it.name == "causeway_tunnel_status" && it.value > 0.0;
        Tunnel {
            connection: label("connection"),
            role: label("role"),
            peer: label("peer"),
            status: samples.iter().find(is).map(|it| it.label("status").to_owned()).unwrap_or_default(),
            is_configured: sum(samples, "causeway_tunnel_configured") > 0.0,
            is_up: sum(samples, "causeway_tunnel_up") > 0.0,
            is_healthy: sum(samples, "causeway_tunnel_healthy") > 0.0,
            round_trip: round_trip(samples),
            sent_bytes: rate("causeway_tunnel_sent_bytes_total"),
            received_bytes: rate("causeway_tunnel_received_bytes_total"),
            sent_packets: rate("causeway_tunnel_sent_packets_total"),
            received_packets: rate("causeway_tunnel_received_packets_total"),
            dropped: rate("causeway_tunnel_dropped_packets_total"),
            handshakes: sum(samples, "causeway_tunnel_handshakes_total"),
        }
    };
    let mut tunnels: Vec<_> = now.iter().map(one).collect();
    let order = |a: &Tunnel, b: &Tunnel| {
        let ailing = |it: &Tunnel| it.is_configured && !it.is_healthy;
        let traffic = |it: &Tunnel| it.sent_bytes + it.received_bytes;
        let place = |it: &Tunnel| (it.connection.clone(), it.role.clone());
        ailing(b)
            .cmp(&ailing(a))
            .then(traffic(b).total_cmp(&traffic(a)))
            .then_with(|| place(a).cmp(&place(b)))
    };
    tunnels.sort_by(order);
    tunnels
}

/// The samples of each tunnel.
fn by_tunnel(told: &Exposition) -> BTreeMap<&str, Vec<&Sample>> {
    let mut tunnels = BTreeMap::<_, Vec<_>>::new();
    for sample in &told.samples {
        if let Some(id) = sample.labels.get("tunnel") {
            tunnels.entry(id.as_str()).or_default().push(sample);
        }
    }
    tunnels
}

/// That of probes where there are some, and of IKE otherwise.
fn round_trip(samples: &[&Sample]) -> Option<f64> {
    let all = samples.iter().filter(|it| it.name == "causeway_tunnel_rtt_seconds");
    all.max_by_key(|it| it.label("by") == "probe").map(|it| it.value)
}

fn sum(samples: &[&Sample], name: &str) -> f64 {
    samples.iter().filter(|sample| sample.name == name).map(|sample| sample.value).sum()
}

/// How much the counters of one name rose together. Each series is compared with itself, so that one that ended takes
/// nothing from the others.
fn rise(before: &Exposition, now: &Exposition, name: &str) -> f64 {
    let then: BTreeMap<_, _> = before.named(name).map(|it| (&it.labels, it.value)).collect();
    now.named(name).map(|it| since(then.get(&it.labels).copied().unwrap_or_default(), it.value)).sum()
}

/// How much a counter rose; one that fell began anew.
fn since(before: f64, now: f64) -> f64 {
    if now < before { now } else { now - before }
}

/// A number in at most five characters and the letter of its power of a thousand.
fn short(number: f64) -> String {
    // The sum of nothing is -0.
    let (mut number, mut letters) = (number + 0.0, ["", "k", "M", "G"].into_iter());
    let mut letter = letters.next().unwrap_or_default();
    while number >= 999.5 {
        let Some(next) = letters.next() else { break };
        (number, letter) = (number / 1_000.0, next);
    }
    if letter.is_empty() || number >= 99.95 {
        format!("{number:.0}{letter}")
    } else {
        format!("{number:.1}{letter}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Frame, Look, short, since};
    use crate::metrics::exposition::Exposition;

    /// A reading of two tunnels: one up that has sent so much, and one down.
    fn reading(sent_bytes: u64) -> Exposition {
        let of = |tunnel: &str, role: &str| {
            format!("connection=\"vco-a\",tunnel=\"{tunnel}\",role=\"{role}\",peer=\"192.0.2.1\"")
        };
        let (up, down) = (of("tun-1", "master"), of("tun-2", "slave"));
        let text = format!(
            "causeway_tunnel_configured{{{up}}} 1\ncauseway_tunnel_configured{{{down}}} 1\n\
             causeway_tunnel_up{{{up}}} 1\ncauseway_tunnel_up{{{down}}} 0\n\
             causeway_tunnel_healthy{{{up}}} 1\ncauseway_tunnel_healthy{{{down}}} 0\n\
             causeway_tunnel_rtt_seconds{{{up},by=\"probe\"}} 0.0123\n\
             causeway_tunnel_rtt_seconds{{{up},by=\"ike\"}} 0.0456\n\
             causeway_tunnel_status{{{up},status=\"ipsec_sa_established\"}} 1\n\
             causeway_tunnel_status{{{down},status=\"ike_sa_not_established\"}} 1\n\
             causeway_tunnel_sent_bytes_total{{{up}}} {sent_bytes}\n\
             causeway_connection_info{{connection=\"vco-a\"}} 1\n# EOF\n"
        );
        Exposition::parse(&text).unwrap()
    }

    fn frame() -> Frame {
        Frame::between(&reading(1_000_000), &reading(6_000_000), Duration::from_secs(2))
    }

    #[test]
    fn rates_are_what_was_added_in_a_second() {
        let text = frame().show(Look::default());
        let master = text.lines().find(|line| line.contains("master")).unwrap();
        assert!(master.contains("ipsec_sa_established") && master.contains("20.0M"), "{text}");
        assert!(master.contains(" 12.3 "), "the round-trip time: {text}");
        assert!(text.starts_with("tunnels 1 of 2 up   connections 1, 1 not in force"), "{text}");
    }

    #[test]
    fn what_is_down_comes_first_and_the_rest_is_counted() {
        let text = frame().show(Look { rows_max: Some(1), ..Look::default() });
        assert!(text.contains("slave") && !text.contains("master"), "{text}");
        assert!(text.ends_with("… and 1 more\n"), "{text}");
        // One line of tunnels beside the others, of which one is the cursor's.
        assert_eq!(text.lines().count(), super::LINES_AROUND);
    }

    #[test]
    fn a_tunnel_that_is_up_and_not_healthy_says_so_and_comes_first() {
        let text = |is_healthy: u8| {
            let of = |tunnel: &str, role: &str| {
                format!("connection=\"vco-a\",tunnel=\"{tunnel}\",role=\"{role}\",peer=\"192.0.2.1\"")
            };
            [("tun-1", "master", 1), ("tun-2", "slave", is_healthy)].map(|(tunnel, role, healthy)| {
                let labels = of(tunnel, role);
                format!(
                    "causeway_tunnel_configured{{{labels}}} 1\ncauseway_tunnel_up{{{labels}}} 1\n\
                     causeway_tunnel_healthy{{{labels}}} {healthy}\n"
                )
            })
        };
        let told = Exposition::parse(&(text(0).concat() + "# EOF\n")).unwrap();
        let shown = Frame::between(&told, &told, Duration::from_secs(1)).show(Look::default());
        let tunnels: Vec<_> = shown.lines().filter(|line| line.starts_with("vco-a")).collect();
        assert!(tunnels[0].contains("slave") && tunnels[0].contains("up, lets nothing through"), "{shown}");
    }

    #[test]
    fn colours_move_no_column() {
        let (plain, coloured) =
            (frame().show(Look::default()), frame().show(Look { colours: true, rows_max: None }));
        assert!(!plain.contains('\x1b'));
        assert_eq!(coloured.replace("\x1b[31m", "").replace("\x1b[32m", "").replace("\x1b[0m", ""), plain);
    }

    #[test]
    fn a_server_that_started_anew_has_no_negative_rate() {
        assert_eq!((since(10.0, 3.0), since(3.0, 10.0)), (3.0, 7.0));
    }

    #[test]
    fn what_is_stored_of_an_attached_connection_and_of_an_active_one_is_in_force() {
        let state = |(id, state, is_it): (&str, &str, u8)| {
            format!("causeway_connection_state{{connection=\"{id}\",state=\"{state}\"}} {is_it}\n")
        };
        let states = [
            ("vco-a", "attached", 1),
            ("vco-b", "active", 1),
            ("vco-c", "active", 0),
            ("vco-c", "provisioning", 1),
        ];
        let connections = ["vco-a", "vco-b", "vco-c"];
        let info = |id: &str| format!("causeway_connection_info{{connection=\"{id}\"}} 1\n");
        let text = connections.map(info).concat() + &states.map(state).concat() + "# EOF\n";
        let told = Exposition::parse(&text).unwrap();
        let shown = Frame::between(&told, &told, Duration::from_secs(1)).show(Look::default());
        assert!(shown.contains("connections 3, 1 not in force"), "{shown}");
    }

    #[test]
    fn a_connection_that_ends_leaves_the_rates_of_the_others_alone() {
        let reading = |drops: &[(&str, u32)]| {
            let name = "causeway_connection_dropped_packets_total";
            let line =
                |(id, count)| format!("{name}{{connection=\"{id}\",reason=\"tunnel_down\"}} {count}\n");
            let lines: String = drops.iter().copied().map(line).collect();
            Exposition::parse(&(lines + "# EOF\n")).unwrap()
        };
        let before = reading(&[("vco-a", 1_000), ("vco-b", 5_000)]);
        let unrouted = |now| Frame::between(&before, &reading(now), Duration::from_secs(2)).unrouted;
        assert_eq!(unrouted(&[("vco-b", 5_010)]), 5.0, "vco-a was deleted");
        assert_eq!(unrouted(&[("vco-a", 0), ("vco-b", 5_010)]), 5.0, "vco-a was detached");
        assert_eq!(unrouted(&[("vco-a", 1_000), ("vco-b", 5_000), ("vco-c", 4)]), 2.0, "vco-c is new");
    }

    #[test]
    fn numbers_stay_short() {
        let shown = [-0.0, 7.4, 999.0, 999.9, 1_000.0, 12_340.0, 999_960.0, 5.2e9, 1e13].map(short);
        assert_eq!(shown, ["0", "7", "999", "1.0k", "1.0k", "12.3k", "1.0M", "5.2G", "10000G"]);
    }
}
