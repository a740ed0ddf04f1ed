//! Chance with a seed, so that a run can be repeated as far as the machine allows.

use crate::wire::new_id;

/// SplitMix64. Source: <https://prng.di.unimi.it/splitmix64.c>.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for `seed`; `lane` makes them differ between users of one seed.
    pub fn new(seed: u64, lane: u64) -> Self {
        let mut dice = Self(seed ^ lane.wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.roll();
        dice
    }

    /// 64 random bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.roll() % end as u64) as usize }
    }

    /// Whether something with a chance of `percent` happens.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// The index of one of `weights`, each as likely as it is heavy.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut roll = self.below(weights.iter().sum());
        weights
            .iter()
            .position(|&weight| {
                let here = roll < weight;
                roll = roll.saturating_sub(weight);
                here
            })
            .unwrap_or_default()
    }

    /// 128 random bits.
    pub fn wide(&mut self) -> u128 {
        u128::from(self.roll()) << 64 | u128::from(self.roll())
    }

    /// A fresh UUIDv7 in text.
    pub fn id(&mut self, unix_ms: i64) -> String {
        new_id(unix_ms, self.wide())
    }

    /// A UUID as clients name their devices.
    pub fn device_id(&mut self) -> String {
        let bits = self.wide();
        let version = bits & !(0xf << 76) & !(0x3 << 62) | 4 << 76 | 2 << 62;
        let text = format!("{version:032x}");
        format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let throw = |lane| Dice::new(7, lane).roll();
        assert_eq!(throw(1), throw(1));
        assert_ne!(throw(1), throw(2));
        let mut dice = Dice::new(1, 1);
        assert!((0..100).all(|_| dice.weighted(&[0, 3, 0, 1]) % 2 == 1));
        assert_eq!(dice.device_id().len(), 36);
    }
}
