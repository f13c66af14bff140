//! How threads that wait in `poll` are told to end.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// Ends all threads that hold a [`StopSignal`] of it, when told to or when dropped.
pub struct StopSwitch(Mutex<Option<PipeWriter>>);

/// Becomes readable, for ever, when the switch was thrown.
#[derive(Clone)]
pub struct StopSignal(Arc<PipeReader>);

impl StopSwitch {
    /// A switch and the signal it gives.
    pub fn new() -> io::Result<(Self, StopSignal)> {
        let (reader, writer) = io::pipe()?;
        Ok((Self(Mutex::new(Some(writer))), StopSignal(Arc::new(reader))))
    }

    /// Ends the threads. A second time has no effect.
    pub fn throw(&self) {
        // The reader sees the end of the pipe when its only writer is closed.
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl AsFd for StopSignal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
