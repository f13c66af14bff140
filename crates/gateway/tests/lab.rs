//! The lab: runs the scenarios of `lab/`, each in a process and in network namespaces of its own.
//!
//! `cargo xtask lab [FILTER]… [--jobs N] [--list]` calls it, and `cargo test` runs all of them. A scenario that fails shows what
//! happened, and the logs of both sides.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::ExitCode;

use causeway_lab::Scenario;

#[path = "lab/arguments.rs"]
mod arguments;
#[path = "lab/authority.rs"]
mod authority;
#[path = "lab/expected.rs"]
mod expected;
#[path = "lab/peer.rs"]
mod peer;
#[path = "support/site.rs"]
mod site;
#[path = "lab/stage.rs"]
mod stage;
#[path = "lab/table.rs"]
mod table;
#[path = "support/wanted.rs"]
mod wanted;

use arguments::{Arguments, What};

fn main() -> ExitCode {
    match run() {
        Ok(all_well) if all_well => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab");
    let scenarios = causeway_lab::load(&folder).map_err(|error| error.to_string())?;
    match arguments.what {
        What::One(name) => {
            let scenario = scenarios.iter().find(|it| it.name == name);
            stage::play(scenario.ok_or_else(|| format!("there is no scenario {name}"))?);
            Ok(true)
        }
        What::List => {
            let wanted = arguments.filter(&scenarios);
            wanted.iter().for_each(|it| println!("{:<44} {}", it.name, it.title));
            Ok(true)
        }
        What::Run => {
            let wanted: Vec<&Scenario> = arguments.filter(&scenarios);
            if wanted.is_empty() && arguments.strict {
                return Err(format!("no scenario has {} in its name", arguments.filters.join(" or ")));
            }
            causeway_netlab::ensure_rights().map_err(|error| format!("{error:#}"))?;
            table::run(&wanted, arguments.jobs)
        }
    }
}
