//! Sums by window and group. Five groups are the types of `gen`'s records; the many are customers, in random order. A case
//! "drained" has a checkpoint's share in it: every delta is made anew and taken out once.

use std::hint::black_box;

use weir::model::ids::Partition;
use weir::model::record::{Batch, Value};
use weir::window::{RowVerdict, WindowSpec, Windows};

use weir_bench::records::Rng;

use crate::inputs::{self, Payments, RECORDS, ROWS, SEED, START, ids, plain};
use crate::{Case, Turn};

/// As many as the engine remembers from one checkpoint to the next.
const KNOWN: usize = 100_000;

pub(crate) fn cases() -> Vec<Case> {
    let many = |name: &str, groups: usize, drain_at: usize| {
        Case::new(name, ROWS, groups / ROWS, move || turn("name_orig", customers(groups), drain_at))
    };
    let max_groups = inputs::config().checkpoint.max_groups;
    vec![
        Case::new("window 5 groups", ROWS, RECORDS / ROWS, || turn("type", gen_like(), usize::MAX)),
        many("window 100,000 groups", KNOWN, usize::MAX),
        many("window 100,000 groups, drained", KNOWN, KNOWN),
        // More than it remembers: each is made anew after a checkpoint, as all of a million are.
        many("window 120,000 groups, drained", KNOWN + 20_000, KNOWN + 20_000),
        many("window 1,000,000 groups, drained", 1_000_000, max_groups),
    ]
}

fn gen_like() -> Vec<Batch> {
    inputs::batches(&inputs::schema(), &inputs::records(Payments::Good, plain), ROWS)
}

/// Each once, all in one window.
fn customers(count: usize) -> Vec<Batch> {
    let schema = inputs::schema();
    let needed = ids(&schema, &["event_time", "name_orig", "amount"]);
    let mut names: Vec<usize> = (0..count).collect();
    inputs::shuffle(&mut Rng(SEED), &mut names);
    let batch = |names: &[usize]| {
        let mut batch = Batch::new(&schema);
        for name in names {
            let name = format!("C{}", 1_000_000 + name);
            let values = [Value::Timestamp(START), Value::Text(&name), Value::Decimal(123_456)];
            needed.iter().zip(values).for_each(|(id, value)| batch.columns[id.0].push(Some(value)));
            batch.offsets.push(weir::model::ids::Offset(0));
        }
        batch
    };
    names.chunks(ROWS).map(batch).collect()
}

fn turn(group_by: &str, batches: Vec<Batch>, drain_at: usize) -> Turn {
    let (mut config, schema) = (inputs::config(), inputs::schema());
    config.window.group_by = vec![group_by.to_owned()];
    config.window.max_groups = 2_000_000;
    let spec = WindowSpec::new(&config.window, ids(&schema, &["event_time"])[0], &schema).unwrap();
    let mut windows = Windows::new(spec.into(), schema);
    let verdicts = [RowVerdict::Valid; ROWS];
    let (mut faults, mut at) = (Vec::new(), 0);
    Box::new(move || {
        if at == 0 {
            // The records begin again: without this they would all be late.
            windows.take_watermark(Partition(0), None, START);
        }
        windows.add(&batches[at], &verdicts, START + RECORDS as i64, &mut faults);
        assert!(faults.is_empty());
        at = (at + 1) % batches.len();
        if windows.len() >= drain_at {
            black_box(windows.drain());
        }
    })
}
