//! `cargo xtask fuzz`: the targets of `fuzz/` under libFuzzer, from a copy of the committed corpus.

mod build;
mod outcome;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::exit_code;
use crate::run::all_bounded;
use crate::workspace::Workspace;
use outcome::Outcome;

/// As many as CI has cores.
const AT_ONCE: usize = 2;
/// How long one input may take. The slowest target needs a hundredth of a second.
const INPUT_SECONDS_MAX: u32 = 10;
/// How much memory a target may take, its corpus included.
const MEMORY_MIB_MAX: u32 = 1_024;
/// The longest input that the fuzzer makes: longer than every committed one, short enough to try many.
const INPUT_BYTES_MAX: u32 = 8_192;
/// The longest input that is shown in the output.
const SHOWN_BYTES_MAX: usize = 2_048;
/// What a target may take beyond its time: starting, reading the corpus, writing it, and one input that hangs.
const SLACK: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Options {
    /// How long each target runs.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=604_800))]
    seconds: u32,
    /// Only this target; all when absent.
    #[arg(long)]
    target: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::open()?;
    let targets = targets(&workspace, options.target.as_deref())?;
    let Some(programs) = build::build(&workspace, &targets)? else { return exit_code(false) };
    let runs: Vec<Run> =
        targets.iter().map(|target| Run::prepare(&workspace, &programs, target)).collect::<Result<_>>()?;
    let commands = runs.iter().map(|run| run.command(options.seconds)).collect::<Result<_>>()?;
    println!("{} targets, {} s each, {AT_ONCE} at a time", runs.len(), options.seconds);
    let limit = Duration::from_secs(options.seconds.into()) + SLACK;
    let ends = all_bounded(commands, AT_ONCE, limit)?;
    let mut all_well = true;
    for (run, end) in runs.iter().zip(ends) {
        let outcome = Outcome::read(&run.log)?;
        println!("{:<15} {outcome}", run.target);
        if !end.is_some_and(|status| status.success()) {
            all_well = false;
            run.explain(&outcome);
        }
    }
    exit_code(all_well)
}

/// The names of the targets, one for each file in `fuzz/fuzz_targets`.
fn targets(workspace: &Workspace, only: Option<&str>) -> Result<Vec<String>> {
    let folder = workspace.root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    names.sort();
    match only {
        None => Ok(names),
        Some(only) if names.iter().any(|name| name == only) => Ok(vec![only.to_owned()]),
        Some(only) => bail!("there is no target `{only}`: there are {}", names.join(", ")),
    }
}

/// One target's run.
struct Run {
    target: String,
    program: PathBuf,
    /// The copy of the committed corpus, which the fuzzer adds to.
    corpus: PathBuf,
    /// Where inputs go that something is wrong with.
    findings: PathBuf,
    log: PathBuf,
}

impl Run {
    fn prepare(workspace: &Workspace, programs: &Path, target: &str) -> Result<Self> {
        let work = workspace.target().join("fuzzing");
        let run = Self {
            target: target.to_owned(),
            program: programs.join(target),
            corpus: work.join("corpus").join(target),
            findings: work.join("findings").join(target),
            log: work.join(format!("{target}.log")),
        };
        if run.corpus.exists() {
            fs::remove_dir_all(&run.corpus).with_context(|| format!("emptying {}", run.corpus.display()))?;
        }
        for folder in [&run.corpus, &run.findings] {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        let committed = workspace.root().join("fuzz/corpus").join(target);
        for entry in fs::read_dir(&committed).with_context(|| format!("reading {}", committed.display()))? {
            let entry = entry?;
            fs::copy(entry.path(), run.corpus.join(entry.file_name())).context("copying the corpus")?;
        }
        Ok(run)
    }

    fn command(&self, seconds: u32) -> Result<Command> {
        let log = File::create(&self.log).with_context(|| format!("making {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
            .arg(format!("-max_len={INPUT_BYTES_MAX}"))
            .arg(format!("-artifact_prefix={}/", self.findings.display()))
            .arg("-print_final_stats=1")
            .arg(&self.corpus)
            .stdout(log.try_clone().context("a second handle of the log")?)
            .stderr(log);
        Ok(command)
    }

    fn explain(&self, outcome: &Outcome) {
        println!("FAILED: {}", self.target);
        outcome.reason().for_each(|line| println!("    {line}"));
        match &outcome.finding {
            Some(finding) => {
                println!("  replay it: {} {finding}", self.program.display());
                // What a machine of CI wrote is gone with it.
                match fs::read(finding) {
                    Ok(input) if input.len() <= SHOWN_BYTES_MAX => {
                        println!("  make it elsewhere: echo {} | xxd -r -p > input", hexadecimal(&input));
                    }
                    Ok(input) => println!("  it has {} bytes", input.len()),
                    Err(error) => println!("  it cannot be read: {error}"),
                }
            }
            None => println!("  it left no input; all that it said: {}", self.log.display()),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
