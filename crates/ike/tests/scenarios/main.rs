//! Two endpoints over a simulated network: what a peer sees of us, and what we make of a peer.

mod establish;
mod sim;
