//! What of a tunnel's traffic no child SA of an IKE SA carries yet (RFC 7296, 2.9).
//!
//! A responder may answer with less than it was offered, or refuse more than one pair of networks at a time. So an initiator
//! offers all at first, and then what is left, until everything has a child SA or has been refused. Every answer makes what is
//! left smaller, and what was refused is not asked for again in that IKE SA, so that this comes to an end.

use crate::config::TunnelConfig;
use crate::traffic::Traffic;

/// What a peer has refused.
#[derive(Clone, Default, Debug)]
pub(crate) struct Gaps {
    /// It takes one network with one other only.
    single_pairs: bool,
    refused: Vec<Traffic>,
}

/// The most refusals that are remembered; after so many nothing is asked for any more.
const REFUSED_MAX: usize = 64;
/// The most pairs of networks that are looked at.
const PAIRS_MAX: usize = 1_024;

/// How it was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// TS_UNACCEPTABLE, and nothing was taken before.
    AtFirst,
    /// TS_UNACCEPTABLE for what was left out of an answer before.
    BesideAnother,
    /// SINGLE_PAIR_REQUIRED.
    SinglePairRequired,
}

impl Gaps {
    /// What to offer next, where `carried` is what the children carry.
    pub(crate) fn next<'a>(
        &'a self,
        config: &TunnelConfig,
        carried: impl Iterator<Item = &'a Traffic> + Clone,
    ) -> Option<Traffic> {
        if self.refused.len() >= REFUSED_MAX {
            return None;
        }
        let known = carried.chain(&self.refused);
        if !self.single_pairs {
            return missing(Traffic::of(config), known).into_iter().next();
        }
        let pairs = config
            .local_ts
            .iter()
            .flat_map(|local| config.remote_ts.iter().map(move |remote| (local, remote)));
        let mut pairs = pairs
            .take(PAIRS_MAX)
            .map(|(local, remote)| Traffic { local: vec![*local], remote: vec![*remote] });
        // Of a pair that is carried in part the peer has told all that it takes.
        pairs.find(|pair| missing(pair.clone(), known.clone()) == [pair.clone()])
    }

    /// The peer does not take this, though perhaps less of it.
    pub(crate) fn refuse(&mut self, config: &TunnelConfig, offered: &Traffic, why: Refused) {
        let has_many = config.local_ts.len() > 1 || config.remote_ts.len() > 1;
        if has_many && !self.single_pairs && why != Refused::BesideAnother {
            self.single_pairs = true;
        } else {
            self.refused.push(offered.clone());
        }
    }

    /// Everything may be asked for again.
    pub(crate) fn forget(&mut self) {
        *self = Gaps::default();
    }
}

/// What of some traffic is in none of others.
fn missing<'a>(wanted: Traffic, known: impl Iterator<Item = &'a Traffic>) -> Vec<Traffic> {
    known.fold(vec![wanted], |left, known| left.iter().flat_map(|piece| piece.minus(known)).collect())
}

#[cfg(test)]
mod tests {
    use super::{Gaps, Refused};
    use crate::config::TunnelConfig;
    use crate::exchange::tests::puppet::config;
    use crate::traffic::Traffic;

    fn traffic(local: &str, remote: &str) -> Traffic {
        let nets = |text: &str| text.split(',').map(|net| net.parse().expect("a network")).collect();
        Traffic { local: nets(local), remote: nets(remote) }
    }

    /// What is offered one after the other to a peer that takes what `answer` says.
    fn offers(local: &str, remote: &str, answer: impl Fn(&Traffic) -> Option<Traffic>) -> Vec<String> {
        let wanted = traffic(local, remote);
        let config = TunnelConfig { local_ts: wanted.local, remote_ts: wanted.remote, ..config() };
        let (mut gaps, mut carried, mut offered) = (Gaps::default(), Vec::new(), Vec::new());
        while let Some(next) = gaps.next(&config, carried.iter()) {
            assert!(offered.len() < 100, "it comes to an end");
            offered.push(next.to_string());
            match answer(&next) {
                Some(taken) => carried.push(taken),
                None if carried.is_empty() => gaps.refuse(&config, &next, Refused::AtFirst),
                None => gaps.refuse(&config, &next, Refused::BesideAnother),
            }
        }
        offered
    }

    #[test]
    fn all_is_offered_at_once_and_nothing_more_where_all_is_taken() {
        let offered = offers("10.1.0.0/24,10.2.0.0/24", "10.3.0.0/24", |offered| Some(offered.clone()));
        assert_eq!(offered, ["our 10.1.0.0/24,10.2.0.0/24 and its 10.3.0.0/24"]);
    }

    #[test]
    fn what_a_peer_left_out_is_offered_next() {
        let offered = offers("10.1.0.0/24,10.2.0.0/24", "10.3.0.0/24,10.4.0.0/24", |offered| {
            Some(Traffic { local: vec![offered.local[0]], remote: vec![offered.remote[0]] })
        });
        assert_eq!(
            offered,
            [
                "our 10.1.0.0/24,10.2.0.0/24 and its 10.3.0.0/24,10.4.0.0/24",
                "our 10.2.0.0/24 and its 10.3.0.0/24,10.4.0.0/24",
                "our 10.2.0.0/24 and its 10.4.0.0/24",
                "our 10.1.0.0/24 and its 10.4.0.0/24"
            ]
        );
    }

    #[test]
    fn a_peer_that_takes_single_pairs_only_is_offered_each() {
        let single =
            |offered: &Traffic| (offered.local.len() + offered.remote.len() == 2).then(|| offered.clone());
        let offered = offers("10.1.0.0/24,10.2.0.0/24", "10.3.0.0/24,10.4.0.0/24", single);
        assert_eq!(offered.len(), 5);
        assert_eq!(offered[4], "our 10.2.0.0/24 and its 10.4.0.0/24");
    }

    #[test]
    fn what_a_peer_refuses_is_offered_once() {
        assert_eq!(offers("10.1.0.0/24", "10.3.0.0/24", |_| None).len(), 1);
        // It takes a part of everything, and nothing of the rest.
        let part = traffic("10.0.0.0/8", "10.9.0.0/16");
        let offered =
            offers("0.0.0.0/0", "0.0.0.0/0", |offered| part.is_within(offered).then(|| part.clone()));
        assert_eq!(offered.len(), 3, "all, then what is beside, then what is beyond: {offered:?}");
    }

    #[test]
    fn everything_between_everything_is_one_piece() {
        let all = traffic("0.0.0.0/0", "0.0.0.0/0");
        assert!(all.minus(&all).is_empty() && all.is_within(&all));
        assert!(traffic("10.0.0.0/8", "255.255.255.255/32").is_within(&all));
        assert_eq!(all.minus(&traffic("0.0.0.0/1", "0.0.0.0/0")), [traffic("128.0.0.0/1", "0.0.0.0/0")]);
    }
}
