//! Tunnels come up.

use causeway_crypto::{DhGroup, Encryption, Integrity};
use causeway_ike::{ChildProposal, IkeProposal, Level, TunnelConfig};

use crate::sim::{A, B, Sim, T, config, mirrored, prf_of, put_both, secs};

#[test]
fn a_tunnel_comes_up_in_two_round_trips() {
    let mut sim = Sim::new(1);
    put_both(&mut sim, &config());
    sim.run(secs(1));
    sim.assert_up();
    assert_eq!(sim.wire.len(), 4);
    assert!(!sim.side(A).logs.iter().any(|(_, level, _)| *level != Level::Info), "{:?}", sim.side(A).logs);
}

#[test]
fn a_tunnel_comes_up_with_every_encryption_integrity_and_group() {
    let mut seed = 100;
    for encryption in Encryption::ALL {
        for integrity in Integrity::ALL {
            let group = DhGroup::ALL[seed as usize % DhGroup::ALL.len()];
            let own = (!encryption.is_aead()).then_some(integrity);
            let ike = IkeProposal { encryption, integrity: own, prf: prf_of(integrity), group };
            let child = ChildProposal { encryption, integrity: own, pfs: Some(group) };
            assert_comes_up(seed, &TunnelConfig { ike, child, ..config() });
            seed += 1;
        }
    }
    for group in DhGroup::ALL {
        let ike = IkeProposal { group, ..config().ike };
        assert_comes_up(seed, &TunnelConfig { ike, ..config() });
        seed += 1;
    }
}

fn assert_comes_up(seed: u64, config: &TunnelConfig) {
    let mut sim = Sim::new(seed);
    put_both(&mut sim, config);
    sim.run(secs(1));
    sim.assert_up();
}

#[test]
fn both_sides_may_initiate_at_once_and_one_ike_sa_remains() {
    for seed in 0..20 {
        let mut sim = Sim::new(seed);
        let both = TunnelConfig { initiate: true, ..config() };
        sim.put(B, T, mirrored(&both));
        sim.put(A, T, both);
        sim.run(secs(1));
        sim.assert_up();
        sim.run(secs(60));
        sim.assert_up();
        assert_eq!((sim.side(A).children.len(), sim.side(B).children.len()), (1, 1), "seed {seed}");
        let made = (sim.side(A).children_made, sim.side(B).children_made);
        sim.run(secs(3_600));
        assert_eq!((sim.side(A).children_made, sim.side(B).children_made), made, "no churn, seed {seed}");
        sim.assert_up();
    }
}
