//! What was measured, as tables in Markdown: the figures, and Causeway's as ratios to each of the others.

use super::contender::Contender;
use super::measure::Measured;

/// One contender's figures, or why there are none.
pub struct Row {
    /// Who.
    pub contender: Contender,
    /// What.
    pub measured: Result<Measured, String>,
}

/// Both tables.
pub fn tables(rows: &[Row]) -> String {
    format!("{}\n\n{}", figures(rows), ratios(rows))
}

fn figures(rows: &[Row]) -> String {
    let mut lines = vec![
        "| | TCP, 1 stream, Gb/s | TCP, 8 streams, Gb/s | UDP 1,300 B, kpps | 64-byte packets, kpps | UDP 1,300 B in groups, kpps | round trip idle, µs (p99) | beside TCP, µs | program s/GB | machine s/GB |".to_owned(),
        "|---|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for row in rows {
        let name = row.contender.name();
        lines.push(match &row.measured {
            Ok(m) => format!(
                "| {name} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} ({:.0}) | {:.0} | {:.2} | {:.2} |",
                m.tcp_gbps,
                m.tcp_many_gbps,
                m.large_kpps,
                m.small_kpps,
                m.grouped_kpps,
                m.idle_us,
                m.idle_p99_us,
                m.loaded_us,
                m.programs_s_per_gb,
                m.machine_s_per_gb,
            ),
            Err(reason) => format!("| {name} | not measured: {} |||||||||", one_line(reason)),
        });
    }
    lines.join("\n")
}

/// Causeway's figure divided by the other's; for times, too, so there less is better.
fn ratios(rows: &[Row]) -> String {
    let measured = |wanted: Contender| {
        rows.iter().find(|row| row.contender == wanted).and_then(|row| row.measured.as_ref().ok())
    };
    let Some(ours) = measured(Contender::Causeway { tunnels: 1 }) else {
        return "No ratios: Causeway was not measured.".to_owned();
    };
    let mut lines = vec![
        "| Causeway divided by | TCP, 1 stream | TCP, 8 streams | UDP 1,300 B | 64-byte packets | UDP in groups | round trip idle | beside TCP | machine s/GB |".to_owned(),
        "|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for row in rows.iter().filter(|row| row.contender != Contender::Causeway { tunnels: 1 }) {
        let Ok(theirs) = &row.measured else { continue };
        let ratio = |figure: fn(&Measured) -> f64| format!("{:.2}", figure(ours) / figure(theirs));
        let ratios = [
            ratio(|it| it.tcp_gbps),
            ratio(|it| it.tcp_many_gbps),
            ratio(|it| it.large_kpps),
            ratio(|it| it.small_kpps),
            ratio(|it| it.grouped_kpps),
            ratio(|it| it.idle_us),
            ratio(|it| it.loaded_us),
            ratio(|it| it.machine_s_per_gb),
        ];
        lines.push(format!("| {} | {} |", row.contender.name(), ratios.join(" | ")));
    }
    lines.join("\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::{Row, tables};
    use crate::dataplane::contender::Contender;
    use crate::dataplane::measure::Measured;

    #[test]
    fn ratios_are_ours_divided_by_theirs() {
        let row = |contender, tcp_gbps| Row {
            contender,
            measured: Ok(Measured { tcp_gbps, ..Measured::default() }),
        };
        let rows = [row(Contender::Causeway { tunnels: 1 }, 5.0), row(Contender::WireGuardGo, 0.4)];
        assert!(tables(&rows).contains("| wireguard-go | 12.50 |"));
    }

    #[test]
    fn one_that_did_not_start_says_why_and_breaks_no_table() {
        let failed = Row { contender: Contender::BoringTun, measured: Err("not\n| there".into()) };
        assert!(tables(&[failed]).contains("not measured: not / there"));
    }
}
