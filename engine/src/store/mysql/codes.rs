//! The error numbers of MySQL, MariaDB and ProxySQL, by what has to be done about them.

/// What has to be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// Wait: it passes by itself.
    Waiting,
    /// User or password, or a right to the database.
    OtherUser,
    /// The database is to be created.
    Database,
    /// The server takes no connection without TLS.
    Tls,
    /// A person: it is answered the same however often it is tried.
    Person,
    /// Not known: the statement is tried again for a bounded time.
    Trying,
}

pub(super) fn asks(number: u16) -> Asks {
    match number {
        1044 | 1045 | 1698 => Asks::OtherUser,
        1049 => Asks::Database,
        3159 => Asks::Tls,
        _ if WAITING.contains(&number) => Asks::Waiting,
        _ if PERSON.contains(&number) => Asks::Person,
        _ => Asks::Trying,
    }
}

const WAITING: [u16; 48] = [
    // The disk: full, or an error of the file system.
    3, 1021, 1026, 1030, // EE_WRITE, ER_DISK_FULL, ER_ERROR_ON_WRITE, ER_GET_ERRNO
    1114, 3675, // ER_RECORD_FILE_FULL, ER_DISK_FULL_NOWAIT
    // Locks: a row that changed, a time-out, a deadlock, the table of locks or of transactions is full, memory is short.
    1020, 1205, 1213, 1206,
    1637, // ER_CHECKREAD, ER_LOCK_WAIT_TIMEOUT, …_DEADLOCK, ER_LOCK_TABLE_FULL, ER_TOO_MANY_CONCURRENT_TRXS
    1037, 1038, 1041, // ER_OUTOFMEMORY, ER_OUT_OF_SORTMEMORY, ER_OUT_OF_RESOURCES
    // Connections: too many of all, of the user, an hour; no thread for one more; ProxySQL found no server in time.
    1040, 1203, 1226, 1135,
    9001, // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED, ER_CANT_CREATE_THREAD
    // Prepared statements: others hold all that there may be, or the table changed under one.
    1461, 1615, 1412, // ER_MAX_PREPARED_STMT_COUNT_REACHED, ER_NEED_REPREPARE, ER_TABLE_DEF_CHANGED
    // The server goes, or the connection did: shut down, killed, idle, bytes lost on the way.
    1053, 1077, 1079, 1152, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 4031,
    // It takes too long, by a bound of the server's or of ours.
    1969, 3024, // ER_STATEMENT_TIMEOUT, ER_QUERY_TIMEOUT
    // It only reads for now: a replica that is to be promoted, maintenance, a backup.
    1290, 1792, 1836,
    3032, // ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE, ER_SERVER_OFFLINE_MODE
    1223, 1192, // ER_CANT_UPDATE_WITH_READLOCK, ER_LOCK_OR_ACTIVE_TRANSACTION
    // A cluster: Galera's node is not ready (ER_UNKNOWN_COM_ERROR), its COMMIT or group replication's was refused.
    1047, 1180, 3100,
    3101, // ER_UNKNOWN_COM_ERROR, ER_ERROR_DURING_COMMIT, ER_RUN_HOOK_ERROR, ER_TRANSACTION_ROLLBACK_DURING_COMMIT
];

const PERSON: [u16; 32] = [
    // Rights: a table, a column, an account that is locked or whose password is over.
    1142, 1143, 1227, 1370, 1820, 1862, 3118, 4151, //
    // Tables: not there, no such column, a view where a table is wanted, a key or a row too long.
    1050, 1051, 1054, 1071, 1109, 1118, 1146, 1347, 1356, //
    // Values that do not fit: out of range, too long, NULL, of the wrong kind, there already, larger than a packet.
    1048, 1062, 1153, 1264, 1292, 1366, 1406, 1690, 3819, //
    // Words that the server does not know: syntax, a setting, a collation, its way to log in.
    1064, 1115, 1193, 1231, 1251, 1273,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_told_twice() {
        let mut all: Vec<u16> = WAITING.into_iter().chain(PERSON).chain([1044, 1045, 1698, 1049, 3159]).collect();
        let told = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), told);
    }
}
