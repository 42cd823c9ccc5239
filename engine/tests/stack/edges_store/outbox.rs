//! Letters in the outbox that Kafka has not seen, and that cannot be read any more.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::edges_store::fixture::{Fixture, SOON};
use weir_testkit::oracle::windows::same;
use weir_testkit::pipeline::engine::Engine;

impl Fixture {
    /// The engine dies between a checkpoint's two transactions: its letters are in the outbox and nowhere else.
    fn dies_with_letters_in_the_outbox(&mut self, payments: i64) {
        // One checkpoint, of everything: before the worker looks for records all of them are here.
        let changes = [("interval = \"200ms\"", "interval = \"5s\""), ("[admin]", "[engine]\nworkers = 1\n\n[admin]")];
        changes.iter().for_each(|(from, to)| self.change(from, to));
        let before = self.letters_in(&self.queue());
        self.payments.send(payments);
        let mut command = self.running(&self.config());
        command.env("FAILPOINTS", "worker.reading=return(2000);checkpoint.committed=return(crash)");
        let mut engine = Engine::start(command, self.folder.path().join("run.log"));
        engine.until_ended("it dies at its first checkpoint");
        assert_eq!(self.positions(), self.payments.ends(), "the checkpoint's first half is done");
        same(&self.letters_in(&self.queue()), &before);
        changes.iter().for_each(|(from, to)| self.change(to, from));
    }

    /// `first_offset` and `letters`, as hex, of the one chunk of each partition.
    fn outbox(&self) -> BTreeMap<i32, (i64, String)> {
        let rows = self.sql("SELECT `partition`, first_offset, HEX(letters) FROM weir_outbox");
        let chunk = |row: Vec<String>| (row[0].parse().unwrap(), (row[1].parse().unwrap(), row[2].clone()));
        let chunks: BTreeMap<_, _> = rows.into_iter().map(chunk).collect();
        assert_eq!(chunks.len(), 4, "each partition has one");
        chunks
    }

    fn until_these_are_judged(&self, engine: &mut Engine, partitions: &[i32]) {
        let ends = self.payments.ends();
        engine.until(&format!("{partitions:?} are judged to the end"), SOON, || {
            let at = self.positions();
            partitions.iter().all(|partition| at[partition] == ends[partition])
        });
    }
}

#[test]
fn a_damaged_outbox_chunk_stops_its_partition_until_it_is_restored_or_deleted_and_no_other() {
    let mut fixture = Fixture::new("damaged");
    fixture.dies_with_letters_in_the_outbox(1_000);
    let chunks = fixture.outbox();
    let died_at = fixture.payments.ends();

    // One byte within a value of one, and all that follows the middle of the other.
    let sizes: BTreeMap<i32, usize> = chunks.iter().map(|(partition, (_, hex))| (*partition, hex.len() / 2)).collect();
    let value = chunks[&1].1.find(&hex::encode_upper("none")).expect("a dirty value") / 2;
    fixture
        .sql(&format!("UPDATE weir_outbox SET letters = INSERT(letters, {}, 1, 'N') WHERE `partition` = 1", value + 1));
    fixture.sql(&format!("UPDATE weir_outbox SET letters = LEFT(letters, {}) WHERE `partition` = 2", sizes[&2] / 2));

    let mut engine = fixture.start();
    fixture.payments.send(400);
    let names = |partition: i32, size: usize| {
        let first = chunks[&partition].0;
        format!(
            "partition {partition}: the row of weir_outbox with first_offset {first} and chunk 0, {size} bytes, cannot be published"
        )
    };
    let said = fixture.until_readyz_says(
        &mut engine,
        &[&names(1, sizes[&1]), &names(2, sizes[&2] / 2), "checksum", "restore the row, or delete it"],
    );
    assert!(!said.contains("partition 0") && !said.contains("partition 3"), "the others are well: {said}");
    fixture.until_these_are_judged(&mut engine, &[0, 3]);
    assert!(
        fixture.log().contains(&format!("pipeline=\"{}\" partition=1", fixture.name)),
        "the log names the pipeline:\n{}",
        engine.said()
    );
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(fixture.positions()[&1], died_at[&1], "it stands where it stood");
    engine.stop();
    fixture.letters_come(|(partition, _)| u32::from([0, 3].contains(&partition)));

    fixture.sql(&format!("UPDATE weir_outbox SET letters = x'{}' WHERE `partition` = 1", chunks[&1].1));
    let first = chunks[&2].0;
    fixture.sql(&format!(
        "DELETE FROM weir_outbox WHERE pipeline = '{}' AND `partition` = 2 AND first_offset = {first} AND chunk = 0",
        fixture.name
    ));
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.windows_are("type", &fixture.payments.windows);
    fixture.letters_come(|(partition, offset)| u32::from(partition != 2 || offset >= died_at[&2]));
}

/// Its letters are only in the outbox: from N, the store's position, they would be taken for published.
#[test]
fn a_group_that_is_reset_while_letters_wait_in_the_outbox_loses_none_of_them() {
    let mut fixture = Fixture::new("reset");
    fixture.payments.send(400);
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.is_exact();
    let published = fixture.payments.ends();
    fixture.dies_with_letters_in_the_outbox(800);

    fixture.group_tool(&fixture.group(), &["--delete-offsets", "--topic", &fixture.topic()]);
    let mut engine = fixture.start();
    let at = published[&0];
    let figures = format!(
        "partition 0: the group has no committed offset, but the position in the store is {}, with 1 outbox chunks",
        fixture.payments.ends()[&0]
    );
    fixture.until_readyz_says(&mut engine, &[&figures, &format!("reset the group to {at} ")]);
    engine.stop();
    fixture.reset_group_to_the_store(&fixture.group(), "published");
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.is_exact();
}
