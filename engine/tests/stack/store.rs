//! The store's contract, on SQLite and on a real MariaDB alike; and the faults that only a server has.

mod catalog;
mod contract;
mod faults;
mod finals;
mod fixture;
mod instances;
mod locks;
mod many;
mod messages;
mod mysql8;
mod older;
mod passing;
mod plans;
mod proxy;
mod repair;
mod retention;
mod rights;
mod size;
mod tls;
mod upgrades;

use contract::all;
use weir::store::{StoreError, connect};
use weir_testkit::stack::mariadb::MariaDb;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    all(&url("weir.db")).await;
    for older in older::SQLITE {
        let url = url(&format!("{}.db", older.commit));
        older.load(&url).await;
        older.goes_on(&url).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_the_contract() {
    let database = MariaDb::start();
    all(&database.url()).await;
    let port = database.port;
    let url = |user: &str, name: &str| format!("mysql://{user}:{user}@127.0.0.1:{port}/{name}");
    rights::the_documented_rights_are_enough(&database.url_of_root(), url).await;
    repair::the_command_takes_the_highest_set_that_is_left(&database.url()).await;
    faults::what_only_reads_leaves_no_transaction_open(&database.url(), &database.url_of_root()).await;
    upgrades::an_older_database_is_brought_up_once(&database.url_of_root(), |name| database.url_with("secret", name))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_or_database_is_told_without_the_password() {
    let database = MariaDb::start();
    for (password, name) in [("hunter2", "weir"), ("secret", "nowhere")] {
        let error = connect(&database.url_with(password, name), "p", "t").await.err().unwrap();
        assert!(matches!(error, StoreError::Fatal(_)), "{error:?}");
        let text = error.to_string();
        assert!(!text.contains(password) && !text.contains('\n'), "{text}");
    }
}
