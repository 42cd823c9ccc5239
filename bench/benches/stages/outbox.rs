//! Letters of 255-byte records on their way into the outbox and out of it. One hit each, as most letters have. The reason
//! is made beforehand: what makes it from a finding is private to the pipeline.

use std::hint::black_box;

use weir::checkpoint::{CheckpointBuilder, ResumePoint};
use weir::model::finding::{Effect, Stage};
use weir::model::ids::{Offset, Partition, Revision, Sha256};
use weir::model::letter::{Hit, Reason, Source};
use weir::outbox::format::{self, Letters};

use crate::inputs::{self, Payments, RECORDS, ROWS, Record, START, plain};
use crate::{Case, Turn};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("outbox letter", ROWS, RECORDS / ROWS, || letters(false)),
        Case::new("outbox letter, with its share of a checkpoint", ROWS, RECORDS / ROWS, || letters(true)),
        Case::new("outbox letter read back", ROWS, RECORDS / ROWS, read_back),
    ]
}

fn reason() -> Reason<'static> {
    let (rule, code, detail) = ("negative_amount", "AMOUNT_NEGATIVE", "-1234.56 is below 0.00");
    let hits = vec![Hit { rule, code, effect: Effect::DeadLetter, detail }];
    let rule = Some((rule, Sha256([7; 32])));
    Reason { stage: Stage::Rule, code, message: detail.into(), rule, revision: Revision(5), hits, more: 0 }
}

fn source(record: &Record, at: usize) -> Source<'_> {
    Source {
        offset: Offset(at as i64),
        timestamp: START,
        key: Some(record.key.as_bytes()),
        value: Some(&record.value),
        headers: &[],
    }
}

/// A checkpoint every 10,000 letters: with `step` they become chunks with checksums, else they are dropped.
fn letters(step: bool) -> Turn {
    let (records, reason) = (inputs::records(Payments::Good, plain), reason());
    let partition = Partition(0);
    let point = ResumePoint { partition, epoch: 1, next: Offset(0), watermark: None, revision: None, agrees: false };
    let mut pending = CheckpointBuilder::default();
    let mut at = 0;
    Box::new(move || {
        if at == 0 {
            pending.restart(std::slice::from_ref(&point));
        }
        for (row, record) in records[at..at + ROWS].iter().enumerate() {
            pending.letter(partition, &source(record, at + row), &reason);
        }
        let (first, next) = (Offset(at as i64), Offset((at + ROWS) as i64));
        pending.judged(partition, first, next, ROWS, reason.revision);
        at = (at + ROWS) % RECORDS;
        if step && at == 0 {
            let step = pending.finish(Vec::new(), |_| None).unwrap();
            assert!(!black_box(step).outbox.is_empty());
        }
    })
}

fn read_back() -> Turn {
    let records = inputs::records(Payments::Good, plain);
    let chunk = |(at, records): (usize, &[Record])| {
        let mut letters = Letters::default();
        for (row, record) in records.iter().enumerate() {
            letters.push(&source(record, at * ROWS + row), &reason());
        }
        letters.into_bytes()
    };
    let chunks: Vec<_> = records.chunks(ROWS).enumerate().map(chunk).collect();
    let mut at = 0;
    Box::new(move || {
        assert_eq!(black_box(format::decode(&chunks[at]).unwrap()).len(), ROWS);
        at = (at + 1) % chunks.len();
    })
}
