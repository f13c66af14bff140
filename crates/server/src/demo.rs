//! `causeway demo`: the main job on real packets, told as a story.
//!
//! A gateway with a LAN behind it and two customer sites with a LAN each stand in network namespaces of their own. The
//! gateway is this very program, run as `causeway serve`, and it is told what to do through its signed HTTP API like by
//! anyone else. Whatever the demo makes it removes: at the end, on an error, and on Ctrl-C.

mod attachment;
mod hints;
mod needs;
mod peers;
mod print;
mod report;
mod server;
mod stage;
mod story;
mod topology;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_netlab::{Interrupt, Lab, ensure_rights};

use print::Voice;
use report::{Report, ReportFile};
use stage::Stage;
use story::End;

/// Begins the name of each namespace that the demo makes.
const LAB_PREFIX: &str = "causeway-demo";

/// The exit status when a step was not as it should be.
const NOT_AS_IT_SHOULD_BE: u8 = 1;

/// The exit status after an interrupt in the middle of the story, as shells have it: 128 and SIGINT's number.
const INTERRUPTED: u8 = 130;

/// What `causeway demo` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What stands at the customer sites: this program, or strongSwan.
    #[arg(long, value_enum, default_value = "causeway")]
    peer: Peer,
    /// End after the story, with exit status 1 if any step was not as it should be.
    #[arg(long)]
    exit: bool,
    /// Where to write what was measured, as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Who is at the other end of the tunnels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    /// This program, configured as the mirror image.
    Causeway,
    /// strongSwan's charon, which we did not write.
    #[value(name = "strongswan")]
    StrongSwan,
}

impl Peer {
    /// Its name in arguments and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Causeway => "causeway",
            Self::StrongSwan => "strongswan",
        }
    }
}

/// Tells the story, and leaves its network running until Ctrl-C unless it shall end by itself.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // May start the program again in namespaces of its own; nothing is opened before.
    ensure_rights()?;
    needs::check(arguments.peer)?;
    let report_file = arguments.report.as_deref().map(ReportFile::create).transpose()?;
    let interrupt = Interrupt::listen()?;
    let voice = Voice::of_stdout();
    let mut stage = Stage::new(arguments.peer, Lab::new(LAB_PREFIX)?)?;
    let mut report = Report::new(arguments.peer.name());

    let end = story::tell(&mut stage, &voice, interrupt, &mut report);
    if let Some(file) = report_file {
        file.write(&report)?;
    }
    if end != End::Interrupted && !arguments.exit {
        stay(&stage, &voice, interrupt);
    }
    voice.line("Removing the network and everything in it …");
    drop(stage);
    Ok(match end {
        End::AsItShouldBe => ExitCode::SUCCESS,
        End::NotAsItShouldBe => ExitCode::from(NOT_AS_IT_SHOULD_BE),
        End::Interrupted => ExitCode::from(INTERRUPTED),
    })
}

/// Shows how to look around, and waits for Ctrl-C.
fn stay(stage: &Stage, voice: &Voice, interrupt: Interrupt) {
    voice.line("");
    for line in hints::lines(stage) {
        voice.line(&line);
    }
    voice.line("");
    voice.line("Everything keeps running until you press Ctrl-C.");
    while !interrupt.wait(Some(Duration::from_secs(3600))) {}
    voice.line("");
}

/// The file of this program, which the demo runs again as `causeway serve`.
fn this_program() -> Result<PathBuf> {
    std::env::current_exe()
        .context("the demo cannot find its own program file, which it runs as `causeway serve`")
}
