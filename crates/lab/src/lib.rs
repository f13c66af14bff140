//! Scenarios of the lab: a gateway and a strongSwan peer, what lies between them, what happens, and what must come of it.
//!
//! A scenario is a text that one reads from top to bottom. `lab/README.md` explains every word; whoever can make namespaces
//! runs it (`crates/gateway/tests/lab.rs`).
//!
//! ```text
//! # A peer that restarts is found again by itself.
//!
//! connection
//!     IkeVersion = ikev2
//!     IkePfs = group14
//! peer
//!     begins = yes
//! path
//!     loss = 30%
//!
//! steps
//!  -> up within 5s
//!     peer restarts
//!  -> up within 10s
//!  -> ping loses nothing
//! ```

mod covering;
mod parse;
mod settings;
mod step;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use causeway_netlab::Weather;
pub use covering::{Pair, Suite, missing_pairs};
pub use settings::TunnelSettings;
pub use step::{Action, Expectation, Lost, Sa, Step};

/// A scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Its file below the lab's folder, without the ending: `failure/peer_restarts`.
    pub name: String,
    /// What it shows, in a sentence.
    pub title: String,
    /// The connection as it is configured at the gateway.
    pub connection: TunnelSettings,
    /// What is special about the gateway's machine.
    pub gateway: GatewaySide,
    /// The peer, and what it has been configured with.
    pub peer: PeerSide,
    /// What lies between.
    pub path: PathSide,
    /// What happens and what is expected, with the line where it is written.
    pub steps: Vec<(usize, Step)>,
}

/// What is special about the gateway's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySide {
    /// The key of the certificate that it shows; it has the pre-shared key otherwise.
    pub certificate: Option<KeyKind>,
    /// Whether ESP is put into UDP always, rather than only where an address is translated.
    pub encapsulates_always: bool,
    /// The longest packet for a message of IKE, in bytes, when not the usual one.
    pub ike_packet_bytes: Option<u16>,
    /// How long the peer may be silent before it is asked for a sign of life, when not the usual time.
    pub dpd_interval: Option<Duration>,
}

/// The peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSide {
    /// What it is configured with: what the connection says, and what the scenario says differs.
    pub tunnel: TunnelSettings,
    /// Whether it begins; otherwise it waits for the gateway.
    pub begins: bool,
    /// The key of the certificate that it shows; it has the pre-shared key otherwise.
    pub certificate: Option<KeyKind>,
    /// Whether its certificate is of the authority that the connection trusts.
    pub authority_is_known: bool,
    /// Its longest packet for a message of IKE, in bytes, when not the usual one.
    pub ike_packet_bytes: Option<u16>,
    /// How often it sends a message again until it gives up, when not as often as usual.
    pub retransmissions: Option<u8>,
    /// How long the gateway may be silent before the peer asks for a sign of life; never when none.
    pub dpd_interval: Option<Duration>,
    /// Whether each of its networks has a child SA of its own.
    pub child_for_each_network: bool,
    /// Whether it makes the IKE SA without a child SA, and the child after it.
    pub childless: bool,
}

/// What lies between the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathSide {
    /// What is in front of the gateway.
    pub before_gateway: Front,
    /// What is in front of the peer.
    pub before_peer: Front,
    /// What befalls packets.
    pub weather: Weather,
    /// Decides which packets it befalls.
    pub seed: u64,
    /// The longest packet that passes, in bytes, when not 1,500.
    pub mtu: Option<u16>,
}

/// What is in front of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Front {
    /// Nothing.
    #[default]
    Nothing,
    /// A firewall: what comes in has to belong to what went out.
    Firewall,
    /// A translator of addresses and ports, which many hosts share: it lets in what belongs to what went out.
    Translator,
    /// A translator that has a public address for this host alone, keeps ports, and lets everything in.
    OneToOne,
}

/// What kind of key a certificate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, 2,048 bits.
    Rsa,
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
}

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Causeway.
    Gateway,
    /// strongSwan.
    Peer,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "the gateway",
            Self::Peer => "the peer",
        })
    }
}

/// Why a scenario cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system does not give it.
    #[error("cannot read {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A line that says nothing.
    #[error("{name}:{line}: {reason}")]
    Line {
        /// The scenario.
        name: String,
        /// The line, from 1.
        line: usize,
        /// Which word is wrong, and what would be right.
        reason: String,
    },
}

impl Scenario {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// Which line cannot be understood, and which of its words.
    pub fn parse(name: &str, text: &str) -> Result<Self, ReadError> {
        parse::parse(name, text)
    }

    /// Whether the peer is not there from the beginning: the first thing that happens to it is that it starts.
    #[must_use]
    pub fn peer_comes_later(&self) -> bool {
        let of_peer = self.steps.iter().find_map(|(_, step)| match step {
            Step::Do(
                action @ (Action::PeerStarts
                | Action::PeerStops
                | Action::PeerVanishes
                | Action::PeerRestarts
                | Action::PeerRekeys(_)
                | Action::PeerDeletes
                | Action::PeerMoves(_)),
            ) => Some(action),
            _ => None,
        });
        of_peer == Some(&Action::PeerStarts)
    }

    /// The choices that it has both ends agree on.
    #[must_use]
    pub fn suite(&self) -> Suite {
        Suite::of(self)
    }
}

/// Reads all scenarios (`*.txt`) of the folders in a folder, in the order of their names.
///
/// # Errors
///
/// Which file or line cannot be read, and why.
pub fn load(folder: &Path) -> Result<Vec<Scenario>, ReadError> {
    let mut scenarios = Vec::new();
    for group in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        for file in entries(&group)? {
            if file.extension().is_some_and(|ending| ending == "txt") {
                let name = file.strip_prefix(folder).unwrap_or(&file).with_extension("");
                let text = std::fs::read_to_string(&file).map_err(|error| ReadError::File(file, error))?;
                scenarios.push(Scenario::parse(&name.to_string_lossy(), &text)?);
            }
        }
    }
    Ok(scenarios)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| ReadError::File(folder.to_owned(), error))?;
    let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    Ok(paths)
}
