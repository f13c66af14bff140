//! What the lab is called with.

use causeway_lab::Scenario;

/// Most of a scenario is waiting, so more run at once than there are cores.
const JOBS_PER_CORE: usize = 3;

pub struct Arguments {
    pub what: What,
    /// Parts of names; all scenarios when empty.
    pub filters: Vec<String>,
    pub jobs: usize,
    /// Whether it is an error that no scenario matches: `cargo test NAME` asks every test program.
    pub strict: bool,
}

pub enum What {
    Run,
    List,
    /// One by its name, in this process.
    One(String),
}

impl Arguments {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut arguments =
            Self { what: What::Run, filters: Vec::new(), jobs: cores * JOBS_PER_CORE, strict: false };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--strict" => arguments.strict = true,
                // Of libtest, and without a meaning here.
                "--nocapture" | "--quiet" | "-q" => {}
                "--list" => arguments.what = What::List,
                "--one" => arguments.what = What::One(value()?),
                "--jobs" => {
                    let jobs = value()?.parse().ok().filter(|jobs| (1..=64).contains(jobs));
                    arguments.jobs = jobs.ok_or("--jobs is a number from 1 to 64")?;
                }
                option if option.starts_with('-') => {
                    return Err(format!("there is no option {option}: [FILTER]… [--jobs N] [--list]"));
                }
                _ => arguments.filters.push(word),
            }
        }
        Ok(arguments)
    }

    pub fn filter<'a>(&self, scenarios: &'a [Scenario]) -> Vec<&'a Scenario> {
        let matches = |it: &&Scenario| {
            self.filters.is_empty() || self.filters.iter().any(|part| it.name.contains(part.as_str()))
        };
        scenarios.iter().filter(matches).collect()
    }
}
