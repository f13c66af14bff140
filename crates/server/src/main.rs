//! The binary `causeway`.
fn main() {}
