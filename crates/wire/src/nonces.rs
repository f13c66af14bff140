//! Remembers which requests have been accepted, so that none is accepted twice.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aws_lc_rs::digest;

use crate::clock::{CLOCK_SKEW_MS_MAX, check_clock};
use crate::signature::{Claim, SignatureError};

/// How many nonces may be remembered. One takes about 30 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonceLimits {
    /// Of one AccessKey: it keeps a busy caller from using up what all share.
    pub per_access_key_max: usize,
    /// Of all AccessKeys together.
    pub total_max: usize,
}

impl Default for NonceLimits {
    fn default() -> Self {
        Self { per_access_key_max: 2_000_000, total_max: 4_000_000 }
    }
}

/// How many expired nonces a request drops at most: more than it adds, so that this keeps up, and few, so
/// that no request pays for a crowd.
const DROPPED_PER_REQUEST_MAX: usize = 8;

/// The nonces of accepted requests, each for as long as the timestamp of its request would be accepted.
///
/// When it is full, requests are refused: to forget a nonce would be to let its request be replayed. It
/// starts empty; [`Nonces::refuse_signed_before`] is for a server that has forgotten by being restarted.
#[derive(Debug)]
pub struct Nonces {
    limits: NonceLimits,
    used: BTreeSet<Fingerprint>,
    /// What expires in which UNIX second: the AccessKey and the nonce.
    expiring: BTreeMap<i64, VecDeque<(Fingerprint, Fingerprint)>>,
    used_by_access_key: BTreeMap<Fingerprint, usize>,
    /// In UNIX milliseconds. What was signed before may have been accepted and forgotten.
    remembered_since_ms: i64,
}

/// The first 64 bits of a SHA-256. All that a collision could do is to refuse one request, and with millions
/// of nonces remembered that happens once in 10^12 requests.
type Fingerprint = u64;

impl Nonces {
    /// An empty memory.
    pub fn new(limits: NonceLimits) -> Self {
        Self {
            limits,
            used: BTreeSet::new(),
            expiring: BTreeMap::new(),
            used_by_access_key: BTreeMap::new(),
            remembered_since_ms: i64::MIN,
        }
    }

    /// From now on refuses requests that were signed before this moment, in UNIX milliseconds.
    pub fn refuse_signed_before(&mut self, unix_ms: i64) {
        self.remembered_since_ms = self.remembered_since_ms.max(unix_ms);
    }

    /// Accepts a request whose signature has been verified, once. Checks the clock as well, because what is
    /// forgotten here must not be accepted there; the clock may go backwards.
    ///
    /// # Errors
    ///
    /// When the nonce was used already, the request is too old or too new, or there is no room to remember it.
    pub fn remember(&mut self, claim: &Claim, now_ms: i64) -> Result<(), SignatureError> {
        check_clock(claim, now_ms)?;
        if claim.timestamp_ms < self.remembered_since_ms {
            return Err(SignatureError::NotRemembered { since_ms: self.remembered_since_ms });
        }
        self.drop_expired(now_ms);
        let access_key = fingerprint(&claim.access_key_id, "");
        let nonce = fingerprint(&claim.access_key_id, &claim.nonce);
        if self.used.contains(&nonce) {
            return Err(SignatureError::NonceUsed);
        }
        if self.used.len() >= self.limits.total_max {
            return Err(SignatureError::NonceMemoryFull);
        }
        let used_by_access_key = self.used_by_access_key.entry(access_key).or_default();
        if *used_by_access_key >= self.limits.per_access_key_max {
            return Err(SignatureError::TooManyNonces);
        }
        *used_by_access_key += 1;
        self.used.insert(nonce);
        self.expiring.entry(expiry_s(claim.timestamp_ms)).or_default().push_back((access_key, nonce));
        Ok(())
    }

    /// How many nonces are remembered.
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// Whether no nonce is remembered.
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    fn drop_expired(&mut self, now_ms: i64) {
        for _ in 0..DROPPED_PER_REQUEST_MAX {
            let Some(mut first) = self.expiring.first_entry() else { return };
            if first.key().saturating_mul(1000) > now_ms {
                return;
            }
            // All in this second were signed longer ago than the clock allows; should the clock go back,
            // they must stay refused.
            self.remembered_since_ms = self.remembered_since_ms.max(now_ms.saturating_sub(CLOCK_SKEW_MS_MAX));
            let dropped = first.get_mut().pop_front();
            if first.get().is_empty() {
                first.remove();
            }
            if let Some((access_key, nonce)) = dropped {
                self.forget(access_key, nonce);
            }
        }
    }

    fn forget(&mut self, access_key: Fingerprint, nonce: Fingerprint) {
        self.used.remove(&nonce);
        if let Entry::Occupied(mut used) = self.used_by_access_key.entry(access_key) {
            *used.get_mut() -= 1;
            if *used.get() == 0 {
                used.remove();
            }
        }
    }
}

/// The first whole UNIX second in which the clock check refuses this timestamp.
fn expiry_s(timestamp_ms: i64) -> i64 {
    timestamp_ms.saturating_add(CLOCK_SKEW_MS_MAX).div_euclid(1000) + 1
}

fn fingerprint(access_key_id: &str, nonce: &str) -> Fingerprint {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&access_key_id.len().to_be_bytes());
    hash.update(access_key_id.as_bytes());
    hash.update(nonce.as_bytes());
    let hash = hash.finish();
    hash.as_ref().iter().take(8).fold(0, |fingerprint, byte| fingerprint << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests;
