//! `cargo xtask tidy`: the agreed style, as a test. What is over a limit today is in a ratchet file that may only shrink.

mod crates;
mod links;
mod modules;
mod names;
mod purity;
mod ratchet;
mod size;
mod source;
mod text;
mod unsafety;

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::exit_code;
use crate::workspace::Workspace;
use ratchet::Ratchet;
use source::Source;

#[derive(Args)]
pub(crate) struct Options {
    /// Lower the numbers of the ratchet file to what is true now, and drop what is no longer over a limit.
    #[arg(long)]
    shrink: bool,
}

/// Something that is not as agreed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Finding {
    file: String,
    line: usize,
    rule: &'static str,
    what: String,
    remedy: &'static str,
    /// What the ratchet file may hold for it: a thing in the file, and how large it is.
    measured: Option<(String, usize)>,
}

impl Finding {
    fn new(
        file: &str,
        line: usize,
        rule: &'static str,
        what: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Self { file: file.to_owned(), line, rule, what: what.into(), remedy, measured: None }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, rule, what, remedy, .. } = self;
        write!(formatter, "{file}:{line}: {rule}: {what}. {remedy}.")
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::open()?;
    if options.shrink {
        let findings = find(&workspace)?;
        let ratchet = Ratchet::read(workspace.root())?.shrunk(&findings);
        ratchet.write(workspace.root())?;
    }
    exit_code(report(&workspace)?)
}

/// Prints what is not as agreed, and says whether all is well.
pub(crate) fn report(workspace: &Workspace) -> Result<bool> {
    let ratchet = Ratchet::read(workspace.root())?;
    let findings = ratchet.judge(find(workspace)?);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy"),
        count => println!("{count} findings"),
    }
    Ok(findings.is_empty())
}

/// Everything that is not as agreed, whatever the ratchet says.
fn find(workspace: &Workspace) -> Result<Vec<Finding>> {
    let files = text::files(workspace.root())?;
    let sources = files.iter().filter(|file| file.path.ends_with(".rs")).map(Source::parse);
    let sources: Vec<Source> = sources.collect::<Result<_>>()?;
    let mut findings = crates::find(workspace.packages());
    findings.extend(modules::find(&sources));
    for source in &sources {
        findings.extend(size::find(source));
        findings.extend(names::find(source));
        findings.extend(purity::find(source));
        findings.extend(unsafety::find(source));
    }
    for file in &files {
        findings.extend(text::find(file));
        findings.extend(links::find(file, workspace.root()));
    }
    findings.sort();
    Ok(findings)
}
