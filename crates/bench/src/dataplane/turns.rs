//! Echoes on an idle way, of all contenders by turns.
//!
//! An echo takes as long as the machine takes to wake a few threads, and on a shared machine that changes from minute to minute
//! by more than contenders differ. So they are all up at once, each in a lab of its own, and ask in turn for a fraction of a second:
//! what else happens on the machine meets all of them. Those whose turn it is not are idle.

use std::time::Duration;

use anyhow::Result;

use super::contender::{Contender, Up};
use super::measure::{Effort, idle_round_trips};

/// The round trips of each contender, or why there are none.
pub fn echoes(contenders: &[Contender], effort: Effort) -> Vec<Result<Vec<Duration>>> {
    let mut all: Vec<Result<(Up, Vec<Duration>)>> =
        contenders.iter().map(|contender| Ok((Up::start(*contender)?, Vec::new()))).collect();
    for _ in 0..effort.turns {
        for entry in &mut all {
            let Ok((up, times)) = entry else { continue };
            match idle_round_trips(&up.pair, effort.echoes) {
                Ok(more) => times.extend(more),
                Err(error) => *entry = Err(error.context("waiting for echoes")),
            }
        }
    }
    all.into_iter().map(|entry| entry.map(|(_, times)| times)).collect()
}
