//! A message that is sent until something comes back.

use std::time::Duration;

use crate::config::Limits;

/// How often a message is sent in all to somebody who has not authenticated and may not have asked for it.
const STRANGER_SENT_MAX: u32 = 4;

/// A message, and when it is sent again.
#[derive(Clone, Debug)]
pub(crate) struct Resend {
    pub message: Vec<u8>,
    pub due: Duration,
    /// How often it was sent.
    sent: u32,
    /// How often it may be sent in all.
    sent_max: u32,
}

impl Resend {
    /// A message that was just sent for the first time.
    pub(crate) fn new(message: Vec<u8>, now: Duration, limits: &Limits) -> Self {
        Resend {
            message,
            due: now + limits.retransmit_after,
            sent: 1,
            sent_max: limits.retransmissions_max + 1,
        }
    }

    /// The same, but sent again a few times only: the peer may not be where its message seemed to come from.
    pub(crate) fn for_a_stranger(message: Vec<u8>, now: Duration, limits: &Limits) -> Self {
        let resend = Resend::new(message, now, limits);
        Resend { sent_max: resend.sent_max.min(STRANGER_SENT_MAX), ..resend }
    }

    /// The message, if it is to be sent once more; none if it was sent often enough.
    pub(crate) fn again(&mut self, now: Duration, limits: &Limits) -> Option<Vec<u8>> {
        if self.sent >= self.sent_max {
            return None;
        }
        let wait = limits.retransmit_after.saturating_mul(1 << self.sent.min(16));
        self.sent += 1;
        self.due = now + wait.min(limits.retransmit_after_max);
        Some(self.message.clone())
    }

    /// How often it was sent.
    pub(crate) fn sent(&self) -> u32 {
        self.sent
    }

    /// Somebody says that it is in vain: it is sent once more at most, because anybody could have said so.
    pub(crate) fn lose_hope(&mut self) {
        self.sent_max = self.sent_max.min(self.sent + 1);
    }
}
