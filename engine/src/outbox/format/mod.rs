//! Messages of the outbox as bytes, which docs/formats.md lays out: dead letters (`write`, `read`) and alerts (`alerts`). They are
//! encoded at once into the buffer that becomes the outbox row, and read where they are when published: neither way owns a text.

mod alerts;
mod bytes;
mod read;
mod write;

pub use alerts::{Alerts, ReadingAlerts};
pub use bytes::Damaged;
pub use read::{Reading, Stored, check, decode, read, read_any};
pub use write::Letters;

/// First byte of every chunk: which layout the rest has.
const VERSION: u8 = 6;
/// The same without the destination behind it: all are dead letters.
const DEAD_LETTERS_ONLY: u8 = 5;
/// That without the number of hits that are not listed.
const ALL_HITS: u8 = 4;
/// That with the first bytes of a SHA-256 as the checksum, which without the processor's help costs more than all
/// else that is done with a letter.
const SHA: u8 = 3;
/// The same without a checksum.
const UNSUMMED: u8 = 2;
/// Bytes before the first letter: the version and the destination.
const HEADER: usize = 2;
/// The last bytes of a chunk: XXH3 over all before them. A letter whose value was changed would else be published as if
/// the source had held it.
const CHECKSUM: usize = 8;

fn checksum(letters: &[u8]) -> [u8; CHECKSUM] {
    xxhash_rust::xxh3::xxh3_64(letters).to_le_bytes()
}

#[cfg(test)]
mod tests;
