//! The algorithms that IKE and ESP negotiate, over aws-lc-rs and RustCrypto.
