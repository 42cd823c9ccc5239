//! The outbox's codec; [`alerts`](super::alerts) is its other half. Any bytes are letters or [`Damaged`]; what they are as letters encodes to these very bytes; and
//! any letter comes back as it was.

use weir::model::finding::{Effect, Stage};
use weir::model::ids::{Offset, Revision, Sha256};
use weir::model::letter::{Cut, Hit, Letter, Reason, Source};
use weir::outbox::format::{Damaged, Letters, decode};

use super::input::Input;

/// The bytes as a chunk, then as the recipe of letters.
pub fn letters(data: &[u8]) {
    match decode(data) {
        Ok(read) => encodes_to(&read, data),
        Err(Damaged { at, what }) => assert!(at <= data.len() && !what.is_empty(), "{what} at {at} of {}", data.len()),
    }
    there_and_back(&mut Input::new(data));
    super::alerts::alerts(data);
}

/// The letters of a chunk, without its layout, destination and checksum. Layouts 2 to 5 are read and not written; 2 has no
/// checksum, and only 6 has a destination.
fn body(chunk: &[u8]) -> &[u8] {
    let checksum = if chunk[0] == 2 { 0 } else { 8 };
    let header = if chunk[0] == 6 { 2 } else { 1 };
    &chunk[header..chunk.len() - checksum]
}

/// Whether a letter of it has the number of hits that are not listed, as since layout 5.
fn is_newest(chunk: &[u8]) -> bool {
    chunk[0] > 4
}

fn encodes_to(read: &[Letter<'_>], chunk: &[u8]) {
    if read.is_empty() {
        assert!(chunk.is_empty() || body(chunk).is_empty(), "letters were overlooked");
        return;
    }
    // Whole lengths of what was cut are not made from what is left.
    if read.iter().all(|letter| letter.cut == Cut::default()) {
        let again = encoded(read).into_bytes();
        match is_newest(chunk) {
            true => assert!(body(&again) == body(chunk), "two chunks are the same letters: {read:?}"),
            false => {
                assert_eq!(decode(&again).unwrap(), read, "an older chunk's letters are others in the newest layout")
            }
        }
    }
}

fn encoded(read: &[Letter<'_>]) -> Letters {
    let mut letters = Letters::default();
    for letter in read {
        push(&mut letters, letter);
    }
    letters
}

fn push(letters: &mut Letters, letter: &Letter<'_>) {
    let Letter { offset, timestamp, key, value, ref headers, ref reason, .. } = *letter;
    letters.push(&Source { offset, timestamp, key, value, headers }, reason);
}

fn there_and_back(input: &mut Input<'_>) {
    let (mut wanted, end) = (Vec::new(), usize::from(input.byte()));
    while !input.is_empty() && wanted.len() < 8 {
        wanted.push(letter(input));
    }
    let mut letters = encoded(&wanted);
    let bytes = letters.len();
    assert_eq!((letters.is_empty(), bytes == 0), (wanted.is_empty(), wanted.is_empty()));
    assert_eq!(letters.first_offset(), wanted.first().map(|letter| letter.offset));
    let Some(last) = wanted.last() else { return };
    let whole = letters.clone().into_bytes();
    assert_eq!(decode(&whole).unwrap(), wanted);
    // A chunk that was cut short is damaged, or ends between two letters.
    if let Ok(some) = decode(&whole[..end.min(whole.len() - 1)]) {
        assert!(some.len() < wanted.len() && some == wanted[..some.len()], "{some:?}");
    }
    let before = encoded(&wanted[..wanted.len() - 1]).len();
    let moved = letters.split(before.max(1), last.offset).into_bytes();
    assert_eq!(decode(&moved).unwrap(), std::slice::from_ref(last));
}

fn letter<'a>(input: &mut Input<'a>) -> Letter<'a> {
    let shape = input.byte();
    let headers = (0..shape & 3).map(|_| (input.text(), input.maybe_bytes())).collect();
    let hits = (0..shape >> 2 & 3).map(|at| Hit {
        rule: input.text(),
        code: input.text(),
        effect: if shape >> (4 + at) & 1 == 1 { Effect::Flag } else { Effect::DeadLetter },
        detail: input.text(),
    });
    let hits = hits.collect();
    let reason = Reason {
        stage: [Stage::Decode, Stage::Rule, Stage::Window][usize::from(input.byte() % 3)],
        code: input.text(),
        message: input.text().into(),
        rule: (shape & 128 != 0).then(|| (input.text(), Sha256::of(input.bytes()))),
        revision: Revision(input.number()),
        hits,
        more: u32::from(input.byte()),
    };
    let (offset, timestamp) = (Offset(input.number() as i64), input.number() as i64);
    let (key, value) = (input.maybe_bytes(), input.maybe_bytes());
    Letter { offset, timestamp, key, value, headers, cut: Cut::default(), reason }
}
