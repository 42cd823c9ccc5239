//! The SELECTs that a read sends.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row, raw_sql};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Has the server log from now on, to nowhere: what is prepared while no log is on is logged with question marks when it is executed.
pub(super) async fn prepare_mysql(url: &str) {
    let mut server = MySqlConnection::connect(url).await.expect("the server answers");
    for sql in ["SET GLOBAL log_output = 'NONE'", "SET GLOBAL general_log = ON"] {
        server.execute(raw_sql(sql)).await.unwrap_or_else(|why| panic!("{sql}: {why}"));
    }
}

/// By the server's own log, which has values in the place of binds.
pub(super) async fn to_mysql<T>(url: &str, read: impl Future<Output = T>) -> (T, Vec<String>) {
    let mut server = MySqlConnection::connect(url).await.expect("the server answers");
    let set = async |server: &mut MySqlConnection, sql: &'static str| {
        server.execute(raw_sql(sql)).await.unwrap_or_else(|why| panic!("{sql}: {why}"));
    };
    set(&mut server, "SET GLOBAL general_log = OFF").await;
    set(&mut server, "SET GLOBAL log_output = 'TABLE'").await;
    set(&mut server, "TRUNCATE TABLE mysql.general_log").await;
    set(&mut server, "SET GLOBAL general_log = ON").await;
    let given = read.await;
    set(&mut server, "SET GLOBAL general_log = OFF").await;
    // Prepared ones are logged when they are prepared, with question marks, and when they are executed.
    let asked = "SELECT CAST(argument AS BINARY) FROM mysql.general_log WHERE command_type IN ('Execute', 'Query') \
                 AND thread_id <> CONNECTION_ID()";
    let rows = server.fetch_all(raw_sql(AssertSqlSafe(asked))).await.expect("the log is a table");
    let statements = rows.iter().map(|row| in_text(&row.get::<Vec<u8>, _>(0)));
    (given, statements.filter(|statement| is_select(statement)).collect())
}

/// A statement as the log has it, its values that are no UTF-8 in hexadecimal.
fn in_text(logged: &[u8]) -> String {
    let (mut text, mut rest) = (Vec::with_capacity(logged.len()), logged);
    while let Some(begin) = rest.iter().position(|byte| *byte == b'\'') {
        let (before, quoted) = rest.split_at(begin);
        let (value, length) = value(quoted);
        text.extend_from_slice(before);
        match std::str::from_utf8(&quoted[..length]) {
            Ok(_) => text.extend_from_slice(&quoted[..length]),
            Err(_) => {
                let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
                text.extend_from_slice(format!(" x'{digits}'").as_bytes());
            }
        }
        rest = &quoted[length..];
    }
    text.extend_from_slice(rest);
    String::from_utf8_lossy(&text).into_owned()
}

/// What a text in quotes means, and how many bytes it takes with them.
fn value(quoted: &[u8]) -> (Vec<u8>, usize) {
    let (mut value, mut at) = (Vec::new(), 1);
    while let Some(byte) = quoted.get(at) {
        match (byte, quoted.get(at + 1)) {
            (b'\\', Some(escaped)) => {
                value.push(match escaped {
                    b'0' => 0,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'Z' => 26,
                    other => *other,
                });
                at += 1;
            }
            (b'\'', Some(b'\'')) => {
                value.push(b'\'');
                at += 1;
            }
            (b'\'', _) => return (value, at + 1),
            _ => value.push(*byte),
        }
        at += 1;
    }
    (value, quoted.len())
}

/// By what sqlx logs, with binds as they are.
pub(super) async fn to_sqlite<T>(read: impl Future<Output = T>) -> (T, Vec<String>) {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let listener = tracing_subscriber::registry().with(Listener);
        tracing::subscriber::set_global_default(listener)
            .expect("nobody else listens: the test runs alone in its process");
    });
    logged().clear();
    let given = read.await;
    let mut statements = std::mem::take(&mut *logged());
    statements.retain(|statement| is_select(statement));
    (given, statements)
}

fn is_select(statement: &str) -> bool {
    let first = statement.trim_start_matches([' ', '\n', '(']).split_whitespace().next().unwrap_or_default();
    ["SELECT", "WITH"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn logged() -> MutexGuard<'static, Vec<String>> {
    LOGGED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps each statement that sqlx logs. One of SQLite is logged by a thread of the connection, so this listens to the whole process.
struct Listener;

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut statement = Statement::default();
            event.record(&mut statement);
            // A short one is its own summary.
            let whole = if statement.whole.trim().is_empty() { statement.summary } else { statement.whole };
            logged().push(whole.trim().to_owned());
        }
    }
}

#[derive(Default)]
struct Statement {
    summary: String,
    whole: String,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.whole),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_no_text_is_in_hexadecimal_and_others_stay_as_they_are() {
        let logged = b"SELECT a FROM t WHERE b = _binary'\xff\\0\\'x' AND c = 'it''s \\'quoted\\'' AND d = 7";
        let text = r"SELECT a FROM t WHERE b = _binary x'ff002778' AND c = 'it''s \'quoted\'' AND d = 7";
        assert_eq!(in_text(logged), text);
    }
}
