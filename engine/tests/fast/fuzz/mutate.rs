//! Inputs from inputs: a few small changes each, most of them to bytes that are there already.

use rand::{Rng, RngExt};

/// Values at which code changes its mind.
const EDGES: [&[u8]; 12] = [
    &[0],
    &[0xff],
    &[0x7f],
    &[0x80],
    &[0x1e],
    &[0xff, 0xff, 0xff, 0xff],
    &[0, 0, 0, 0x80],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    b"-",
    b"\"",
    b"e99",
    "\u{10ffff}".as_bytes(),
];
/// Of an input: what is longer is slower and says no more.
const MOST: usize = 4_096;

pub(crate) struct Mutator {
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    pub(crate) fn new(corpus: Vec<Vec<u8>>) -> Self {
        Self { corpus }
    }

    pub(crate) fn next(&mut self, rng: &mut impl Rng) -> Vec<u8> {
        let mut input = self.any(rng).to_vec();
        for _ in 0..rng.random_range(1..=5) {
            self.change(&mut input, rng);
        }
        input.truncate(MOST);
        input
    }

    fn any(&self, rng: &mut impl Rng) -> &[u8] {
        &self.corpus[rng.random_range(0..self.corpus.len())]
    }

    fn change(&self, input: &mut Vec<u8>, rng: &mut impl Rng) {
        let at = rng.random_range(0..=input.len());
        let part = at..(at + rng.random_range(1..=16)).min(input.len());
        match rng.random_range(0..8) {
            0 => drop(input.drain(part)),
            1 => {
                let again = input[part].to_vec();
                input.splice(at..at, again);
            }
            2 => drop(input.splice(part, EDGES[rng.random_range(0..EDGES.len())].iter().copied())),
            3 => drop(input.splice(at..at, EDGES[rng.random_range(0..EDGES.len())].iter().copied())),
            4 => {
                let other = self.any(rng);
                let from = rng.random_range(0..=other.len());
                let to = (from + rng.random_range(1..=64)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            5 => {
                let other = self.any(rng);
                input.truncate(at);
                input.extend(&other[rng.random_range(0..=other.len())..]);
            }
            _ => match input.get_mut(at) {
                Some(byte) if rng.random() => *byte ^= 1 << rng.random_range(0..8),
                Some(byte) => *byte = byte.wrapping_add(rng.random_range(0..=8)).wrapping_sub(4),
                None => input.push(rng.random()),
            },
        }
    }
}
