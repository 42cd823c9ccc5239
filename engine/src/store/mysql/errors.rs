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
