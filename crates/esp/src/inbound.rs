//! The inbound half: ESP packets become inner packets.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use causeway_crypto::Protection;

use crate::counters::{Counters, Traffic};
use crate::drop_reason::DropReason;
use crate::lifetime::Lifetime;
use crate::packet::{HEADER_LEN, TRAILER_LEN, inner_packet, sequence_of, spi_of, without_padding};
use crate::replay::ReplayWindow;

/// An inner packet, where an ESP packet was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inner {
    /// Where it is in the buffer that was opened.
    pub range: Range<usize>,
    /// What it is: [`NEXT_HEADER_IPV4`](crate::NEXT_HEADER_IPV4) or [`NEXT_HEADER_IPV6`](crate::NEXT_HEADER_IPV6).
    pub next_header: u8,
}

/// A security association that opens. Used by reference from several threads.
#[derive(Debug)]
pub struct InboundSa {
    spi: u32,
    protection: Protection,
    window: ReplayWindow,
    lifetime: Lifetime,
    counters: Counters,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl InboundSa {
    /// An association that has opened nothing yet. `spi` is the one that we chose.
    pub fn new(spi: u32, protection: Protection, window: ReplayWindow) -> Self {
        let lifetime = Lifetime::of(protection.encryption(), window.numbers());
        let (counters, dropped) = (Counters::default(), Default::default());
        Self { spi, protection, window, lifetime, counters, dropped }
    }

    /// The same, carrying no more than this.
    #[must_use]
    pub fn within(self, most: Traffic) -> Self {
        Self { lifetime: self.lifetime.within(most), ..self }
    }

    /// Whether the association should be replaced, because it has carried half of what it may.
    pub fn is_worn(&self) -> bool {
        self.lifetime.is_worn(self.traffic())
    }

    /// Whether it carries nothing more.
    pub fn is_over(&self) -> bool {
        self.lifetime.is_over(self.traffic())
    }

    /// The SPI that packets begin with.
    pub fn spi(&self) -> u32 {
        self.spi
    }

    /// The highest sequence number received, 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.window.highest()
    }

    /// How many inner packets and bytes were opened.
    pub fn traffic(&self) -> Traffic {
        self.counters.traffic()
    }

    /// How many packets were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].load(Ordering::Relaxed)
    }

    /// Opens an ESP packet in place: `packet` begins with the SPI and ends with the ICV.
    ///
    /// # Errors
    ///
    /// Why there is nothing to forward; it is counted. What `packet` then holds is undefined.
    pub fn open(&self, packet: &mut [u8]) -> Result<Inner, DropReason> {
        let opened = self.try_open(packet);
        match &opened {
            Ok(inner) => self.counters.count(inner.range.len()),
            Err(reason) => {
                self.dropped[*reason as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
        opened
    }

    /// RFC 4303 section 3.4: the window is asked before the ICV is checked and told after.
    fn try_open(&self, packet: &mut [u8]) -> Result<Inner, DropReason> {
        let shortest = HEADER_LEN + self.protection.iv_len() + TRAILER_LEN + self.protection.icv_len();
        if packet.len() < shortest {
            return Err(DropReason::Truncated);
        }
        if spi_of(packet) != Some(self.spi) {
            return Err(DropReason::OtherSpi);
        }
        if self.is_over() {
            return Err(DropReason::LifetimeOver);
        }
        let sequence = self.window.whole(sequence_of(packet)).ok_or(DropReason::TooOld)?;
        self.window.check(sequence)?;

        let extra = self.window.numbers().extra(sequence);
        let payload =
            self.protection.open(HEADER_LEN, packet, extra).map_err(|_| DropReason::NotAuthentic)?;
        self.window.accept(sequence)?;

        let start = payload.start;
        let payload = &packet[payload];
        let (len, next_header) = without_padding(payload)?;
        let inner = inner_packet(&payload[..len], next_header)?;
        Ok(Inner { range: start + inner.start..start + inner.end, next_header })
    }
}
