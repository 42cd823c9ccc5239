//! The database comes back older than it was, or not at all, while the group's offsets are where they were.

use std::fs::File;
use std::process::Command;

use crate::edges_store::bed::Bed;
use weir_testkit::pipeline::run;

impl Bed {
    fn database(&self) -> String {
        format!("weir_{}", self.name)
    }

    /// As docs/operations.md says, while the engine runs.
    fn back_up(&self) -> Vec<u8> {
        let mut dump = Command::new("mariadb-dump");
        dump.arg(format!("--defaults-extra-file={}", self.stack.folder().join("mysql/client.cnf").display()));
        dump.args(["--single-transaction", "--hex-blob", "--no-tablespaces", &self.database()]);
        run(&mut dump).into_bytes()
    }

    fn restore(&self, dump: &[u8]) {
        let file = self.folder.path().join("weir.sql");
        std::fs::write(&file, dump).expect("the folder is writable");
        run(self.client(&self.database()).stdin(File::open(&file).expect("it is there")));
    }

    fn lose_the_database(&self) {
        let name = self.database();
        run(self.client("weir").args(["-e", &format!("DROP DATABASE {name}; CREATE DATABASE {name}")]));
    }
}

#[test]
fn a_database_restored_from_an_older_backup_stops_and_goes_on_when_the_group_is_reset_to_it() {
    let mut bed = Bed::new("restored");
    bed.payments.send(2_000);
    let mut engine = bed.start();
    bed.until_judged(&mut engine);
    let backup = bed.back_up();
    let old = bed.payments.ends();
    bed.payments.send(1_000);
    bed.until_judged(&mut engine);
    engine.stop();
    bed.is_exact();
    let new = bed.payments.ends();

    bed.restore(&backup);
    assert_eq!(bed.positions(), old, "the backup is the older state");
    let mut engine = bed.start();
    let (k, n) = (format!("committed {}", new[&3]), format!("the store's {}", old[&3]));
    let all = [0, 1, 2, 3].map(|partition| format!("partition {partition}: the group has {k}, past {n}"));
    let way_out = format!("reset the group to {}", old[&3]);
    bed.until_readyz_says(&mut engine, &[&all.each_ref().map(String::as_str)[..], &[way_out.as_str()]].concat());
    engine.stop();
    assert!(bed.log().contains(&k), "the log says it too");
    assert_eq!(bed.positions(), old, "nothing was judged");
    bed.letters_come(|_| 1);

    bed.reset_group_to_the_store(&bed.group(), "next_offset");
    let mut engine = bed.start();
    bed.until_judged(&mut engine);
    engine.stop();
    bed.windows_are("type", &bed.payments.windows);
    bed.letters_come(|(partition, offset)| 1 + u32::from(offset >= old[&partition]));
}

#[test]
fn a_database_that_is_lost_stops_and_each_way_out_goes_on() {
    let mut bed = Bed::new("lost");
    bed.payments.send(2_000);
    let mut engine = bed.start();
    bed.until_judged(&mut engine);
    engine.stop();
    bed.is_exact();
    let k = bed.payments.ends();
    let stops = |bed: &Bed| {
        bed.lose_the_database();
        let mut engine = bed.start();
        let figure = format!("the group has committed {}, but the store never saw", k[&2]);
        let all = [0, 1, 2, 3].map(|partition| format!("partition {partition}: {figure}"));
        let ways_out = ["another `source.group`", "delete the group's offset"];
        bed.until_readyz_says(&mut engine, &[&all.each_ref().map(String::as_str)[..], &ways_out].concat());
        engine.stop();
        assert!(bed.positions().is_empty() && bed.windows("type").is_empty(), "nothing was judged");
    };
    stops(&bed);
    bed.letters_come(|_| 1);

    // Another group: all of it again, from where `source.start` says.
    bed.change("${WEIR_GROUP}", "${WEIR_GROUP}-2");
    let mut engine = bed.start();
    bed.until_judged(&mut engine);
    engine.stop();
    bed.windows_are("type", &bed.payments.windows);
    bed.letters_come(|_| 2);

    // The group's offsets deleted: the same.
    stops(&bed);
    bed.group_tool(&format!("{}-2", bed.group()), &["--delete-offsets", "--topic", &bed.topic()]);
    let mut engine = bed.start();
    bed.until_judged(&mut engine);
    engine.stop();
    bed.windows_are("type", &bed.payments.windows);
    bed.letters_come(|_| 3);

    // The store set to where the group is: sums begin there, and no letter comes again.
    stops(&bed);
    for (partition, k) in &k {
        bed.sql(&format!(
            "UPDATE weir_partition SET next_offset = {k} WHERE `partition` = {partition} AND next_offset IS NULL"
        ));
    }
    let all = std::mem::take(&mut bed.payments.windows);
    bed.payments.send(500);
    let mut engine = bed.start();
    bed.until_judged(&mut engine);
    engine.stop();
    assert!(!all.is_empty());
    bed.windows_are("type", &bed.payments.windows);
    bed.letters_come(|(partition, offset)| if offset < k[&partition] { 3 } else { 1 });
}
