//! IKEv2 (RFC 7296): messages, proposals, key schedule, exchanges as sans-I/O state machines.
