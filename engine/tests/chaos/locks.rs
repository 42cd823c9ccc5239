//! Sessions of somebody else on the pipeline's database: they hold locks, close a circle of them, or cut connections.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::way::Way;

/// A table's rows, all of them.
const LOCK: &str = "SELECT COUNT(*) FROM {table} FOR UPDATE;";

/// Rows that a session holds for some seconds, as a backup or somebody's UPDATE does.
pub(crate) fn hold(way: &Way, table: &str, time: Duration) -> Child {
    let lock = LOCK.replace("{table}", table);
    session(way, ";", &format!("START TRANSACTION; {lock} DO SLEEP({}); ROLLBACK;", time.as_secs_f64()))
}

/// Takes the rows that a checkpoint writes last, and then those that it writes first. InnoDB ends whoever has done less:
/// the ballast makes that the engine.
pub(crate) fn circle(way: &Way, time: Duration) -> Child {
    let [last, first] = ["risk_stats", "weir_partition"].map(|table| LOCK.replace("{table}", table));
    let statements = format!(
        "CREATE DATABASE IF NOT EXISTS weir_ballast;
         CREATE TABLE IF NOT EXISTS weir_ballast.ballast (id INT PRIMARY KEY);
         START TRANSACTION; INSERT INTO weir_ballast.ballast SELECT seq FROM seq_1_to_3000;
         {last} DO SLEEP({}); {first} DO SLEEP(0.2); ROLLBACK;",
        time.as_secs_f64()
    );
    session(way, ";", &statements)
}

/// KILL CONNECTION for each of the pipeline's.
pub(crate) fn cut(way: &Way) -> Child {
    let statement = format!(
        "BEGIN NOT ATOMIC
           DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
           FOR one IN (SELECT id FROM information_schema.processlist
                       WHERE db = 'weir_{}' AND id <> CONNECTION_ID()) DO
             EXECUTE IMMEDIATE CONCAT('KILL CONNECTION ', one.id);
           END FOR;
         END",
        way.name
    );
    session(way, "//", &statement)
}

fn session(way: &Way, delimiter: &str, statements: &str) -> Child {
    let mut command = way.client(&format!("weir_{}", way.name));
    command.arg("--connect-timeout=5").arg(format!("--delimiter={delimiter}")).args(["-e", statements]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the client starts")
}
