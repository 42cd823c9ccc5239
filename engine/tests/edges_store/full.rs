//! The database's disk is full: the engine waits, says so, and goes on when there is room.

use std::process::Command;

use crate::bed::Bed;
use crate::engine::Engine;
use crate::mariadb::MariaDb;
use crate::small_disk::SmallDisk;
use crate::way::run;
use crate::windows::{Sums, Windows, cents, same};

impl Bed {
    /// While `disk` is full nothing is lost, and `/readyz` says why nothing moves.
    fn waits_for_room(&mut self, engine: &mut Engine, disk: &SmallDisk, says: &[&str], names: &str) {
        disk.fill();
        self.payments.send(4_000);
        let said = self.until_it_says(engine, says);
        println!("/readyz: {said}");
        let log = self.log();
        let line = log.lines().find(|line| line.contains("trying again") && line.contains(names));
        println!("log: {}", line.unwrap_or_else(|| panic!("{names:?} is not in the log:\n{}", engine.said())));
        engine.runs();
        disk.free();
    }
}

#[test]
fn a_full_disk_under_sqlite_is_waited_for_and_nothing_is_lost() {
    let mut bed = Bed::new("full_sqlite");
    let disk = SmallDisk::new("4m");
    bed.change("${WEIR_SINK}", &format!("sqlite://{}/weir.db", disk.path().display()));
    bed.payments.send(400);
    let mut engine = bed.start();
    bed.until_committed(&mut engine);
    bed.waits_for_room(&mut engine, &disk, &["a checkpoint does not get through"], "full");
    bed.until_committed(&mut engine);
    bed.until_ready(&mut engine);
    assert_eq!(bed.windows_of_the_api(), bed.payments.windows);
    engine.stop();
    bed.letters_come(|_| 1);
}

/// Redo log and tablespaces of a new MariaDB, and some megabytes to grow.
const DATA: &str = "64m";

#[test]
fn a_full_disk_under_mariadb_is_waited_for_and_nothing_is_lost() {
    let mut bed = Bed::new("full_mariadb");
    let disk = SmallDisk::new(DATA);
    // Its own, so that the stack's is not full.
    let folder = tempfile::tempdir().expect("a folder for mariadbd");
    let database = MariaDb::start_on(folder, &disk.path().join("data"), &["--innodb-log-file-size=8M"]);
    bed.change("${WEIR_SINK}", &database.url());
    // A row a payment: the table has to grow.
    bed.change("[\"type\"]", "[\"type\", \"amount\"]");
    bed.payments.send(400);
    let mut engine = bed.start();
    bed.until_committed(&mut engine);
    bed.waits_for_room(&mut engine, &disk, &["a checkpoint does not get through"], "is full");
    bed.until_committed(&mut engine);
    engine.stop();
    same(&windows_of(&database), &bed.payments.windows);
    bed.letters_come(|_| 1);
}

fn windows_of(database: &MariaDb) -> Windows {
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "-h127.0.0.1", "-uweir", "-psecret", "-N", "-B", "weir", &format!("-P{}", database.port)]);
    let start = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', window_start) DIV 1000";
    let sums = "SUM(records), SUM(flagged), SUM(amount_sum), MIN(amount_min), MAX(amount_max)";
    let sql = format!("SELECT {start}, type, {sums} FROM risk_stats GROUP BY 1, 2");
    let window = |line: &str| {
        let row: Vec<_> = line.split('\t').collect();
        let (records, flagged) = (row[2].parse().unwrap(), row[3].parse().unwrap());
        let (sum, min, max) = (cents(row[4]), cents(row[5]), cents(row[6]));
        ((row[0].parse().unwrap(), row[1].to_owned()), Sums { records, flagged, sum, min, max })
    };
    run(client.args(["-e", &sql])).lines().map(window).collect()
}
