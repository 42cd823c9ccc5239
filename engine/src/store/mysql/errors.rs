//! Which of the server's errors pass by themselves.

use crate::store::StoreError;

/// An error before COMMIT: nothing was done.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(database) => {
            let number = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map_or(0, |e| e.number());
            of_server(number, database.message())
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Fatal(format!("the database of [sink] cannot be used: {error}")),
    }
}

fn of_server(number: u16, message: &str) -> StoreError {
    match number {
        1044 | 1045 | 1698 => StoreError::Fatal(format!(
            "the database refused the user of [sink] url: {message}. Mend user or password, or grant it the database"
        )),
        1049 => StoreError::Fatal(format!("[sink] url names a database that is not there: {message}. Create it")),
        // Lock time-out, deadlock, changed row; too many connections; disk full; shutdown, killed, read-only, idle.
        3
        | 1026
        | 1030
        | 1205
        | 1213
        | 1020
        | 1040
        | 1203
        | 1226
        | 1021
        | 1114
        | 1053
        | 1077
        | 1079
        | 1152
        | 1156..=1161
        | 1184
        | 1290
        | 1317
        | 1836
        | 1927
        | 1969
        | 3024
        | 3100
        | 4031 => StoreError::Unavailable(format!("{message} ({number})")),
        _ => StoreError::Fatal(format!("the database of [sink] refused: {message} ({number})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_locks_of_others_and_a_server_that_goes_are_waited_for() {
        let waits = [
            (3, "Error writing file"),
            (1020, "Record has changed since last read"),
            (1021, "Disk full"),
            (1026, "Error writing file"),
            (1030, "Got error 28 from storage engine"),
            (1040, "Too many connections"),
            (1053, "Server shutdown in progress"),
            (1114, "The table is full"),
            (1158, "Got an error reading communication packets"),
            (1205, "Lock wait timeout exceeded"),
            (1213, "Deadlock found"),
            (1290, "The server is running with the --read-only option"),
            (1317, "Query execution was interrupted"),
            (1927, "Connection was killed"),
            (4031, "The client was disconnected by the server because of inactivity"),
        ];
        for (number, message) in waits {
            match of_server(number, message) {
                StoreError::Unavailable(why) => assert_eq!(why, format!("{message} ({number})")),
                other => panic!("{number} is not waited for: {other:?}"),
            }
        }
    }

    #[test]
    fn what_a_person_has_to_mend_ends_it() {
        let ends = [
            (1044, "Access denied for user to database", "grant it the database"),
            (1045, "Access denied for user", "Mend user or password"),
            (1698, "Access denied for user", "Mend user or password"),
            (1049, "Unknown database", "Create it"),
            (1054, "Unknown column", "refused: Unknown column (1054)"),
            (1142, "INSERT command denied to user", "refused: INSERT command denied to user (1142)"),
            (1146, "Table doesn't exist", "refused: Table doesn't exist (1146)"),
            // Strict mode: a sum that its column cannot hold.
            (1264, "Out of range value for column", "refused: Out of range value for column (1264)"),
            (0, "a number that nobody knows", "(0)"),
        ];
        for (number, message, mend) in ends {
            match of_server(number, message) {
                StoreError::Fatal(why) => assert!(why.contains(message) && why.contains(mend), "{number}: {why}"),
                other => panic!("{number} does not end it: {other:?}"),
            }
        }
    }
}
