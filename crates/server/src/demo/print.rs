//! How the story is told: numbered steps, what was called, what came of it, and a sign of life while it waits.
//!
//! On a terminal with colours and a line that moves; plain text otherwise. A reader who has gone away is no reason
//! to fail: what cannot be printed is left out.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::server::Answer;

const GREEN: u8 = 32;
const RED: u8 = 31;
const BOLD: u8 = 1;
const DIM: u8 = 2;

/// How often the moving line moves.
const TICK: Duration = Duration::from_millis(100);

/// How often a line is printed where none can move.
const REPEAT: Duration = Duration::from_secs(2);

const WHEEL: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// Prints the story.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    terminal: bool,
    colours: bool,
}

impl Voice {
    /// As standard output is.
    pub fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self { terminal, colours: terminal && std::env::var_os("NO_COLOR").is_none() }
    }

    /// A line as it is.
    pub fn line(&self, text: &str) {
        print(&format!("{text}\n"));
    }

    /// The title of a step.
    pub fn title(&self, number: usize, title: &str) {
        self.line(&format!("{:>2}  {}", number, self.paint(BOLD, title)));
    }

    /// A detail of a step.
    pub fn detail(&self, text: &str) {
        self.line(&format!("      {text}"));
    }

    /// An operation that was called, and what its answer said.
    pub fn call(&self, action: &str, parameters: &str, said: &str, answer: &Answer) {
        let took = format!("({})", duration(answer.answered.duration_since(answer.called)));
        self.line(&format!("      {action} {}", self.paint(DIM, parameters)));
        self.line(&format!("        → {said}  {}", self.paint(DIM, &took)));
    }

    /// What came of a step.
    pub fn outcome(&self, passed: bool, said: &str, took: Duration) {
        let mark = if passed { self.paint(GREEN, "✔") } else { self.paint(RED, "✘") };
        let took = self.paint(DIM, &format!("({})", duration(took)));
        let mut lines = said.lines();
        self.line(&format!("    {mark} {}  {took}", lines.next().unwrap_or_default()));
        for line in lines {
            self.detail(line);
        }
    }

    /// Shows that something takes its time, until the returned guard is dropped. Print nothing meanwhile.
    pub fn waiting(&self, text: &str) -> Waiting {
        let line = Mutex::new(Line { text: text.to_owned(), done: false });
        let shared = Arc::new(Shared { line, changed: Condvar::new() });
        let showing = Arc::clone(&shared);
        let show = if self.terminal { draw } else { repeat };
        let thread = std::thread::Builder::new().name("demo-waiting".into()).spawn(move || show(&showing));
        Waiting { shared, thread: thread.ok() }
    }

    fn paint(self, colour: u8, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A sign of life, as long as this lives.
#[derive(Debug)]
pub struct Waiting {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    line: Mutex<Line>,
    changed: Condvar,
}

#[derive(Debug)]
struct Line {
    text: String,
    done: bool,
}

impl Waiting {
    /// Says how far it has come.
    pub fn update(&self, text: &str) {
        text.clone_into(&mut self.shared.line().text);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.shared.line().done = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _only_drew = thread.join();
        }
    }
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On a terminal: a line that moves.
fn draw(shared: &Shared) {
    let start = Instant::now();
    let mut line = shared.line();
    for mark in WHEEL.iter().cycle() {
        if line.done {
            break;
        }
        print(&format!("\r\x1b[2K    {mark} {} {}", line.text, duration(start.elapsed())));
        line = shared.changed.wait_timeout(line, TICK).unwrap_or_else(PoisonError::into_inner).0;
    }
    print("\r\x1b[2K");
}

/// Elsewhere: a line from time to time, and none for what is done soon.
fn repeat(shared: &Shared) {
    let start = Instant::now();
    let mut line = shared.line();
    loop {
        let waited = shared.changed.wait_timeout_while(line, REPEAT, |line| !line.done);
        line = waited.unwrap_or_else(PoisonError::into_inner).0;
        if line.done {
            break;
        }
        print(&format!("      … {} ({})\n", line.text, duration(start.elapsed())));
    }
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _nobody_reads = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A time as a person reads it.
pub fn duration(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        ..10.0 => format!("{millis:.1} ms"),
        ..1_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn a_time_has_the_unit_that_suits_it() {
        assert_eq!(duration(Duration::from_micros(1_240)), "1.2 ms");
        assert_eq!(duration(Duration::from_millis(312)), "312 ms");
        assert_eq!(duration(Duration::from_millis(3_060)), "3.1 s");
    }
}
