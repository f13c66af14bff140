//! A thousand worlds from as many seeds: two engines over a network that drops, doubles, reorders, replays and corrupts, with
//! crashes, changes and, in every other world, an attacker who sees everything and holds everything but the pre-shared key.
//! Each is run twice, and both runs ask for the same things byte for byte.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use causeway_crypto::{DhGroup, Random, Secret, SeededRandom};
use causeway_ike::{ChildProposal, Endpoint, Limits, Output, TunnelConfig, TunnelStatus};

use crate::sim::{A, ADDRESS_A, ADDRESS_B, B, Datagram, Sim, T, config, mirrored, secs};

const SEEDS: u64 = 1_000;

struct Dice(SeededRandom);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_be_bytes(bytes) % n
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u32) as usize]
    }
}

/// Somebody on the way who speaks IKE as well, and pretends to be either peer to the other. He has another pre-shared key.
struct Attacker {
    /// As A towards B, and as B towards A.
    as_peer: [Endpoint; 2],
    overheard: Rc<RefCell<VecDeque<Datagram>>>,
}

impl Attacker {
    fn new(seed: u64, ours: &TunnelConfig, overheard: Rc<RefCell<VecDeque<Datagram>>>) -> Self {
        let wrong = TunnelConfig { psk: Secret::new(b"guessed".to_vec()), initiate: true, ..ours.clone() };
        let mut as_peer =
            [1, 2].map(|n| Endpoint::new(Box::new(SeededRandom::new(seed * 7 + n)), Limits::default()));
        as_peer[A].put_tunnel(T, wrong.clone(), Duration::ZERO);
        as_peer[B].put_tunnel(T, mirrored(&wrong), Duration::ZERO);
        Self { as_peer, overheard }
    }

    /// Answers what was overheard, faster than the real peer, and sends what is due.
    fn act(&mut self, sim: &mut Sim) {
        let heard: Vec<Datagram> = self.overheard.borrow_mut().drain(..).collect();
        for datagram in heard {
            let side = if *datagram.to.ip() == ADDRESS_A { A } else { B };
            self.as_peer[side].on_datagram(datagram.to, datagram.from, &datagram.message, sim.now);
        }
        for endpoint in &mut self.as_peer {
            if endpoint.next_timeout().is_some_and(|at| at <= sim.now) {
                endpoint.handle_timeout(sim.now);
            }
            while let Some(output) = endpoint.poll_output() {
                match output {
                    Output::Transmit { local, remote, message } => {
                        sim.deliver(Datagram { from: local, to: remote, message });
                    }
                    Output::Status { status, .. } => assert_eq!(status, TunnelStatus::IkeSaNotEstablished),
                    other => assert!(
                        !matches!(other, Output::ChildUp { .. }),
                        "an attacker without the pre-shared key has a child SA"
                    ),
                }
            }
        }
    }
}

/// The configuration of a world, as A has it.
fn tunnel(dice: &mut Dice) -> TunnelConfig {
    let pfs = dice.pick(&[None, Some(DhGroup::Curve25519)]);
    let networks: Vec<_> =
        ["192.168.1.0/24", "10.1.0.0/16"].iter().map(|it| it.parse().expect("a network")).collect();
    TunnelConfig {
        child: ChildProposal { pfs, ..config().child },
        ike_lifetime: secs(dice.pick(&[60, 200, 1_000])),
        child_lifetime: secs(dice.pick(&[60, 150, 1_000])),
        local_ts: networks[..dice.pick(&[1, 2])].to_vec(),
        force_encapsulation: dice.below(4) == 0,
        initiate: true,
        ..config()
    }
}

/// Drops nothing, but changes a byte here and there, and tells the attacker.
fn hostile_middle(sim: &mut Sim, mut dice: Dice, overheard: Option<Rc<RefCell<VecDeque<Datagram>>>>) {
    let one_in = dice.pick(&[10, 50, u32::MAX]);
    sim.middle = Some(Box::new(move |mut datagram| {
        if let Some(overheard) = &overheard {
            overheard.borrow_mut().push_back(datagram.clone());
        }
        if dice.below(one_in) == 0 {
            let at = dice.below(datagram.message.len() as u32) as usize;
            datagram.message[at] ^= 1 << dice.below(8);
        }
        Some(datagram)
    }));
}

/// Something happens to one of the two.
fn happen(sim: &mut Sim, dice: &mut Dice, seed: u64, configs: &[TunnelConfig; 2]) {
    let side = dice.pick(&[A, B]);
    match dice.below(6) {
        0 => {
            sim.crash(side, seed + 10_000);
            sim.put(side, T, configs[side].clone());
        }
        1 => {
            sim.remove(side, T);
            sim.put(side, T, configs[side].clone());
        }
        2 | 3 => {
            // What was sent some time comes again.
            for _ in 0..20 {
                let old = sim.wire[dice.below(sim.wire.len() as u32) as usize].clone();
                sim.deliver(old);
            }
        }
        _ => {}
    }
}

fn run(seed: u64) -> Vec<(Duration, usize, Output)> {
    let mut dice = Dice(SeededRandom::new(seed + 77));
    let mut sim = Sim::with_limits(seed, Limits { first_rekey_after: secs(5), ..Limits::default() });
    sim.keep_trace = true;
    sim.loss = dice.pick(&[0.0, 0.05, 0.2, 0.35]);
    sim.doubled = dice.pick(&[0.0, 0.2]);
    sim.jitter = Duration::from_millis(dice.pick(&[0, 300, 2_000]));
    let ours = tunnel(&mut dice);
    let passive = dice.below(3) == 0;
    let configs = [ours.clone(), TunnelConfig { initiate: !passive, ..mirrored(&ours) }];
    let overheard = Rc::new(RefCell::new(VecDeque::new()));
    let mut attacker = (seed % 2 == 1).then(|| Attacker::new(seed, &ours, Rc::clone(&overheard)));
    hostile_middle(&mut sim, Dice(SeededRandom::new(seed + 99)), attacker.is_some().then_some(overheard));
    for side in [B, A] {
        sim.put(side, T, configs[side].clone());
    }
    for _ in 0..8 {
        for _ in 0..20 {
            sim.run(secs(2));
            if let Some(attacker) = &mut attacker {
                attacker.act(&mut sim);
            }
        }
        happen(&mut sim, &mut dice, seed, &configs);
        assert_bounded(&sim, seed);
    }
    quiet(&mut sim, seed);
    sim.trace
}

/// However much was sent, little is kept.
fn assert_bounded(sim: &Sim, seed: u64) {
    for side in [A, B] {
        let (ike_sas, children) = (sim.side(side).endpoint.ike_sas(), sim.side(side).children.len());
        assert!(ike_sas <= 80 && children <= 20, "seed {seed}: {ike_sas} IKE SAs, {children} children");
    }
}

/// When the network is well again and nobody attacks, the tunnel comes up, or is up, and both sides agree on it.
fn quiet(sim: &mut Sim, seed: u64) {
    (sim.loss, sim.doubled, sim.jitter, sim.middle) = (0.0, 0.0, Duration::ZERO, None);
    sim.run(secs(400));
    let settled = (0..60).any(|_| {
        sim.run(secs(1));
        let up = |side| sim.status(side) == TunnelStatus::IpsecSaEstablished;
        let few = |side: usize| sim.side(side).children.len() <= 4 && sim.side(side).endpoint.ike_sas() <= 4;
        up(A) && up(B) && sim.passes(A, T, B) && sim.passes(B, T, A) && few(A) && few(B)
    });
    let logs = [A, B].map(|side| sim.side(side).logs.iter().rev().take(12).cloned().collect::<Vec<_>>());
    assert!(settled, "seed {seed} does not settle: {logs:#?}");
    assert_eq!((sim.sides[A].0, sim.sides[B].0), (ADDRESS_A, ADDRESS_B));
}

#[test]
fn two_engines_end_with_matching_sas_in_a_thousand_worlds_and_each_world_is_the_same_again() {
    let workers = std::thread::available_parallelism().map_or(2, |it| it.get() as u64);
    std::thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || {
                for seed in (worker..SEEDS).step_by(workers as usize) {
                    assert!(run(seed) == run(seed), "seed {seed} is not the same again");
                }
            });
        }
    });
}
