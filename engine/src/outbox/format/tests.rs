//! Letters there and back.

use super::write::VALUE;
use super::*;

fn reason() -> Reason<'static> {
    Reason {
        stage: Stage::Rule,
        code: "AMOUNT_NEGATIVE",
        message: "amount -1 < 0".into(),
        rule: Some(("negative_amount", Sha256([9; 32]))),
        revision: Revision(3),
        hits: vec![Hit { rule: "r", code: "C", effect: Effect::Flag, detail: "ü" }],
        more: 0,
    }
}

fn two_letters() -> Vec<u8> {
    let mut letters = Letters::default();
    let headers: &[(&str, Option<&[u8]>)] = &[("trace", Some(b"\xff\x00")), ("empty", None)];
    let full = Source { offset: Offset(7), timestamp: 5, key: Some(b""), value: Some(b"{\"a\":1}"), headers };
    letters.push(&full, &reason());
    let tombstone = Source { offset: Offset(8), timestamp: -1, key: None, value: None, headers: &[] };
    letters.push(&tombstone, &Reason { rule: None, stage: Stage::Decode, hits: vec![], ..reason() });
    assert_eq!(letters.first_offset(), Some(Offset(7)));
    letters.into_bytes()
}

#[test]
fn a_letter_comes_back_as_it_was() {
    let chunk = two_letters();
    let letters = decode(&chunk).unwrap();
    assert_eq!(letters[0].key, Some(&b""[..]), "an empty key is not a missing one");
    assert_eq!(letters[0].headers[1], ("empty", None));
    assert_eq!(letters[0].reason, reason());
    assert_eq!(letters[0].cut, Cut::default());
    assert_eq!((letters[1].offset, letters[1].value), (Offset(8), None));
}

#[test]
fn a_chunk_that_is_cut_or_of_which_any_bit_differs_is_damaged() {
    let whole = two_letters();
    assert_eq!(check(&whole), Ok(()));
    for end in 0..whole.len() {
        assert!(check(&whole[..end]).is_err(), "cut at {end}");
    }
    for at in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(check(&changed).is_err(), "bit {at}");
    }
}

/// The same letters as an older version wrote them: without the number behind each.
fn two_letters_of(version: u8, sum: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut old = two_letters();
    old.truncate(old.len() - CHECKSUM - size_of::<u32>());
    let new = two_letters();
    let mut second = read(&new).unwrap();
    second.next().unwrap().unwrap();
    old.drain(second.at - size_of::<u32>()..second.at);
    old[0] = version;
    old.extend(sum(&old));
    old
}

#[test]
fn chunks_of_the_versions_before_are_read() {
    let hash = |bytes: &[u8]| Sha256::of(bytes).0[..CHECKSUM].to_vec();
    let sum = |bytes: &[u8]| checksum(bytes).to_vec();
    let olds = [two_letters_of(UNSUMMED, |_| Vec::new()), two_letters_of(SHA, hash), two_letters_of(ALL_HITS, sum)];
    for old in olds {
        assert_eq!(check(&old), Ok(()));
        assert_eq!(decode(&old), decode(&two_letters()));
    }
}

#[test]
fn how_many_hits_are_not_listed_comes_back() {
    let source = Source { offset: Offset(7), timestamp: 5, key: None, value: Some(b"{}"), headers: &[] };
    let mut letters = Letters::default();
    letters.push(&source, &Reason { more: 236, ..reason() });
    letters.push(&source, &reason());
    let chunk = letters.into_bytes();
    let more: Vec<_> = decode(&chunk).unwrap().iter().map(|letter| letter.reason.more).collect();
    assert_eq!(more, [236, 0]);
}

#[test]
fn a_chunk_of_version_3_of_which_any_byte_differs_is_damaged() {
    let whole = two_letters_of(SHA, |bytes| Sha256::of(bytes).0[..CHECKSUM].to_vec());
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 16;
        assert!(check(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn reading_ends_with_what_is_damaged() {
    let whole = two_letters_of(UNSUMMED, |_| Vec::new());
    let read: Vec<_> = read(&whole[..whole.len() - 1]).unwrap().collect();
    assert!(matches!(read[..], [Ok(_), Err(Damaged { .. })]), "{read:?}");
}

#[test]
fn what_no_outbox_row_can_hold_is_cut_and_its_length_kept() {
    let large = vec![b'x'; 20 << 20];
    let headers: &[(&str, Option<&[u8]>)] = &[("big", Some(&large))];
    let source = Source { offset: Offset(7), timestamp: 5, key: Some(&large), value: Some(&large), headers };
    let mut letters = Letters::default();
    letters.push(&source, &reason());
    assert!(letters.len() < 12 << 20, "{} bytes", letters.len());
    let chunk = letters.into_bytes();
    let letter = decode(&chunk).unwrap().remove(0);
    assert_eq!(letter.cut, Cut { key: Some(20 << 20), value: Some(20 << 20), headers: Some((20 << 20) + 3) });
    assert_eq!(letter.value.map(|value| value.len()), Some(VALUE));
    assert_eq!((letter.headers, letter.reason), (vec![], reason()));
}

#[test]
fn the_last_letter_moves_to_a_chunk_of_its_own() {
    let source = |offset| Source { offset: Offset(offset), timestamp: 5, key: None, value: Some(b"{}"), headers: &[] };
    let (mut letters, mut first_alone) = (Letters::default(), Letters::default());
    first_alone.push(&source(7), &reason());
    letters.push(&source(7), &reason());
    let end = letters.len();
    letters.push(&source(8), &reason());
    let moved = letters.split(end, Offset(8));
    assert_eq!(moved.first_offset(), Some(Offset(8)));
    let offsets = |letters: Letters| -> Vec<_> {
        decode(&letters.into_bytes()).unwrap().into_iter().map(|letter| letter.offset.0).collect()
    };
    assert_eq!(letters.clone().into_bytes(), first_alone.into_bytes());
    assert_eq!((offsets(letters), offsets(moved)), (vec![7], vec![8]));
}
