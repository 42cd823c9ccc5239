//! The database comes back older than it was, or not at all, while the group's offsets are where they were.

use std::fs::File;
use std::process::Command;

use crate::edges_store::fixture::Fixture;
use weir_testkit::pipeline::run;

impl Fixture {
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
    let mut fixture = Fixture::new("restored");
    fixture.payments.send(2_000);
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    let backup = fixture.back_up();
    let old = fixture.payments.ends();
    fixture.payments.send(1_000);
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.is_exact();
    let new = fixture.payments.ends();

    fixture.restore(&backup);
    assert_eq!(fixture.positions(), old, "the backup is the older state");
    let mut engine = fixture.start();
    let (k, n) = (format!("committed {}", new[&3]), format!("the position in the store, {}", old[&3]));
    let all = [0, 1, 2, 3].map(|partition| format!("partition {partition}: the group has {k}, past {n}"));
    let way_out = format!("reset the group to {}", old[&3]);
    fixture.until_readyz_says(&mut engine, &[&all.each_ref().map(String::as_str)[..], &[way_out.as_str()]].concat());
    engine.stop();
    assert!(fixture.log().contains(&k), "the log says it too");
    assert_eq!(fixture.positions(), old, "nothing was judged");
    fixture.letters_come(|_| 1);

    fixture.reset_group_to_the_store(&fixture.group(), "next_offset");
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.windows_are("type", &fixture.payments.windows);
    fixture.letters_come(|(partition, offset)| 1 + u32::from(offset >= old[&partition]));
}

#[test]
fn a_database_that_is_lost_stops_and_each_way_out_goes_on() {
    let mut fixture = Fixture::new("lost");
    fixture.payments.send(2_000);
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.is_exact();
    let k = fixture.payments.ends();
    let stops = |fixture: &Fixture| {
        fixture.lose_the_database();
        let mut engine = fixture.start();
        let figure = format!("the group has committed {}, but the store never saw", k[&2]);
        let all = [0, 1, 2, 3].map(|partition| format!("partition {partition}: {figure}"));
        let ways_out = ["another `source.group`", "delete the group's offset"];
        fixture.until_readyz_says(&mut engine, &[&all.each_ref().map(String::as_str)[..], &ways_out].concat());
        engine.stop();
        assert!(fixture.positions().is_empty() && fixture.windows("type").is_empty(), "nothing was judged");
    };
    stops(&fixture);
    fixture.letters_come(|_| 1);

    // Another group: all of it again, from where `source.start` says.
    fixture.change("${WEIR_GROUP}", "${WEIR_GROUP}-2");
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.windows_are("type", &fixture.payments.windows);
    fixture.letters_come(|_| 2);

    // The group's offsets deleted: the same.
    stops(&fixture);
    fixture.group_tool(&format!("{}-2", fixture.group()), &["--delete-offsets", "--topic", &fixture.topic()]);
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.windows_are("type", &fixture.payments.windows);
    fixture.letters_come(|_| 3);

    // The store set to where the group is: sums begin there, and no letter comes again.
    stops(&fixture);
    for (partition, k) in &k {
        fixture.sql(&format!(
            "UPDATE weir_partition SET next_offset = {k} WHERE `partition` = {partition} AND next_offset IS NULL"
        ));
    }
    let all = std::mem::take(&mut fixture.payments.windows);
    fixture.payments.send(500);
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    engine.stop();
    assert!(!all.is_empty());
    fixture.windows_are("type", &fixture.payments.windows);
    fixture.letters_come(|(partition, offset)| if offset < k[&partition] { 3 } else { 1 });
}
