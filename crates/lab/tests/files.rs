//! The scenarios of `lab/` as a whole: that all can be read, what they cover, and that their words are explained.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::path::Path;

use causeway_lab::{Scenario, missing_pairs};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab")
}

fn scenarios() -> Vec<Scenario> {
    causeway_lab::load(&folder()).unwrap()
}

#[test]
fn every_pair_of_choices_of_the_api_is_negotiated_with_strongswan() {
    let missing = missing_pairs(&scenarios());
    assert!(missing.is_empty(), "{} pairs in no scenario, such as {:?}", missing.len(), missing.first());
}

#[test]
fn no_two_scenarios_say_that_they_show_the_same() {
    let mut titles = BTreeMap::new();
    for scenario in scenarios() {
        let before = titles.insert(scenario.title.clone(), scenario.name.clone());
        assert_eq!(before, None, "{}: {}", scenario.name, scenario.title);
    }
    assert!(titles.len() >= 60);
}

/// A setting or step of the README stands in backquotes; capital letters and numbers stand for what is put in.
#[test]
fn every_word_of_a_scenario_is_explained() {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let explained: Vec<Vec<&str>> =
        readme.split('`').skip(1).step_by(2).map(|it| it.split_whitespace().collect()).collect();
    let is_explained = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        explained.iter().any(|form| fits(form, &words))
    };
    for scenario in scenarios() {
        let text = std::fs::read_to_string(folder().join(&scenario.name).with_extension("txt")).unwrap();
        let lines = text.lines().filter(|line| line.starts_with(' ') && !line.trim().starts_with('#'));
        for line in lines {
            let line = line.trim().trim_start_matches("-> ");
            let setting = line.split_once(" = ").map(|(name, _)| format!("{name} ="));
            let explained =
                is_explained(line) || setting.is_some_and(|it| readme.contains(&format!("`{it}")));
            assert!(explained, "{}: lab/README.md does not explain `{line}`", scenario.name);
        }
    }
}

/// Whether words are of a form, in which a word in capitals stands for one word or several.
fn fits(form: &[&str], words: &[&str]) -> bool {
    let stands_for_others = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    match form {
        [] => words.is_empty(),
        [first, form @ ..] if stands_for_others(first) => {
            (1..=words.len()).any(|count| fits(form, &words[count..]))
        }
        [first, form @ ..] => words.first() == Some(first) && fits(form, &words[1..]),
    }
}
