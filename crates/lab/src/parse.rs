//! From text to a scenario, line by line.

mod failure;
mod words;

use causeway_control::resource::ike_config::IkeVersion;

use crate::{
    Front, GatewaySide, KeyKind, PathSide, PeerSide, ReadError, Scenario, Step, TunnelSettings, Weather,
};
use words::{percent, time, yes_or_no};

/// The sections, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Connection,
    Gateway,
    Peer,
    Path,
    Steps,
}

const SECTIONS: [(&str, Section); 5] = [
    ("connection", Section::Connection),
    ("gateway", Section::Gateway),
    ("peer", Section::Peer),
    ("path", Section::Path),
    ("steps", Section::Steps),
];

/// Reads a scenario; which line cannot be understood is the error.
pub(crate) fn parse(name: &str, text: &str) -> Result<Scenario, ReadError> {
    let at = |line: usize, reason: String| ReadError::Line { name: name.to_owned(), line, reason };
    let mut reader = Reader::new(name);
    for (position, line) in text.lines().enumerate() {
        reader.line(position + 1, line).map_err(|reason| at(position + 1, reason))?;
    }
    let last = text.lines().count().max(1);
    reader.finish().map_err(|reason| at(last, reason))
}

struct Reader {
    scenario: Scenario,
    section: Option<Section>,
    /// What was said in the section so far, so that nothing is said twice.
    said: Vec<String>,
}

impl Reader {
    fn new(name: &str) -> Self {
        let tunnel = TunnelSettings::default();
        let scenario = Scenario {
            name: name.to_owned(),
            title: String::new(),
            connection: tunnel.clone(),
            gateway: GatewaySide {
                certificate: None,
                encapsulates_always: true,
                ike_packet_bytes: None,
                dpd_interval: None,
            },
            peer: PeerSide {
                tunnel,
                begins: false,
                certificate: None,
                authority_is_known: true,
                ike_packet_bytes: None,
                retransmissions: None,
                dpd_interval: None,
                child_for_each_network: false,
                childless: false,
            },
            path: PathSide {
                before_gateway: Front::Nothing,
                before_peer: Front::Nothing,
                weather: Weather::default(),
                seed: 1,
                mtu: None,
            },
            steps: Vec::new(),
        };
        Self { scenario, section: None, said: Vec::new() }
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(comment) = line.trim_start().strip_prefix('#') {
            if self.scenario.title.is_empty() && self.section.is_none() {
                comment.trim().clone_into(&mut self.scenario.title);
            }
            return Ok(());
        }
        if line.trim().is_empty() {
            return Ok(());
        }
        if !line.starts_with(' ') {
            return self.begin(line.trim_end());
        }
        match self.section {
            None => Err("a line that is indented belongs to a section: none has begun".to_owned()),
            Some(Section::Steps) => {
                let step = words::step(line)?;
                self.scenario.steps.push((number, step));
                Ok(())
            }
            Some(section) => self.setting(section, line.trim()),
        }
    }

    fn begin(&mut self, name: &str) -> Result<(), String> {
        let known = SECTIONS.map(|(name, _)| name).join(", ");
        let section = SECTIONS.iter().find(|(known, _)| *known == name);
        let (_, section) = section.ok_or_else(|| format!("`{name}` is no section: {known}"))?;
        if self.section.is_some_and(|before| before >= *section) {
            return Err(format!("the sections come once and in this order: {known}"));
        }
        if self.scenario.title.is_empty() {
            return Err("a scenario begins with `# ` and a sentence that says what it shows".to_owned());
        }
        self.section = Some(*section);
        self.said.clear();
        Ok(())
    }

    fn setting(&mut self, section: Section, line: &str) -> Result<(), String> {
        let (name, value) = line.split_once('=').ok_or_else(|| format!("`{line}` is not `name = value`"))?;
        let (name, value) = (name.trim(), value.trim());
        if self.said.iter().any(|said| said == name) {
            return Err(format!("{name} is said twice"));
        }
        self.said.push(name.to_owned());
        let scenario = &mut self.scenario;
        match section {
            // The peer has it too; what differs comes later.
            Section::Connection => {
                scenario.connection.set(name, value)?;
                scenario.peer.tunnel.set(name, value)
            }
            Section::Gateway => of_gateway(&mut scenario.gateway, name, value),
            Section::Peer if TunnelSettings::has(name) => scenario.peer.tunnel.set(name, value),
            Section::Peer => of_peer(&mut scenario.peer, name, value),
            Section::Path | Section::Steps => of_path(&mut scenario.path, name, value),
        }
    }

    fn finish(self) -> Result<Scenario, String> {
        let scenario = self.scenario;
        let expects = scenario.steps.iter().any(|(_, step)| matches!(step, Step::Expect(_)));
        if !expects {
            return Err("nothing is expected: write ` -> ` and what must be so, below `steps`".to_owned());
        }
        if !scenario.title.ends_with('.') {
            return Err(format!("the title `{}` is no sentence: it ends with a full stop", scenario.title));
        }
        let both_mean_v1 = scenario.connection.ike.ike_version == IkeVersion::Ikev1;
        if both_mean_v1 && (scenario.gateway.certificate.is_some() || scenario.peer.certificate.is_some()) {
            return Err("certificates need IkeVersion = ikev2".to_owned());
        }
        Ok(scenario)
    }
}

fn of_gateway(gateway: &mut GatewaySide, name: &str, value: &str) -> Result<(), String> {
    match name {
        "certificate" => gateway.certificate = Some(key_kind(value)?),
        "esp" => {
            gateway.encapsulates_always = match value {
                "always in udp" => true,
                "in udp when translated" => false,
                _ => return Err(format!("`{value}` is none of always in udp, in udp when translated")),
            }
        }
        "ike packet" => gateway.ike_packet_bytes = Some(bytes(value)?),
        "dpd" => gateway.dpd_interval = Some(time(value)?),
        _ => return Err(unknown(name, "certificate, esp, ike packet, dpd")),
    }
    Ok(())
}

fn of_peer(peer: &mut PeerSide, name: &str, value: &str) -> Result<(), String> {
    match name {
        "begins" => peer.begins = yes_or_no(value)?,
        "certificate" => peer.certificate = Some(key_kind(value)?),
        "authority" => {
            peer.authority_is_known = match value {
                "known" => true,
                "unknown" => false,
                _ => return Err(format!("authority is known or unknown, not `{value}`")),
            }
        }
        "ike packet" => peer.ike_packet_bytes = Some(bytes(value)?),
        "dpd" => peer.dpd_interval = Some(time(value)?),
        "child for each network" => peer.child_for_each_network = yes_or_no(value)?,
        "retransmissions" => {
            let number = value.parse().ok().filter(|number| (1..=20).contains(number));
            peer.retransmissions = Some(number.ok_or_else(|| format!("`{value}` is none of 1 to 20"))?);
        }
        "childless" => peer.childless = yes_or_no(value)?,
        _ => {
            let own = "begins, certificate, authority, ike packet, dpd, retransmissions, child for each network, \
                       childless";
            return Err(unknown(name, &format!("{own}, {}", TunnelSettings::names())));
        }
    }
    Ok(())
}

fn of_path(path: &mut PathSide, name: &str, value: &str) -> Result<(), String> {
    match name {
        "before gateway" => path.before_gateway = front(value)?,
        "before peer" => path.before_peer = front(value)?,
        "loss" => path.weather.loss = percent(value)?,
        "reordering" => path.weather.reordering = percent(value)?,
        "duplication" => path.weather.duplication = percent(value)?,
        "corruption" => path.weather.corruption = percent(value)?,
        "seed" => path.seed = value.parse().map_err(|_| format!("`{value}` is no seed: a number"))?,
        "mtu" => {
            let mtu = value.parse().ok().filter(|mtu| (576..=1500).contains(mtu));
            path.mtu = Some(mtu.ok_or_else(|| format!("`{value}` is no mtu: 576 to 1500 bytes"))?);
        }
        _ => {
            let own = "before gateway, before peer, loss, reordering, duplication, corruption, seed, mtu";
            return Err(unknown(name, own));
        }
    }
    Ok(())
}

fn unknown(name: &str, known: &str) -> String {
    format!("there is no setting `{name}`: one of {known}")
}

fn front(value: &str) -> Result<Front, String> {
    match value {
        "firewall" => Ok(Front::Firewall),
        "translator" => Ok(Front::Translator),
        "one-to-one translator" => Ok(Front::OneToOne),
        _ => Err(format!("`{value}` is none of firewall, translator, one-to-one translator")),
    }
}

fn key_kind(value: &str) -> Result<KeyKind, String> {
    match value {
        "rsa" => Ok(KeyKind::Rsa),
        "ecdsa p256" => Ok(KeyKind::EcdsaP256),
        "ecdsa p384" => Ok(KeyKind::EcdsaP384),
        _ => Err(format!("`{value}` is none of rsa, ecdsa p256, ecdsa p384")),
    }
}

fn bytes(value: &str) -> Result<u16, String> {
    let number = value.strip_suffix(" bytes").and_then(|number| number.parse().ok());
    number.ok_or_else(|| format!("`{value}` is no size such as `576 bytes`"))
}

#[cfg(test)]
mod tests;
