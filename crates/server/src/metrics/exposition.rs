//! Reads OpenMetrics text: what `/metrics` answers.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

/// All series of one answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exposition {
    /// The families, each with its type.
    pub families: BTreeMap<String, String>,
    /// The samples, in the order in which they were told.
    pub samples: Vec<Sample>,
}

/// The value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The name of the series; a counter's ends in `_total`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

impl Exposition {
    /// Reads a whole answer; one that broke off is refused.
    pub fn parse(text: &str) -> Result<Self> {
        let mut read = Self::default();
        let mut is_whole = false;
        for line in text.lines() {
            ensure!(!is_whole, "there is more after the end: {line}");
            if line == "# EOF" {
                is_whole = true;
            } else if let Some(about) = line.strip_prefix("# TYPE ") {
                let (name, kind) = about.split_once(' ').context("a TYPE without a type")?;
                let before = read.families.insert(name.to_owned(), kind.to_owned());
                ensure!(before.is_none(), "{name} is told twice");
            } else if !line.starts_with("# ") {
                read.samples
                    .push(Sample::parse(line).with_context(|| format!("cannot read the sample: {line}"))?);
            }
        }
        ensure!(is_whole, "the answer broke off");
        Ok(read)
    }

    /// The samples of one name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.samples.iter().filter(move |sample| sample.name == name)
    }

    /// The sum over all samples of one name.
    pub fn sum(&self, name: &str) -> f64 {
        self.named(name).map(|sample| sample.value).sum()
    }
}

impl Sample {
    /// A label's value; empty where it has none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    fn parse(line: &str) -> Result<Self> {
        let end = line.find(['{', ' ']).context("a name without a value")?;
        let (name, rest) = line.split_at(end);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(labels) => labels_of(labels)?,
            None => (BTreeMap::new(), rest),
        };
        let value = rest.trim().parse().context("the value is not a number")?;
        Ok(Self { name: name.to_owned(), labels, value })
    }
}

/// The labels up to the closing brace, and what comes after it.
fn labels_of(mut text: &str) -> Result<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        if let Some(rest) = text.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let (name, rest) = text.split_once("=\"").context("a label without a value")?;
        let (value, rest) = quoted(rest)?;
        ensure!(labels.insert(name.to_owned(), value).is_none(), "the label {name} is there twice");
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// The text up to the closing quotation mark, and what comes after it.
fn quoted(text: &str) -> Result<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                _ => bail!("an escape that does not exist"),
            },
            character => value.push(character),
        }
    }
    bail!("a value without an end")
}

#[cfg(test)]
mod tests {
    use super::Exposition;

    #[test]
    fn a_sample_has_a_name_labels_and_a_value() {
        let read = Exposition::parse("# TYPE a counter\na_total{x=\"1\",y=\"b\\\"\\n}\"} 2.5\nb 3\n# EOF\n")
            .unwrap();
        assert_eq!(read.families["a"], "counter");
        assert_eq!(read.samples[0].label("y"), "b\"\n}");
        assert_eq!((read.samples[0].label("x"), read.samples[0].value), ("1", 2.5));
        assert_eq!(read.sum("b"), 3.0);
    }

    #[test]
    fn what_broke_off_or_makes_no_sense_is_refused() {
        for text in
            ["a 1\n", "a\n# EOF", "a{x=\"1} 2\n# EOF", "a{x} 2\n# EOF", "a x\n# EOF", "a 1\n# EOF\nb 1"]
        {
            assert!(Exposition::parse(text).is_err(), "{text:?}");
        }
    }
}
