//! What CI and a contributor run.
fn main() {}
