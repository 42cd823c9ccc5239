//! What a flag costs, and what an alert adds: the way of a batch from its bytes to verdicts by the five rules, where two in five records are
//! flagged, without alerts, with every flagged record's details, and with those of the first hundred. Then an alert on its way into
//! the outbox, with its share of a checkpoint, and a flagged record that is counted only.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use weir::checkpoint::{AlertBudget, CheckpointBuilder, ResumePoint};
use weir::model::alert::{Alert, AlertField, AlertHit};
use weir::model::ids::{Offset, Partition, Revision, Sha256};
use weir::model::letter::Cut;
use weir::processor::{AlertCodes, AlertRoom, BatchProcessor, Fields, Now, Record};
use weir::rules::Judge;

use crate::inputs::{self, Payments, RECORDS, ROWS, START, plain};
use crate::judge::{RULES, compiler, modules};
use crate::{Case, Turn, live};

const CODE: &str = "BALANCE_MISMATCH";

pub(crate) fn cases() -> Vec<Case> {
    let judged = |name: &str, room: Option<usize>| Case::new(name, ROWS, RECORDS / ROWS, move || judged(room));
    vec![
        judged("alerts none, two in five records flagged", None),
        judged("alerts of two in five records, all explained", Some(usize::MAX)),
        judged("alerts of two in five records, 100 a batch explained", Some(100)),
        Case::new("alerts into the outbox, with their share of a checkpoint", ROWS, RECORDS / ROWS, || sent(u32::MAX)),
        Case::new("alerts counted", ROWS, RECORDS / ROWS, || sent(1)),
    ]
}

/// `explained`: None: no record gets an alert.
fn judged(explained: Option<usize>) -> Turn {
    let (schema, records) = (inputs::schema(), inputs::records(Payments::OddBalances, plain));
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (catalog, runtime) = tokio.block_on(live::catalog(folder.path(), compiler(), schema.clone(), modules(&RULES)));
    let set = catalog.live();
    let judge = Judge::new(runtime, catalog.trips());
    let mut processor = BatchProcessor::new(schema, 1 << 20, Fields::ReadAnd(Vec::new()), None, judge);
    if explained.is_some() {
        processor = processor.with_alerts(Arc::new(AlertCodes::new(&[CODE.to_owned()])));
    }
    let now = Now { instant: Instant::now(), epoch_ms: START };
    let mut at = 0;
    Box::new(move || {
        let _kept = (&tokio, &folder, &catalog);
        let batch = (at..).zip(&records[at..at + ROWS]).map(|(offset, record)| Record {
            offset: Offset(offset as i64),
            key: Some(record.key.as_bytes()),
            value: Some(&record.value),
        });
        let decoded = processor.open(&set, Partition(0), batch, now);
        let room = AlertRoom::Explained(explained.unwrap_or(0));
        let judged = processor.judge_part(&set, (decoded, None), now, (None, room), &mut || false).unwrap();
        let alerts = black_box(judged.alerts().len());
        assert_eq!(explained.is_some(), alerts > ROWS / 4, "{alerts} alerts");
        at = (at + ROWS) % RECORDS;
    })
}

fn alert(offset: i64) -> Alert<'static> {
    let (rule, version, sha256) = ("balance_mismatch", "0.1.0", Sha256([7; 32]));
    Alert {
        offset: Offset(offset),
        timestamp: START,
        key: Some(b"C123456"),
        value: None,
        cut: Cut::default(),
        revision: Revision(5),
        hits: vec![AlertHit { rule, version, sha256, code: CODE, detail: "1234.56 - 78.90 is not 1000.00" }],
        more: 0,
        fields: vec![
            AlertField { name: "name_orig", json: "\"C123456\"", cut: None },
            AlertField { name: "amount", json: "\"78.90\"", cut: None },
        ],
    }
}

/// A checkpoint every 10,000 alerts, of which so many are sent; the alert is made beforehand but for its lists.
fn sent(most: u32) -> Turn {
    let (partition, budget) = (Partition(0), AlertBudget { topic: "fraud_alerts", most });
    let point = ResumePoint { partition, epoch: 1, next: Offset(0), watermark: None, revision: None, agrees: true };
    let (mut pending, mut at) = (CheckpointBuilder::default(), 0);
    Box::new(move || {
        if at == 0 {
            pending.restart(std::slice::from_ref(&point));
        }
        for offset in at..at + ROWS as i64 {
            pending.alert((partition, Offset(offset)), budget, [CODE].into_iter(), || alert(offset));
        }
        pending.judged(partition, Offset(at), Offset(at + ROWS as i64), ROWS, Revision(5));
        at = (at + ROWS as i64) % RECORDS as i64;
        if at == 0 {
            let checkpoint = pending.finish(Vec::new(), |_| None).unwrap();
            assert!(!black_box(checkpoint).outbox.is_empty());
        }
    })
}
