//! Transcripts of clients: what they ask, and what they must be answered.
//!
//! A transcript is a text that one reads from top to bottom. It runs on a [`Stage`]: the pure core, or a server over HTTP.
//!
//! ```text
//! # What this is about; further lines of the head may follow.
//! # over http: no, because time passes
//!
//! CreateCustomerGateway
//!     IpAddress = 198.51.100.7
//! ->
//!     $peer = CustomerGatewayId
//!
//! DescribeCustomerGateway
//!     CustomerGatewayId = $peer
//! ->
//!     IpAddress = 198.51.100.7
//!     Name is absent
//!
//! DeleteCustomerGateway
//!     CustomerGatewayId = cgw-nothing
//! !! 404 InvalidCustomerGatewayInstanceId.NotFound
//!     Message = *does not exist*
//!
//! @ reconcile
//! ```
//!
//! - A parameter's value is the rest of its line. `$name` in it stands for what was captured before.
//! - After `->` come checks of the answer's members, by their path (`VpnConnections.VpnConnection.0.State`). A value may have `*` for
//!   whatever is there; `is absent` and `has 2` (elements) are checks too; `$name = Path` captures. Members that are not named
//!   may be anything.
//! - After `!!` comes the refusal, its status and its code, and checks of its members.
//! - An operation that several products have is written with its product, `Cbn:TagResources`; without one it is Vpc's.
//! - A region is added by the stage where a call names none.
//!
//! | directive | meaning |
//! |---|---|
//! | `@ reconcile` | the gateway has caught up with everything, all tunnels are up |
//! | `@ +30s` (`ms`, `s`, `m`, `h`) | so much time passes |
//! | `@ tunnel down $vco 1`, `@ tunnel up $vco 1` | a tunnel of a connection changes |
//! | `@ restart` | the server is killed and starts again |
//! | `@ as $id $secret`, `@ as root` | who calls from here on, by AccessKey |

mod expect;
mod parse;
mod run;

use std::path::{Path, PathBuf};

pub use expect::{Check, Expected, Reply};
pub use run::{Failure, Stage, run};

/// A transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// Its name: that of its file, without `.txt`.
    pub name: String,
    /// Why it cannot run against a server over HTTP, when it cannot.
    pub not_over_http: Option<String>,
    /// What happens, with the line where it is written.
    pub steps: Vec<(usize, Step)>,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A client calls.
    Call(Call),
    /// The gateway catches up.
    Reconcile,
    /// Time passes, in milliseconds.
    Pass(i64),
    /// A tunnel of a connection comes up or goes down.
    Tunnel {
        /// The connection's id, perhaps as `$name`.
        connection: String,
        /// 1 or 2.
        index: u32,
        /// Which of the two.
        is_up: bool,
    },
    /// The server is killed and starts again.
    Restart,
    /// Who calls from here on: id and secret of an AccessKey, perhaps as `$name`; the account itself when none.
    CallAs(Option<(String, String)>),
}

/// A call and what must come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation, perhaps with its product.
    pub action: String,
    /// Its parameters, in which `$name` is not yet replaced.
    pub parameters: Vec<(String, String)>,
    /// What it must be answered.
    pub expected: Expected,
}

/// Why a transcript cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system does not give it.
    #[error("cannot read {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A line that says nothing.
    #[error("{name}:{line}: {reason}")]
    Line {
        /// The transcript.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

impl Transcript {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// Which line cannot be understood, and why.
    pub fn parse(name: &str, text: &str) -> Result<Self, ReadError> {
        parse::parse(name, text)
    }

    /// The operations that it has answered, not refused.
    pub fn answered(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|(_, step)| match step {
            Step::Call(call) if matches!(call.expected, Expected::Answer(_)) => Some(call.action.as_str()),
            _ => None,
        })
    }

    /// The refusals that it must get: operation and code.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &str)> {
        self.steps.iter().filter_map(|(_, step)| match step {
            Step::Call(Call { action, expected: Expected::Refusal { code, .. }, .. }) => {
                Some((action.as_str(), code.as_str()))
            }
            _ => None,
        })
    }
}

/// Reads all transcripts (`*.txt`) of a folder, in the order of their names.
///
/// # Errors
///
/// Which file or line cannot be read, and why.
pub fn load(folder: &Path) -> Result<Vec<Transcript>, ReadError> {
    let unreadable = |error| ReadError::File(folder.to_owned(), error);
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut files: Vec<PathBuf> = entries.map_err(unreadable)?.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "txt"));
    files.sort();
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).map_err(|error| ReadError::File(file.clone(), error))?;
        Transcript::parse(&file.file_stem().unwrap_or_default().to_string_lossy(), &text)
    };
    files.iter().map(read).collect()
}
