//! Turns: a change of a connection or VPN gateway that is `updating` waits until the gateway has caught up.
//!
//! The provider refuses such a change; here it waits in line, in the order of arrival, for a bounded time
//! and behind a bounded number of others. Waiting is per connection and VPN gateway: nobody waits for a neighbour.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_control::error::Busy;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The lines of all that have one.
#[derive(Debug)]
pub struct Turns {
    lines: Mutex<BTreeMap<Busy, Line>>,
    waiting_max: usize,
}

/// The changes that wait for one connection or VPN gateway.
#[derive(Debug)]
struct Line {
    places: Arc<Places>,
    waiting: usize,
}

#[derive(Debug)]
struct Places {
    front: Arc<Semaphore>,
    settled: Notify,
}

/// Why a change does not get its turn.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum NoTurn {
    /// As many changes as may wait do so already.
    Full,
    /// Its time ran out.
    TooLate,
}

/// A place in a line. Dropping it, for whatever reason, lets the next one move up.
#[derive(Debug)]
pub struct Turn<'a> {
    turns: &'a Turns,
    id: Busy,
    places: Arc<Places>,
    deadline: Instant,
    front: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// No lines yet; at most `waiting_max` changes in each.
    pub fn new(waiting_max: usize) -> Self {
        Self { lines: Mutex::new(BTreeMap::new()), waiting_max }
    }

    /// Whether somebody waits for it.
    pub fn anybody_waits(&self, id: &Busy) -> bool {
        self.lock().contains_key(id)
    }

    /// Waits in its line until it is at the front.
    pub async fn wait(&self, id: &Busy, wait: Duration) -> Result<Turn<'_>, NoTurn> {
        let mut turn = self.line_up(id, Instant::now() + wait)?;
        let front = Arc::clone(&turn.places.front).acquire_owned();
        match tokio::time::timeout_at(turn.deadline, front).await {
            Ok(Ok(front)) => {
                turn.front = Some(front);
                Ok(turn)
            }
            Ok(Err(_)) | Err(_) => Err(NoTurn::TooLate),
        }
    }

    /// The gateway has reported on it: whoever is at the front looks again.
    pub fn settled(&self, id: &Busy) {
        if let Some(line) = self.lock().get(id) {
            line.places.settled.notify_one();
        }
    }

    fn line_up(&self, id: &Busy, deadline: Instant) -> Result<Turn<'_>, NoTurn> {
        let mut lines = self.lock();
        if lines.get(id).map_or(0, |line| line.waiting) >= self.waiting_max {
            return Err(NoTurn::Full);
        }
        let line = lines.entry(id.clone()).or_insert_with(Line::new);
        line.waiting += 1;
        let places = Arc::clone(&line.places);
        Ok(Turn { turns: self, id: id.clone(), places, deadline, front: None })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Busy, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn new() -> Self {
        let places = Places { front: Arc::new(Semaphore::new(1)), settled: Notify::new() };
        Self { places: Arc::new(places), waiting: 0 }
    }
}

impl Turn<'_> {
    /// Waits until the gateway reports; a report since the last call counts.
    pub async fn settled(&self) -> Result<(), NoTurn> {
        tokio::time::timeout_at(self.deadline, self.places.settled.notified())
            .await
            .map_err(|_elapsed| NoTurn::TooLate)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.front.take();
        let mut lines = self.turns.lock();
        if let Some(line) = lines.get_mut(&self.id) {
            line.waiting -= 1;
            if line.waiting == 0 {
                lines.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use causeway_control::error::Busy;

    use super::{NoTurn, Turns};

    fn id(text: &str) -> Busy {
        Busy::VpnConnection(text.parse().unwrap())
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn changes_get_their_turn_in_the_order_of_arrival() {
        let turns = Arc::new(Turns::new(10));
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let first = turns.wait(&id("vco-a"), LONG).await.unwrap();
        let mut tasks = Vec::new();
        for number in 0..5 {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let turn = turns.wait(&id("vco-a"), LONG).await.unwrap();
                order.lock().unwrap().push(number);
                drop(turn);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
        assert!(!turns.anybody_waits(&id("vco-a")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_line_refuses_and_a_neighbours_line_does_not() {
        let turns = Turns::new(1);
        let first = turns.wait(&id("vco-a"), LONG).await.unwrap();
        assert_eq!(turns.wait(&id("vco-a"), LONG).await.unwrap_err(), NoTurn::Full);
        let other = turns.wait(&id("vco-b"), LONG).await.unwrap();
        drop(first);
        drop(other);
    }

    #[tokio::test]
    async fn where_none_may_wait_none_is_waited_for() {
        let turns = Turns::new(0);
        assert_eq!(turns.wait(&id("vco-a"), LONG).await.unwrap_err(), NoTurn::Full);
        assert!(!turns.anybody_waits(&id("vco-a")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_whose_time_runs_out_is_told_so() {
        let turns = Turns::new(10);
        let first = turns.wait(&id("vco-a"), LONG).await.unwrap();
        let late = turns.wait(&id("vco-a"), Duration::from_millis(5)).await;
        assert_eq!(late.unwrap_err(), NoTurn::TooLate);
        assert_eq!(first.settled().await.unwrap_err(), NoTurn::TooLate);
        drop(first);
        assert!(!turns.anybody_waits(&id("vco-a")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_that_came_before_the_wait_is_not_lost() {
        let turns = Turns::new(10);
        let turn = turns.wait(&id("vco-a"), LONG).await.unwrap();
        turns.settled(&id("vco-a"));
        assert_eq!(turn.settled().await, Ok(()));
        drop(turn);
    }
}
