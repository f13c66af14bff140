//! IKE messages: what is read is the same when it is written and read again.

/// Reads a message, writes it and reads that; also takes the bytes for what an encrypted payload held, the first of them
/// for the type of the first payload.
///
/// # Panics
///
/// When the two readings differ.
pub fn check(bytes: &[u8]) {
    if let Some((read, again)) = causeway_ike::fuzzing::message_again(bytes) {
        assert_eq!(read, again);
    }
    if let Some((first, chain)) = bytes.split_first()
        && let Some((read, again)) = causeway_ike::fuzzing::payloads_again(*first, chain)
    {
        assert_eq!(read, again);
    }
}
