//! Which errors pass by themselves, which are for a person, and what that person has to do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::codes::{Asks, asks};
use crate::certificate::Fault;
use crate::model::store::StoreError;

/// How long a statement is tried again that fails with a number in no table of [`super::codes`].
const TRIED: Duration = Duration::from_secs(60);
/// Time after which the same number counts as a new error.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// The numbers that nobody knows: when each was first and last seen. One a database.
#[derive(Debug, Default)]
pub(super) struct Unknown(Mutex<HashMap<u16, (Instant, Instant)>>);

impl Unknown {
    /// Whether it was tried for long enough.
    fn is_over(&self, number: u16, now: Instant) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, last) = seen.entry(number).or_insert((now, now));
        if now.saturating_duration_since(*last) > FORGOTTEN {
            *first = now;
        }
        *last = now;
        now.saturating_duration_since(*first) >= TRIED
    }
}

/// An error before COMMIT: nothing was done.
pub(super) fn failed(error: sqlx::Error, unknown: &Unknown) -> StoreError {
    match &error {
        sqlx::Error::Database(database) => {
            let number = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map_or(0, |e| e.number());
            of_server(number, database.message(), unknown, Instant::now())
        }
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => of_connection(&error.to_string()),
        sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreError::Unavailable(error.to_string())
        }
        _ => StoreError::Fatal(format!("the database of [sink] cannot be used: {error}")),
    }
}

/// A certificate that is not trusted, or no TLS, stays so until somebody fixes it.
fn of_connection(text: &str) -> StoreError {
    let Some(fault) = Fault::of(text) else { return StoreError::Unavailable(text.to_owned()) };
    let hint = match fault {
        Fault::UnknownAuthority => "name the authority's certificate (PEM) as ssl-ca",
        Fault::OtherName => {
            "write the name that the certificate has, or ssl-mode=VERIFY_CA, which does not compare names"
        }
        Fault::Expired => "renew it on the server",
        Fault::NotYet => "set the clock right, or give the server another one",
        Fault::Invalid => "look at the server's certificate and at ssl-ca",
        Fault::NoTls => {
            return StoreError::Fatal(
                "the database server has no TLS, and ssl-mode in sink.url asks for it. Give the server a certificate, or \
                 write ssl-mode=PREFERRED"
                    .into(),
            );
        }
    };
    let cause = fault.cause();
    StoreError::Fatal(format!("the certificate of the database server {cause} ({text}): {hint}, in sink.url"))
}

fn of_server(number: u16, message: &str, unknown: &Unknown, now: Instant) -> StoreError {
    match asks(number) {
        Asks::OtherUser => StoreError::Fatal(format!(
            "the database refused the user of [sink] url: {message}. Correct user or password, or grant it the database"
        )),
        Asks::Database => {
            StoreError::Fatal(format!("[sink] url names a database that is not there: {message}. Create it"))
        }
        Asks::Tls => StoreError::Fatal(format!(
            "the database refused a connection without TLS: {message} ({number}). Write ssl-mode=REQUIRED in sink.url, or \
             VERIFY_CA with ssl-ca"
        )),
        Asks::Waiting => StoreError::Unavailable(format!("{message} ({number})")),
        Asks::Trying if !unknown.is_over(number, now) => StoreError::Unavailable(format!(
            "{message} ({number}); whether it passes by itself is not known: it is tried for {} s",
            TRIED.as_secs()
        )),
        Asks::Person | Asks::Trying => {
            StoreError::Fatal(format!("the database of [sink] refused: {message} ({number})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(number: u16, message: &str) -> StoreError {
        of_server(number, message, &Unknown::default(), Instant::now())
    }

    #[test]
    fn a_full_disk_locks_of_others_and_a_server_that_goes_are_waited_for() {
        let waits = [
            (3, "Error writing file"),
            (1020, "Record has changed since last read"),
            (1021, "Disk full"),
            (1026, "Error writing file"),
            (1030, "Got error 28 from storage engine"),
            (1040, "Too many connections"),
            (1041, "Out of memory"),
            (1047, "WSREP has not yet prepared node for application use"),
            (1053, "Server shutdown in progress"),
            (1114, "The table is full"),
            (1135, "Can't create a new thread"),
            (1158, "Got an error reading communication packets"),
            (1205, "Lock wait timeout exceeded"),
            (1206, "The total number of locks exceeds the lock table size"),
            (1213, "Deadlock found"),
            (1290, "The server is running with the --read-only option"),
            (1317, "Query execution was interrupted"),
            (1412, "Table definition has changed, please retry transaction"),
            (1461, "Can't create more than max_prepared_stmt_count statements"),
            (1615, "Prepared statement needs to be re-prepared"),
            (1637, "Too many active concurrent transactions"),
            (1792, "Cannot execute statement in a READ ONLY transaction"),
            (1927, "Connection was killed"),
            (3032, "The server is currently in offline mode"),
            (4031, "The client was disconnected by the server because of inactivity"),
            (9001, "Max connect timeout reached while reaching hostgroup"),
        ];
        for (number, message) in waits {
            match answer(number, message) {
                StoreError::Unavailable(why) => assert_eq!(why, format!("{message} ({number})")),
                other => panic!("{number} is not waited for: {other:?}"),
            }
        }
    }

    #[test]
    fn what_a_person_has_to_fix_ends_it() {
        let ends = [
            (1044, "Access denied for user to database", "grant it the database"),
            (1045, "Access denied for user", "Correct user or password"),
            (1698, "Access denied for user", "Correct user or password"),
            (1049, "Unknown database", "Create it"),
            (1054, "Unknown column", "refused: Unknown column (1054)"),
            (1142, "INSERT command denied to user", "refused: INSERT command denied to user (1142)"),
            (1146, "Table doesn't exist", "refused: Table doesn't exist (1146)"),
            (3159, "Connections using insecure transport are prohibited", "ssl-mode=REQUIRED"),
            // Strict mode: a sum that its column cannot hold.
            (1264, "Out of range value for column", "refused: Out of range value for column (1264)"),
        ];
        for (number, message, hint) in ends {
            match answer(number, message) {
                StoreError::Fatal(why) => assert!(why.contains(message) && why.contains(hint), "{number}: {why}"),
                other => panic!("{number} does not end it: {other:?}"),
            }
        }
    }

    #[test]
    fn an_error_that_nobody_knows_is_tried_for_a_minute_and_one_that_passed_begins_anew() {
        let (unknown, start) = (Unknown::default(), Instant::now());
        let ends = |second| {
            let now = start + Duration::from_secs(second);
            matches!(of_server(0, "what is this", &unknown, now), StoreError::Fatal(_))
        };
        assert_eq!([0, 20, 40, 59, 60].map(ends), [false, false, false, false, true]);
        // It was away for 31 s.
        assert_eq!([91, 120, 150, 151].map(ends), [false, false, false, true]);
    }

    #[test]
    fn a_certificate_or_no_tls_is_told_with_its_hint_and_a_broken_pipe_is_waited_for() {
        for (text, hint) in [
            ("invalid peer certificate: UnknownIssuer", "ssl-ca"),
            ("invalid peer certificate: NotValidForName", "ssl-mode=VERIFY_CA"),
            ("invalid peer certificate: certificate expired: verification time …", "renew it"),
            ("error occurred while attempting to establish a TLS connection: server does not support TLS", "PREFERRED"),
        ] {
            match of_connection(text) {
                StoreError::Fatal(why) => assert!(why.contains(hint), "{text}: {why}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(matches!(of_connection("broken pipe"), StoreError::Unavailable(_)));
    }
}
