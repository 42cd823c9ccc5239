//! Records like those of the yardsticks' loader `gen`, the same on every run: 12 fields, about 255 bytes of compact JSON,
//! one a millisecond with up to 2 s of disorder.

use std::sync::Arc;

use weir::config::Config;
use weir::decode::Decoder;
use weir::model::ids::{Offset, Partition};
use weir::model::record::{Batch, FieldId, Schema, Value};
use weir_bench::records::{Cents, Rng, TYPES};

/// What a case passes over: larger than a cache close to the core, as what comes from Kafka is.
pub(crate) const RECORDS: usize = 10_000;
/// Rows of a batch, where a case is not about them.
pub(crate) const ROWS: usize = 1_000;
/// 2025-10-09T08:53:20Z; a window of 5 s begins here.
pub(crate) const START: i64 = 1_760_000_000_000;

/// What is drawn is the same on every run.
pub(crate) const SEED: u64 = 42;

pub(crate) fn shuffle<T>(rng: &mut Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.below(last as u64 + 1) as usize);
    }
}

pub(crate) struct Record {
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
}

/// A record's keys, and its values as JSON.
pub(crate) type Fields = Vec<(&'static str, String)>;

/// What the shipped rules find in them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payments {
    /// 2 % have a negative amount.
    Good,
    /// The same, and as `gen` draws them: of two in five the balances don't move by the amount, which is a flag.
    OddBalances,
    /// Every amount is negative.
    Bad,
}

pub(crate) fn plain(_: &mut Rng, fields: Fields) -> Vec<u8> {
    let members: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// None is malformed unless `write` makes it so.
pub(crate) fn records(payments: Payments, write: impl Fn(&mut Rng, Fields) -> Vec<u8>) -> Vec<Record> {
    let mut rng = Rng(SEED);
    let record = |i| {
        let (customer, fields) = payment(&mut rng, i, payments);
        Record { key: format!("C{customer}"), value: write(&mut rng, fields) }
    };
    (0..RECORDS).map(record).collect()
}

fn payment(rng: &mut Rng, i: usize, payments: Payments) -> (u64, Fields) {
    let kind = TYPES[rng.below(TYPES.len() as u64) as usize];
    let mut cents = 1 + rng.below(1_000_000) as i64;
    if rng.below(1_000) < 20 || payments == Payments::Bad {
        cents = -cents;
    }
    let (mut old, old_dest) = (rng.below(2_000_000) as i64, rng.below(2_000_000) as i64);
    let mut new = old - cents;
    if payments != Payments::OddBalances {
        old += 1_000_000;
        new = if kind == "CASH_IN" { old + cents } else { old - cents };
    }
    let (customer, merchant) = (100_000 + rng.below(200_000), 100_000 + rng.below(200_000));
    let decimal = |cents| Cents(cents).to_string();
    let fields = vec![
        ("step", (1 + i / 3_600_000).to_string()),
        ("tx_id", format!("\"T{i:07}\"")),
        ("type", format!("\"{kind}\"")),
        ("amount", decimal(cents)),
        ("name_orig", format!("\"C{customer}\"")),
        ("old_balance_org", decimal(old)),
        ("new_balance_orig", decimal(new)),
        ("name_dest", format!("\"M{merchant}\"")),
        ("old_balance_dest", decimal(old_dest)),
        ("new_balance_dest", decimal(old_dest + cents)),
        ("is_fraud", u8::from(rng.below(1_000) == 0).to_string()),
        ("event_time", (START + i as i64 - rng.below(2_001) as i64).to_string()),
    ];
    (customer, fields)
}

pub(crate) fn config() -> Config {
    Config::parse(include_str!("../../../weir.toml"), &|_| None).unwrap()
}

pub(crate) fn schema() -> Arc<Schema> {
    Arc::new(config().schema().unwrap())
}

pub(crate) fn ids(schema: &Schema, names: &[&str]) -> Vec<FieldId> {
    names.iter().map(|name| schema.find(name).unwrap()).collect()
}

/// Decoded, every field of them; no customer is blocked.
pub(crate) fn batches(schema: &Arc<Schema>, records: &[Record], rows: usize) -> Vec<Batch> {
    let mut decoder = Decoder::new(schema.clone(), usize::MAX);
    let segment = schema.find("customer.segment").unwrap();
    let mut batch = |(at, records): (usize, &[Record])| {
        let mut batch = Batch::new(schema);
        batch.clear(Partition(0));
        for (row, record) in records.iter().enumerate() {
            let offset = Offset((at * rows + row) as i64);
            decoder.decode(Some(record.key.as_bytes()), Some(&record.value), offset, &mut batch).unwrap();
            batch.columns[segment.0].push(Some(Value::Text("retail")));
        }
        batch
    };
    records.chunks(rows).enumerate().map(&mut batch).collect()
}
