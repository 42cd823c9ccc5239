//! Letters there and back.

use super::*;

fn reason() -> Reason {
    Reason {
        stage: Stage::Rule,
        code: "AMOUNT_NEGATIVE".into(),
        message: "amount -1 < 0".into(),
        rule: Some(("negative_amount".into(), Sha256([9; 32]))),
        revision: Revision(3),
        hits: vec![Hit { rule: "r".into(), code: "C".into(), effect: Effect::Flag, detail: "ü".into() }],
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
    let letters = decode(&two_letters()).unwrap();
    assert_eq!(letters[0].key.as_deref(), Some(&b""[..]), "an empty key is not a missing one");
    assert_eq!(letters[0].headers[1], ("empty".to_owned(), None));
    assert_eq!(letters[0].reason, reason());
    assert_eq!(letters[0].cut, Cut::default());
    assert_eq!((letters[1].offset, &letters[1].value), (Offset(8), &None));
}

#[test]
fn a_chunk_cut_anywhere_but_between_letters_is_damaged() {
    let whole = two_letters();
    let mut first_alone = 0;
    for end in 0..whole.len() {
        if decode(&whole[..end]).is_ok() {
            first_alone += 1;
        }
    }
    assert_eq!(first_alone, 2, "only after the version byte and after the first letter");
}

#[test]
fn what_no_outbox_row_can_hold_is_cut_and_its_length_kept() {
    let large = vec![b'x'; 20 << 20];
    let headers: &[(&str, Option<&[u8]>)] = &[("big", Some(&large))];
    let source = Source { offset: Offset(7), timestamp: 5, key: Some(&large), value: Some(&large), headers };
    let mut letters = Letters::default();
    letters.push(&source, &reason());
    assert!(letters.len() < 12 << 20, "{} bytes", letters.len());
    let letter = decode(&letters.into_bytes()).unwrap().remove(0);
    assert_eq!(letter.cut, Cut { key: Some(20 << 20), value: Some(20 << 20), headers: Some((20 << 20) + 3) });
    assert_eq!(letter.value.map(|value| value.len()), Some(VALUE));
    assert_eq!((letter.headers, letter.reason), (vec![], reason()));
}

#[test]
fn the_last_letter_moves_to_a_chunk_of_its_own() {
    let whole = two_letters();
    let mut letters = Letters { bytes: whole.clone(), first: Some(Offset(7)) };
    let second = decode(&whole).unwrap().remove(1);
    let end = (0..whole.len()).filter(|end| decode(&whole[..*end]).is_ok()).max().unwrap();
    let moved = letters.split(end, Offset(8));
    assert_eq!(moved.first_offset(), Some(Offset(8)));
    assert_eq!(decode(&moved.into_bytes()).unwrap(), [second]);
    assert_eq!(letters.into_bytes(), whole[..end]);
}
