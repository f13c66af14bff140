//! The ratchet: what was over a limit when the limit came, with its size. It may only shrink.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Finding;
use super::size::{FILE_LENGTH, FUNCTION_LENGTH};

const FILE: &str = "xtask/tidy-ratchet.txt";
const HEAD: &str = "\
# What is over a limit of `cargo xtask tidy`: rule, file, thing (* is the file itself), size. This list may only shrink:
# `cargo xtask tidy --shrink` lowers the numbers to what is true and drops what is within the limit. Nothing is added.
";

/// What is measured against a limit: rule, file, thing.
type Key = (String, String, String);

/// The entries of the ratchet file.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Ratchet {
    sizes: BTreeMap<Key, usize>,
}

impl Ratchet {
    pub(super) fn read(root: &Path) -> Result<Self> {
        Self::parse(&fs::read_to_string(root.join(FILE)).with_context(|| format!("reading {FILE}"))?)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut sizes = BTreeMap::new();
        for (line, number) in text.lines().zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let [rule, file, thing, size] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                bail!("{FILE}:{number}: not a rule, a file, a thing and a size");
            };
            if ![FILE_LENGTH, FUNCTION_LENGTH].contains(&rule) {
                bail!("{FILE}:{number}: the rule {rule} has no ratchet");
            }
            let size = size.parse().with_context(|| format!("{FILE}:{number}: not a size"))?;
            sizes.insert((rule.to_owned(), file.to_owned(), thing.to_owned()), size);
        }
        Ok(Self { sizes })
    }

    pub(super) fn write(&self, root: &Path) -> Result<()> {
        fs::write(root.join(FILE), self.to_text()).with_context(|| format!("writing {FILE}"))
    }

    fn to_text(&self) -> String {
        let lines =
            self.sizes.iter().map(|((rule, file, thing), size)| format!("{rule} {file} {thing} {size}\n"));
        HEAD.to_owned() + &lines.collect::<String>()
    }

    /// What remains of the findings: those that are not in the file, or have grown; and entries that should shrink.
    pub(super) fn judge(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let found = largest(&findings);
        let is_new =
            |finding: &Finding| key(finding).is_none_or(|(key, size)| self.sizes.get(&key) < Some(&size));
        let mut remaining: Vec<Finding> = findings.into_iter().filter(is_new).collect();
        for ((rule, file, thing), size) in &self.sizes {
            let now = found.get(&(rule.clone(), file.clone(), thing.clone())).copied();
            if now.is_none_or(|now| now < *size) {
                let now = now.map_or("within the limit".to_owned(), |now| format!("{now} lines"));
                let what = format!("{rule} of {file} {thing} is {now}, and {size} in the ratchet");
                let remedy = "Run `cargo xtask tidy --shrink`";
                remaining.push(Finding::new(FILE, 1, "ratchet", what, remedy));
            }
        }
        remaining
    }

    /// The same file with the sizes of today, where they are smaller.
    pub(super) fn shrunk(self, findings: &[Finding]) -> Self {
        let found = largest(findings);
        let sizes = self.sizes.into_iter();
        let sizes = sizes.filter_map(|(key, size)| found.get(&key).map(|now| (key, size.min(*now))));
        Self { sizes: sizes.collect() }
    }
}

fn key(finding: &Finding) -> Option<(Key, usize)> {
    let (thing, size) = finding.measured.clone()?;
    Some(((finding.rule.to_owned(), finding.file.clone(), thing), size))
}

/// Two functions of one name in one file share an entry: the larger counts.
fn largest(findings: &[Finding]) -> BTreeMap<Key, usize> {
    let mut sizes: BTreeMap<Key, usize> = BTreeMap::new();
    for (key, size) in findings.iter().filter_map(key) {
        let entry = sizes.entry(key).or_default();
        *entry = size.max(*entry);
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::{FUNCTION_LENGTH, Finding, HEAD, Ratchet};

    fn long(lines: usize) -> Finding {
        let finding = Finding::new("a.rs", 7, FUNCTION_LENGTH, "long", "Shorten it");
        Finding { measured: Some(("run".to_owned(), lines)), ..finding }
    }

    fn ratchet(lines: usize) -> Ratchet {
        Ratchet::parse(&format!("{HEAD}function-length a.rs run {lines}\n")).unwrap()
    }

    #[test]
    fn what_is_in_the_ratchet_may_stay_but_not_grow() {
        assert_eq!(ratchet(80).judge(vec![long(80)]), []);
        assert_eq!(ratchet(80).judge(vec![long(81)]), [long(81)]);
        assert_eq!(Ratchet::default().judge(vec![long(61)]), [long(61)]);
    }

    #[test]
    fn an_entry_that_could_shrink_must() {
        for findings in [vec![long(70)], vec![]] {
            let remaining = ratchet(80).judge(findings);
            assert_eq!(remaining.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["ratchet"]);
        }
        assert_eq!(ratchet(80).shrunk(&[long(70)]), ratchet(70));
        assert_eq!(ratchet(80).shrunk(&[long(90)]), ratchet(80), "shrinking never raises");
        assert_eq!(ratchet(80).shrunk(&[]), Ratchet::default());
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        assert_eq!(Ratchet::parse(&ratchet(80).to_text()).unwrap(), ratchet(80));
        assert!(Ratchet::parse("purity a.rs run 1").is_err());
        assert!(Ratchet::parse("function-length a.rs run").is_err());
    }
}
