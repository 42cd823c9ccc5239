//! What a module answers to `judge`. A guest passes the amounts of its batch back as the answer, so the bytes reach the
//! engine as a hostile module's would: through the lifting, the contract's checks and the search for the row at fault. What
//! the answer means is read here once more, from the canonical ABI.
//!
//! The first byte says how the rest is read: as the memory itself, or as hits to lay out; and whether zeros are rows
//! without an amount.

mod memory;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc;
use weir::model::finding::{Effect, Finding};
use weir::model::ids::{Offset, Partition};
use weir::model::record::{Batch, FieldId, Schema, Value};
use weir::rules::{Judge, LiveSet};

use super::fixture::{Fixture, with};
use super::input::Input;
use crate::guest::{ATTACK, Guest};
use memory::{DATA, Hit};

/// Of the last row: makes the guest answer what the amounts say. A row of it alone is an answer that can't be lifted.
const TRIGGER: i64 = -1;
/// Rows that fail alone before the rest of a batch is failed unasked.
const CULPRITS: usize = 8;
/// Kept of a detail.
const DETAIL: usize = 256;
const CODES: [(&str, Effect); 2] = [("BAD", Effect::DeadLetter), ("ODD", Effect::Flag)];

static WORKER: OnceLock<Mutex<Worker>> = OnceLock::new();

struct Worker {
    judge: Judge,
    set: Arc<LiveSet>,
    schema: Arc<Schema>,
    amount: FieldId,
    _bench: Fixture,
}

/// The target; the module says what must hold and how the bytes are read.
///
/// # Panics
/// Where it does not hold.
pub fn answer(data: &[u8]) {
    let mut input = Input::new(data);
    let how = input.byte();
    let memory =
        if how & 1 == 1 { input.take(8 * (Batch::MAX_ROWS - 1)).to_vec() } else { memory::laid_out(&mut input) };
    let mut amounts: Vec<Option<i64>> = memory.chunks(8).map(|word| Some(Input::new(word).number() as i64)).collect();
    if how & 2 == 2 {
        amounts.iter_mut().for_each(|amount| *amount = amount.filter(|amount| *amount != 0));
    }
    amounts.push(Some(TRIGGER));
    let found = with(&WORKER, Worker::new, |worker| worker.judge(&amounts));
    plausible(&found, amounts.len());
    let memory: Vec<u8> = amounts.iter().flat_map(|amount| amount.unwrap_or(0).to_le_bytes()).collect();
    let mut wanted = match memory::hits(&memory, amounts.len(), CODES.len()) {
        Some(Ok(hits)) => kept(&hits, &amounts),
        Some(Err(())) if !given_up(&found) => failed(&amounts),
        // What is elsewhere in the guest's memory, or was not asked in time, is not known here.
        _ => return,
    };
    wanted.extend(missing(&amounts));
    wanted.sort();
    let mut got: Vec<_> = found.into_iter().map(|f| (f.row, f.code.to_string(), f.detail)).collect();
    // Why a row failed is the engine's to say.
    got.iter_mut().filter(|(_, code, _)| code == "RULE_OUTPUT").for_each(|(_, _, detail)| detail.clear());
    got.sort();
    assert_eq!(got, wanted, "of {amounts:?}");
}

type Row = (u32, String, String);

/// The hits of an answer that keeps to the contract, on rows that the rule applies to.
fn kept(hits: &[Hit], amounts: &[Option<i64>]) -> Vec<Row> {
    let applies = hits.iter().filter(|hit| amounts[hit.row as usize].is_some());
    let cut = |detail: &str| detail[..detail.floor_char_boundary(DETAIL)].to_owned();
    applies.map(|hit| (hit.row, CODES[usize::from(hit.code)].0.to_owned(), cut(&hit.detail))).collect()
}

/// Of an answer that does not, each row that alone would be answered like that; after so many, each that follows.
fn failed(amounts: &[Option<i64>]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (row, amount) in (0..).zip(amounts) {
        let Some(amount) = amount else { continue };
        if rows.len() >= CULPRITS || (-999_999..0).contains(amount) {
            rows.push((row, "RULE_OUTPUT".to_owned(), String::new()));
        }
    }
    rows
}

fn missing(amounts: &[Option<i64>]) -> impl Iterator<Item = Row> {
    let lacking = (0..).zip(amounts).filter(|(_, amount)| amount.is_none());
    lacking.map(|(row, _)| (row, "FIELD_MISSING".to_owned(), "rule echo requires field amount".to_owned()))
}

/// On a machine that is busy the search for the row at fault may end by time.
fn given_up(found: &[Finding]) -> bool {
    found.iter().any(|finding| finding.detail.starts_with("not judged, its batch had been judged row by row"))
}

/// What holds of all findings.
fn plausible(found: &[Finding], rows: usize) {
    assert!(found.is_sorted_by_key(|finding| finding.row) && found.len() <= rows * (CODES.len() + 1), "{found:?}");
    for finding in found {
        assert!((finding.row as usize) < rows && finding.detail.len() <= DETAIL, "{finding:?}");
        let own = CODES.iter().find(|(code, _)| *code == &*finding.code);
        let engine = ["RULE_OUTPUT", "FIELD_MISSING"].contains(&&*finding.code);
        let effect = own.map_or(Effect::DeadLetter, |(_, effect)| *effect);
        assert!((own.is_some() || engine) && finding.effect == effect, "{finding:?}");
    }
}

impl Worker {
    fn new() -> Self {
        // No call of this guest takes long, but one that a busy machine leaves waiting would be a failure of its row.
        let fixture = Fixture::new(Duration::from_secs(10));
        fixture.publish(echo());
        let amount = fixture.schema.find("amount").unwrap();
        let judge = Judge::new(fixture.runtime.clone(), mpsc::channel(1).0);
        let mut worker =
            Self { judge, set: fixture.catalog.live(), schema: fixture.schema.clone(), amount, _bench: fixture };
        worker.echoes();
        worker
    }

    /// Were the amounts elsewhere in its memory than is thought here, no answer would be exact any more.
    fn echoes(&mut self) {
        let list = i64::from(DATA + 8) | 1 << 32;
        let found = self.judge(&[Some(list), Some(2 | 1 << 32), Some(0), Some(TRIGGER)]);
        assert!(found.len() == 1 && found[0].row == 2 && &*found[0].code == "ODD", "{found:?}");
    }

    fn judge(&mut self, amounts: &[Option<i64>]) -> Vec<Finding> {
        let mut batch = Batch::new(&self.schema);
        batch.clear(Partition(0));
        for (offset, amount) in (100..).zip(amounts) {
            batch.offsets.push(Offset(offset));
            batch.columns[self.amount.0].push(amount.map(Value::Decimal));
        }
        let mut found = Vec::new();
        self.judge.judge(&self.set, &batch, &mut found).expect("on_failure is dead_letter");
        found
    }
}

/// Answers its amounts, and has a second code, which flags.
fn echo() -> Vec<u8> {
    let guest = Guest {
        answer: "(i32.load offset=4 (local.get $columns))",
        describe: "(call $put (i32.const 1320) (i32.const 1130) (i32.const 3)) (i32.store (i32.const 2036) (i32.const 2))",
        more: r#"(data (i32.const 1130) "ODD") (data (i32.const 1336) "\01")"#,
        // Else the first batch would be elsewhere than those that follow.
        configure: "(global.set $heap (i32.const 65536))",
        each: ATTACK,
        ..Guest::good("echo")
    };
    guest.core()
}
