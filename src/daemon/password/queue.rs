//! A bounded queue in which everybody has a line of their own and the lines take turns: who comes with a hundred waits
//! behind who comes with one.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{Limits, Origin};

/// What waits. Without an origin it is the admin's.
pub(super) struct Queue<T> {
    lines: BTreeMap<Option<Origin>, VecDeque<T>>,
    /// Each line that is not empty once, the one whose turn it is first.
    turns: VecDeque<Option<Origin>>,
    waiting_max: usize,
    per_address_max: usize,
    pub waiting: usize,
    /// Whether nothing comes any more.
    pub is_over: bool,
}

impl<T> Queue<T> {
    pub fn new(limits: &Limits) -> Self {
        Self {
            lines: BTreeMap::new(),
            turns: VecDeque::new(),
            waiting_max: limits.passwords_waiting as usize,
            per_address_max: limits.passwords_waiting_per_address as usize,
            waiting: 0,
            is_over: false,
        }
    }

    /// One more. Gives back what has no room: this one, or, when the queue is full, the last of the longest line, so that
    /// a few cannot keep the others out.
    pub fn push(&mut self, origin: Option<Origin>, job: T) -> Option<T> {
        let own = self.lines.get(&origin).map_or(0, VecDeque::len);
        let is_counted = !matches!(origin, None | Some(Origin::Here));
        if is_counted && own >= self.per_address_max {
            return Some(job);
        }
        let refused = match self.waiting < self.waiting_max {
            true => None,
            false => match self.longest() {
                Some((longest, length)) if length > own + 1 => self.take_last(longest),
                _ => return Some(job),
            },
        };
        self.lines.entry(origin).or_default().push_back(job);
        self.waiting += 1;
        if own == 0 {
            self.turns.push_back(origin);
        }
        refused
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<T> {
        let origin = self.turns.pop_front()?;
        let line = self.lines.get_mut(&origin)?;
        let job = line.pop_front()?;
        self.waiting -= 1;
        match line.is_empty() {
            true => drop(self.lines.remove(&origin)),
            false => self.turns.push_back(origin),
        }
        Some(job)
    }

    fn longest(&self) -> Option<(Option<Origin>, usize)> {
        let lengths = self
            .lines
            .iter()
            .map(|(origin, line)| (*origin, line.len()));
        lengths.max_by_key(|(_, length)| *length)
    }

    /// Of a line with more than one.
    fn take_last(&mut self, origin: Option<Origin>) -> Option<T> {
        let job = self.lines.get_mut(&origin)?.pop_back()?;
        self.waiting -= 1;
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(waiting: u32, per_address: u32) -> Queue<(u64, u32)> {
        Queue::new(&Limits {
            passwords_waiting: waiting,
            passwords_waiting_per_address: per_address,
            ..Limits::default()
        })
    }

    fn from(origin: u64) -> Option<Origin> {
        Some(Origin::V6(origin))
    }

    #[test]
    fn who_comes_with_many_does_not_push_back_who_comes_with_one() {
        let mut queue = queue(100, 10);
        let refused = (0..50).filter(|n| queue.push(from(1), (1, *n)).is_some());
        assert_eq!(refused.count(), 40);
        assert_eq!(queue.push(from(2), (2, 0)), None);
        assert_eq!(queue.push(None, (0, 0)), None);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).take(5).collect();
        assert_eq!(order, [(1, 0), (2, 0), (0, 0), (1, 1), (1, 2)]);
        assert_eq!(queue.waiting, 7);
        std::iter::from_fn(|| queue.pop()).for_each(drop);
        assert!(queue.waiting == 0 && queue.lines.is_empty() && queue.turns.is_empty());
    }

    #[test]
    fn a_full_queue_gives_up_the_last_of_the_longest_line() {
        let mut queue = queue(6, 4);
        for n in 0..4 {
            assert_eq!(queue.push(from(1), (1, n)), None);
        }
        assert_eq!(queue.push(from(2), (2, 0)), None);
        assert_eq!(queue.push(from(2), (2, 1)), None);
        assert_eq!(queue.push(from(3), (3, 0)), Some((1, 3)));
        assert_eq!(queue.push(from(3), (3, 1)), Some((1, 2)));
        assert_eq!(queue.push(from(3), (3, 2)), Some((3, 2)), "all are equal");
        assert_eq!(queue.push(from(4), (4, 0)).map(|(of, _)| of), Some(3));
        let all: Vec<_> = std::iter::from_fn(|| queue.pop())
            .map(|(of, _)| of)
            .collect();
        assert_eq!(all, [1, 2, 3, 4, 1, 2]);
    }
}
