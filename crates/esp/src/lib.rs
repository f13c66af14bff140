//! ESP in tunnel mode (RFC 4303): security associations that seal and open packets, sequence numbers
//! and the replay window. No I/O and no clock.
//!
//! A security association of one direction is an [`OutboundSa`] or an [`InboundSa`]. Both are used by
//! reference from as many threads as there are. Neither sealing nor opening takes a lock, and neither
//! allocates.
//!
//! ```text
//! | SPI 4 | sequence 4 | IV | inner packet | padding 1,2,3.. | pad length 1 | next header 1 | ICV |
//! |<------------------------ authenticated --------------------------------------------->|
//!                           |<-------------------- encrypted ------------------------->|
//! ```

mod counters;
mod drop_reason;
mod inbound;
mod lifetime;
mod outbound;
mod packet;
mod replay;
mod sequence;

pub use counters::Traffic;
pub use drop_reason::DropReason;
pub use inbound::{InboundSa, Inner};
pub use lifetime::Lifetime;
pub use outbound::{OutboundSa, SealError};
pub use packet::{NEXT_HEADER_IPV4, NEXT_HEADER_IPV6, NEXT_HEADER_NONE, spi_of};
pub use replay::ReplayWindow;
pub use sequence::SequenceNumbers;
