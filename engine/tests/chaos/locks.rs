//! Sessions of somebody else on the pipeline's database: they hold locks, close a circle of them, fill it, or cut
//! connections.

use std::process::{Child, Stdio};
use std::time::Duration;

use weir_testkit::pipeline::TestPipeline;

/// A table's rows, all of them.
const LOCK: &str = "SELECT COUNT(*) FROM {table} FOR UPDATE;";

/// Tables of its own for those that write. On a full disk they could not be made.
pub(crate) fn prepare(pipeline: &TestPipeline) {
    let statements = "CREATE DATABASE weir_ballast; CREATE TABLE weir_ballast.ballast (id INT PRIMARY KEY);
         CREATE TABLE weir_ballast.filler (id INT AUTO_INCREMENT PRIMARY KEY, bytes LONGBLOB)";
    let made = session(pipeline, ";", statements).wait_with_output().expect("it is ours");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Rows that a session holds for some seconds, as a backup or somebody's UPDATE does.
pub(crate) fn hold(pipeline: &TestPipeline, table: &str, time: Duration) -> Child {
    let lock = LOCK.replace("{table}", table);
    session(pipeline, ";", &format!("START TRANSACTION; {lock} DO SLEEP({}); ROLLBACK;", time.as_secs_f64()))
}

/// Takes the rows that a checkpoint writes last, and then those that it writes first. InnoDB ends whoever has done less:
/// the ballast makes that the engine.
pub(crate) fn circle(pipeline: &TestPipeline, time: Duration) -> Child {
    let [last, first] = ["risk_stats", "weir_partition"].map(|table| LOCK.replace("{table}", table));
    let statements = format!(
        "START TRANSACTION; INSERT INTO weir_ballast.ballast SELECT seq FROM seq_1_to_3000;
         {last} DO SLEEP({}); {first} DO SLEEP(0.2); ROLLBACK;",
        time.as_secs_f64()
    );
    session(pipeline, ";", &statements)
}

/// The outbox keeps the space that an earlier backlog took, and what it has no full disk takes from it. If it is busy it
/// keeps it.
pub(crate) fn give_back(pipeline: &TestPipeline) {
    let statements = "SET SESSION lock_wait_timeout = 1; ALTER TABLE weir_outbox FORCE";
    session(pipeline, ";", statements).wait_with_output().expect("it is ours");
}

/// Fills what space the tables have until no more is given, and reads as of now, so that nothing deleted is given back.
pub(crate) fn fill(pipeline: &TestPipeline, time: Duration) -> Child {
    let statements = format!(
        "BEGIN NOT ATOMIC
           DECLARE size INT DEFAULT 1000000;
           DECLARE CONTINUE HANDLER FOR 1114 SET size = size DIV 5;
           WHILE size > 20000 DO INSERT INTO weir_ballast.filler (bytes) VALUES (REPEAT('x', size)); END WHILE;
         END//
         START TRANSACTION WITH CONSISTENT SNAPSHOT//
         SELECT COUNT(*) FROM weir_outbox//
         DO SLEEP({})//
         ROLLBACK//",
        time.as_secs_f64()
    );
    session(pipeline, "//", &statements)
}

/// What [`fill`] took. Wants room.
pub(crate) fn empty(pipeline: &TestPipeline) -> Child {
    session(pipeline, ";", "TRUNCATE weir_ballast.filler")
}

/// KILL CONNECTION for each of the pipeline's.
pub(crate) fn cut(pipeline: &TestPipeline) -> Child {
    let statement = format!(
        "BEGIN NOT ATOMIC
           DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
           FOR one IN (SELECT id FROM information_schema.processlist
                       WHERE db = 'weir_{}' AND id <> CONNECTION_ID()) DO
             EXECUTE IMMEDIATE CONCAT('KILL CONNECTION ', one.id);
           END FOR;
         END",
        pipeline.name
    );
    session(pipeline, "//", &statement)
}

fn session(pipeline: &TestPipeline, delimiter: &str, statements: &str) -> Child {
    let mut command = pipeline.client(&format!("weir_{}", pipeline.name));
    command.arg("--connect-timeout=5").arg(format!("--delimiter={delimiter}")).args(["-e", statements]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the client starts")
}
