//! ESP (RFC 4303): security associations, seal, open, replay window.
