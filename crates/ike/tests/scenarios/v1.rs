//! IKEv1: tunnels come up in both modes, are rekeyed, and end.

mod ends;
mod establish;
mod hostile;
mod nat;
mod rekey;

use causeway_ike::{ChildProposal, IkeVersion, Mode, TunnelConfig};

use causeway_crypto::{Encryption, Integrity};

use crate::sim::{self, Sim, put_both, secs};

pub const MODES: [Mode; 2] = [Mode::Main, Mode::Aggressive];
/// Exchange types, the nineteenth byte of a message (RFC 2408, 3.1).
pub const INFORMATIONAL: u8 = 5;
pub const QUICK_MODE: u8 = 32;

/// A tunnel by IKEv1 from A to B as A has it. Neither initiates.
pub fn config(mode: Mode) -> TunnelConfig {
    let child = ChildProposal {
        encryption: Encryption::Aes128Cbc,
        integrity: Some(Integrity::HmacSha1_96),
        pfs: None,
    };
    TunnelConfig { version: IkeVersion::V1(mode), child, ..sim::config() }
}

/// A tunnel that is up.
pub fn up(seed: u64, config: &TunnelConfig) -> Sim {
    let mut sim = Sim::new(seed);
    put_both(&mut sim, config);
    sim.run(secs(1));
    sim.assert_up();
    sim
}
