//! The steps of a commit at which a test may stop the writer, to kill the process there.
//!
//! Without the feature `testing` a failpoint is an empty function.

/// A step that the writer has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failpoint {
    /// A batch was taken from the queue.
    BeforeBegin,
    /// The transaction is open, nothing is written.
    AfterBegin,
    /// The first row of a commit is written, the others are not.
    AfterFirstWrite,
    /// Everything is written and nothing is durable.
    BeforeCommit,
    /// The batch is durable, and nobody knows.
    AfterCommit,
    /// The tickets are resolved.
    AfterAcknowledgement,
    /// The log is about to be copied into the database, beside the commits that follow.
    BeforeCheckpoint,
    /// The log has been copied to its end.
    AfterCheckpoint,
}

/// What a test wants to be told.
#[derive(Default)]
pub(crate) struct Failpoints {
    #[cfg(feature = "testing")]
    watch: Option<Box<dyn Fn(Failpoint) + Send>>,
}

impl Failpoints {
    /// Calls `watch` on the writer's thread at each step.
    #[cfg(feature = "testing")]
    pub(crate) fn watched_by(watch: impl Fn(Failpoint) + Send + 'static) -> Self {
        Self { watch: Some(Box::new(watch)) }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn reached(&self, point: Failpoint) {
        if let Some(watch) = &self.watch {
            watch(point);
        }
    }

    #[cfg(not(feature = "testing"))]
    #[inline(always)]
    pub(crate) fn reached(&self, _point: Failpoint) {}
}
