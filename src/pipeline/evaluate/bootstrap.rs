//! How sure a mean is: the bootstrap, drawing whole groups (the photos of one item), as their errors go
//! together.

use std::collections::BTreeMap;

use serde::Serialize;

/// A mean with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// 0–1.
    pub value: f64,
    /// Ends of the interval (percentiles 2.5 and 97.5 of the resampled means).
    pub low: f64,
    pub high: f64,
    /// Photos or questions that it is the mean of.
    pub of: usize,
}

/// How the interval is drawn: the same seed gives the same interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Resampling {
    pub seed: u64,
    /// How often the groups are drawn anew.
    pub times: usize,
}

/// The mean of (group, value) pairs; none where there is no pair.
pub fn estimate<'a>(
    values: impl Iterator<Item = (&'a str, f64)>,
    resampling: Resampling,
) -> Option<Estimate> {
    let mut groups: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for (group, value) in values {
        let (sum, count) = groups.entry(group).or_default();
        *sum += value;
        *count += 1;
    }
    let groups: Vec<(f64, usize)> = groups.into_values().collect();
    let mean = |drawn: &mut dyn Iterator<Item = (f64, usize)>| {
        let (sum, count) = drawn.fold((0.0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        (sum / count.max(1) as f64, count)
    };
    if groups.is_empty() {
        return None;
    }
    let (value, of) = mean(&mut groups.iter().copied());
    let mut random = Random(resampling.seed);
    let mut means: Vec<f64> = (0..resampling.times.max(1))
        .map(|_| mean(&mut groups.iter().map(|_| groups[random.below(groups.len())])).0)
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((means.len() - 1) as f64 * share).round() as usize];
    Some(Estimate {
        value,
        low: at(0.025),
        high: at(0.975),
        of,
    })
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// `count` of the items at the most, each as likely, in the order in which they came.
    pub fn sample<T>(&mut self, items: Vec<T>, count: usize) -> Vec<T> {
        let mut wanted = count.min(items.len());
        let mut left = items.len();
        let keep = |_: &T| {
            let taken = self.below(left) < wanted;
            wanted -= usize::from(taken);
            left -= 1;
            taken
        };
        items.into_iter().filter(keep).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESAMPLING: Resampling = Resampling {
        seed: 1,
        times: 2000,
    };

    #[test]
    fn the_interval_is_that_of_a_share() {
        // 80 of 100: the normal approximation says .8 ± 1.96 × .04.
        let names: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        let values = |_: ()| {
            names
                .iter()
                .enumerate()
                .map(|(i, name)| (name.as_str(), f64::from(i < 80)))
        };
        let told = estimate(values(()), RESAMPLING).unwrap();
        assert_eq!((told.value, told.of), (0.8, 100));
        assert!((told.low - 0.7216).abs() < 0.02, "{told:?}");
        assert!((told.high - 0.8784).abs() < 0.02, "{told:?}");
        assert_eq!(estimate(values(()), RESAMPLING), Some(told), "seeded");
        assert_eq!(estimate(std::iter::empty(), RESAMPLING), None);
    }

    #[test]
    fn photos_of_one_item_are_drawn_together() {
        // One group alone: no doubt can be seen, whatever its photos say.
        let one = estimate([("a", 0.0), ("a", 1.0)].into_iter(), RESAMPLING).unwrap();
        assert_eq!((one.low, one.value, one.high), (0.5, 0.5, 0.5));
    }

    #[test]
    fn a_sample_is_fair_and_has_its_size() {
        let mut random = Random(7);
        let mut counts = [0; 10];
        for _ in 0..3000 {
            let taken = random.sample((0..10).collect(), 3);
            assert_eq!(taken.len(), 3);
            taken.into_iter().for_each(|i: usize| counts[i] += 1);
        }
        assert!(
            counts.iter().all(|n| (780..=1020).contains(n)),
            "{counts:?}"
        );
        assert_eq!(random.sample(vec![1, 2], 5), [1, 2]);
    }
}
