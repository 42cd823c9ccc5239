//! The database's disk is full: the engine waits, says so, and goes on when there is room.

use std::process::Command;

use crate::edges_store::fixture::{Fixture, SOON};
use weir_testkit::oracle::windows::{Sums, Windows, cents, same};
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::refusal::{refusal, says};
use weir_testkit::pipeline::run;
use weir_testkit::stack::full_disk::FullDisk;
use weir_testkit::stack::mariadb::MariaDb;

impl Fixture {
    /// One worker, so that no rebalance changes what `/readyz` has to say.
    fn with_one_worker(name: &str) -> Self {
        let fixture = Self::new(name);
        fixture.change("[admin]", "[engine]\nworkers = 1\n\n[admin]");
        fixture
    }

    /// Payments come while nothing can be written: they are waited with, and log and `/readyz` say so.
    fn waits_for_room(&mut self, engine: &mut Engine, names: &str) {
        self.payments.send(4_000);
        let line =
            || self.log().lines().find(|line| line.contains("trying again") && line.contains(names)).map(str::to_owned);
        engine.until(&format!("the log says {names:?}"), SOON, || line().is_some());
        println!("log: {}", line().expect("just seen"));
        self.until_readyz_says(engine, &["a checkpoint does not get through"]);
        engine.runs();
    }
}

#[test]
fn a_full_disk_under_sqlite_is_waited_for_and_nothing_is_lost() {
    let mut fixture = Fixture::with_one_worker("full_sqlite");
    let (folder, disk) = (fixture.folder.path(), FullDisk::new(fixture.folder.path()));
    fixture.change("${WEIR_SINK}", &format!("sqlite://{}/weir.db", folder.display()));
    fixture.payments.send(400);
    let running = || {
        let mut command = fixture.running(&fixture.config());
        command.envs(disk.env());
        command
    };
    disk.fill();
    says(&refusal(&mut running()), &["the store is not available", "disk is full"]);
    disk.free();
    let command = running();
    let mut engine = Engine::start(command, fixture.folder.path().join("run.log"));
    fixture.until_committed(&mut engine);
    disk.fill();
    fixture.waits_for_room(&mut engine, "database or disk is full");
    disk.free();
    fixture.until_committed(&mut engine);
    fixture.until_ready(&mut engine);
    assert_eq!(fixture.windows_of_the_api(), fixture.payments.windows);
    engine.stop();
    fixture.letters_come(|_| 1);
}

/// All tables in one file of a fixed size, as on a disk that is full. MariaDB 10.11 ends itself on a disk that is full to the
/// last byte ("Out of disk space in rollback"), and then is a database that is away.
const FIXED: [&str; 2] = ["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:16M"];
/// The same file, which may grow. To drop a table takes a little room, which the engine's tries may have taken: what helps
/// for sure is a larger disk.
const GROWN: [&str; 2] = ["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:16M:autoextend"];

#[test]
fn a_full_mariadb_is_waited_for_and_nothing_is_lost() {
    let mut fixture = Fixture::with_one_worker("full_mariadb");
    let folder = tempfile::tempdir().expect("a folder for mariadbd");
    let data = folder.path().join("data");
    let mut database = MariaDb::start_on(folder, &data, &FIXED);
    fixture.change("${WEIR_SINK}", &database.url());
    // A row a payment: the table has to grow.
    fixture.change("[\"type\"]", "[\"type\", \"amount\"]");
    fixture.payments.send(400);
    let mut engine = fixture.start();
    fixture.until_committed(&mut engine);
    let fill = |bytes| format!("INSERT INTO ballast VALUES (REPEAT('x', {bytes}));").repeat(300);
    let sql = format!("CREATE TABLE ballast (b LONGBLOB);{}{}{}", fill(100_000), fill(10_000), fill(1_000));
    let filled = client(&database).args(["--force", "-e", &sql]).output().expect("the client runs");
    assert!(String::from_utf8_lossy(&filled.stderr).contains("ERROR 1114"), "it is full");
    fixture.waits_for_room(&mut engine, "(1114)");
    database.restart_with(&GROWN);
    fixture.until_committed(&mut engine);
    engine.stop();
    same(&windows_of(&database), &fixture.payments.windows);
    fixture.letters_come(|_| 1);
}

fn client(database: &MariaDb) -> Command {
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "-h127.0.0.1", "-uweir", "-psecret", "-N", "-B", "weir"]);
    client.arg(format!("-P{}", database.port));
    client
}

fn windows_of(database: &MariaDb) -> Windows {
    let start = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', window_start) DIV 1000";
    let sums = "SUM(records), SUM(flagged), SUM(amount_sum), MIN(amount_min), MAX(amount_max)";
    let sql = format!("SELECT {start}, type, {sums} FROM risk_stats GROUP BY 1, 2");
    let window = |line: &str| {
        let row: Vec<_> = line.split('\t').collect();
        let (records, flagged) = (row[2].parse().unwrap(), row[3].parse().unwrap());
        let (sum, min, max) = (cents(row[4]), cents(row[5]), cents(row[6]));
        ((row[0].parse().unwrap(), row[1].to_owned()), Sums { records, flagged, sum, min, max })
    };
    run(client(database).args(["-e", &sql])).lines().map(window).collect()
}
