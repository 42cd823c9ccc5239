//! A compacted source: offsets are missing between the records, at the stored position and at the end.

use crate::edges_topic::fixture::{self, Fixture, SOON};
use weir_testkit::wait;

/// A segment a write, and a cleaner that looks for work all the time.
const COMPACT: [(&str, &str); 5] = [
    ("cleanup.policy", "compact"),
    ("segment.ms", "1"),
    ("min.cleanable.dirty.ratio", "0.0"),
    ("min.compaction.lag.ms", "0"),
    ("delete.retention.ms", "0"),
];

impl Fixture {
    /// Waits until the cleaner has taken every record of partition 0 between these offsets.
    fn until_compacted(&self, from: i64, to: i64) {
        let began = std::time::Instant::now();
        wait::until_some(&format!("{from} to {to} are compacted away"), || {
            let left = self.read(&self.topic()).range((0, from)..(0, to)).count();
            if left == 0 { Ok(()) } else { Err(left) }
        });
        println!("{from} to {to} are compacted away after {:?}", began.elapsed());
    }
}

#[test]
fn a_compacted_topic_with_gaps_in_its_offsets_is_judged_to_its_end() {
    let pipeline = fixture::pipeline("compacted");
    pipeline.clean_often();
    pipeline.configure(&pipeline.topic(), &COMPACT);
    // The keys are the numbers, so what is written again takes the older record away: 0 to 49 and 60 to 79.
    pipeline.fill(0, 0..100);
    pipeline.fill(0, 0..50);
    pipeline.fill(0, 60..80);
    let producer = pipeline.transactional();
    pipeline.aborting(&producer, 0, 0..30);
    pipeline.until_compacted(0, 50);
    pipeline.until_compacted(60, 80);
    let mut source = pipeline.read(&pipeline.topic());
    assert_eq!(source.len(), 100, "one record a key: {:?}", source.keys());
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    pipeline.is_exact(&source);
    let stands = pipeline.positions()[0];
    assert_eq!(stands, 201, "100, 50, 20 and 30 records and a control record");

    // The record at the stored position goes, and hundred behind it.
    pipeline.fill(0, 0..100);
    pipeline.fill(0, 0..100);
    pipeline.aborting(&producer, 0, 0..30);
    pipeline.until_compacted(stands, stands + 100);
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    engine.stop();
    source.extend(pipeline.read(&pipeline.topic()));
    assert_eq!(source.len(), 200);
    pipeline.is_exact(&source);
}
