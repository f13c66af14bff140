//! Why a received packet goes no further.

use std::fmt;

/// Why a received packet goes no further. The names are those of a metric's label.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DropReason {
    /// Too short to be an ESP packet of this association.
    Truncated,
    /// Its SPI is that of another association.
    OtherSpi,
    /// Its sequence number is left of the replay window, or 0, which no sender uses.
    TooOld,
    /// Its sequence number was seen before.
    Replayed,
    /// The association has carried as much as it may.
    LifetimeOver,
    /// Its ICV is wrong.
    NotAuthentic,
    /// Authentic, but the padding is not 1, 2, 3 and so on, or longer than the packet.
    MalformedPadding,
    /// Authentic, but what it carries is no IPv4 or IPv6 packet, so it was not sealed in tunnel mode.
    NotTunnel,
    /// Authentic, but the inner packet's own length does not fit.
    MalformedInner,
    /// An authentic dummy packet, which only hides how much traffic there is (RFC 4303 section 2.6).
    /// There is nothing wrong with it.
    Dummy,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Truncated,
        Self::OtherSpi,
        Self::TooOld,
        Self::Replayed,
        Self::LifetimeOver,
        Self::NotAuthentic,
        Self::MalformedPadding,
        Self::NotTunnel,
        Self::MalformedInner,
        Self::Dummy,
    ];

    /// The name, for a metric's label and for a log line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::OtherSpi => "other_spi",
            Self::TooOld => "too_old",
            Self::Replayed => "replayed",
            Self::LifetimeOver => "lifetime_over",
            Self::NotAuthentic => "not_authentic",
            Self::MalformedPadding => "malformed_padding",
            Self::NotTunnel => "not_tunnel",
            Self::MalformedInner => "malformed_inner",
            Self::Dummy => "dummy",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for DropReason {}
