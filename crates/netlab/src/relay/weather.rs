//! What befalls packets on their way: decided by a seed and the number of the packet, so that a run can be repeated.

/// What befalls packets, in each direction, in percent of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Weather {
    /// They do not arrive.
    pub loss: u8,
    /// They arrive after later ones.
    pub reordering: u8,
    /// They arrive twice.
    pub duplication: u8,
    /// They arrive with a bit changed, and a checksum that fits.
    pub corruption: u8,
}

/// What befalls one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Fate {
    pub lost: bool,
    pub duplicated: bool,
    /// Which bit of the payload is changed; the rest of a division by its length.
    pub corrupted: Option<u64>,
    /// How many later packets overtake it.
    pub overtaken_by: u64,
}

/// The most packets that overtake one.
const OVERTAKE_MAX: u64 = 4;

impl Weather {
    /// The fate of packet `number` of a direction.
    pub(super) fn fate(self, seed: u64, direction: u64, number: u64) -> Fate {
        let draw = |what: u64| mix(mix(seed ^ (direction << 62)) ^ mix(number * 8 + what));
        let befalls = |what: u64, percent: u8| draw(what) % 100 < u64::from(percent);
        Fate {
            lost: befalls(0, self.loss),
            duplicated: befalls(1, self.duplication),
            corrupted: befalls(2, self.corruption).then(|| draw(3)),
            overtaken_by: if befalls(4, self.reordering) { 1 + draw(5) % OVERTAKE_MAX } else { 0 },
        }
    }
}

/// SplitMix64: neighbouring numbers become unrelated ones.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Fate, OVERTAKE_MAX, Weather};

    const STORM: Weather = Weather { loss: 30, reordering: 20, duplication: 10, corruption: 5 };

    fn fates(seed: u64, direction: u64) -> Vec<Fate> {
        (0..10_000).map(|number| STORM.fate(seed, direction, number)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_weather_and_another_seed_or_direction_another() {
        assert_eq!(fates(1, 0), fates(1, 0));
        assert_ne!(fates(1, 0), fates(2, 0));
        assert_ne!(fates(1, 0), fates(1, 1));
    }

    #[test]
    fn it_befalls_as_many_packets_as_it_says() {
        let fates = fates(7, 1);
        let percent =
            |is_so: fn(&Fate) -> bool| fates.iter().filter(|fate| is_so(fate)).count() as f64 / 100.0;
        for (measured, said) in [
            (percent(|fate| fate.lost), 30.0),
            (percent(|fate| fate.overtaken_by > 0), 20.0),
            (percent(|fate| fate.duplicated), 10.0),
            (percent(|fate| fate.corrupted.is_some()), 5.0),
        ] {
            assert!((measured - said).abs() < 1.5, "{measured} {said}");
        }
        assert!(fates.iter().all(|fate| fate.overtaken_by <= OVERTAKE_MAX));
    }

    #[test]
    fn under_a_clear_sky_nothing_happens() {
        assert!((0..1_000).all(|number| Weather::default().fate(3, 0, number) == Fate::default()));
    }
}
