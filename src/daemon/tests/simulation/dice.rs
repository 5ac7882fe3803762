//! Chance that can be had again: everything that a simulation does follows from one number.

/// Splitmix64.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The chance of one step of one life: leaving out a step changes nothing of the others' chances.
    pub fn of(seed: u64, step: u64) -> Self {
        let mut dice = Self(seed);
        let mixed = dice.next() ^ step.wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self(mixed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Mostly little, sometimes a lot.
    pub fn portion(&mut self) -> usize {
        match self.below(10) {
            0 => 0,
            1 => 1,
            2 | 3 => 1 + self.below(20),
            4 | 5 => 100 + self.below(400),
            _ => usize::MAX,
        }
    }
}
