//! Two endpoints over a simulated network: what a peer sees of us, and what we make of a peer.

mod certificates;
mod doubt;
mod ends;
mod establish;
mod fragments;
mod hostile;
mod nat;
mod refusals;
mod rekey;
mod seeds;
mod sim;
mod v1;
