//! The same on a real MySQL 8: the contract, its way to log in, TLS as `sink.url` asks for it. One server for all of it.

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, raw_sql};
use weir::store::{StoreError, connect};

use crate::store::{contract, many, rights, tls, upgrades};
use weir_testkit::stack::mysql8::Mysql8;

/// Not remembered by the server: it has to be sent whole once, and without TLS it is encrypted with the server's key.
async fn a_password_that_the_server_has_not_cached_gets_in_without_tls(server: &Mysql8) {
    let mut admin = MySqlConnection::connect(&server.url()).await.unwrap();
    for sql in [
        "CREATE USER cold@'%' IDENTIFIED WITH caching_sha2_password BY 'never told'",
        "GRANT ALL ON weir.* TO cold@'%'",
        "FLUSH PRIVILEGES",
    ] {
        admin.execute(raw_sql(sql)).await.unwrap();
    }
    connect(&server.url_of("cold", "never%20told", "ssl-mode=DISABLED"), "cold", "t").await.unwrap();
}

async fn tls_is_as_the_url_asks_and_what_is_wrong_with_it_is_told_at_the_start(server: &Mysql8) {
    let told = |parameters: String| async move {
        match connect(&server.url_of("weir", "secret", &parameters), "tls", "t").await {
            Err(StoreError::Fatal(why)) => {
                assert!(!why.contains("secret"), "{why}");
                why
            }
            Err(other) => panic!("{parameters}: {other:?}"),
            Ok(_) => panic!("{parameters}: connected"),
        }
    };
    let ca = server.ca();
    let ca = ca.display();
    connect(&server.url_of("weir", "secret", "ssl-mode=REQUIRED"), "tls", "t").await.unwrap();
    let verified = format!("ssl-mode=VERIFY_CA&ssl-ca={ca}");
    connect(&server.url_of("weir", "secret", &verified), "tls", "t").await.unwrap();
    let unknown = told("ssl-mode=VERIFY_CA".into()).await;
    assert!(unknown.contains("authority that is not known here") && unknown.contains("ssl-ca"), "{unknown}");
    let nowhere = told("ssl-mode=VERIFY_CA&ssl-ca=/nowhere.pem".into()).await;
    assert!(nowhere.contains("\"/nowhere.pem\" can't be read"), "{nowhere}");
    let misspelled = told("sslMode=VERIFY_CA".into()).await;
    assert!(misspelled.contains("did you mean \"ssl-mode\"?"), "{misspelled}");

    let mut admin = MySqlConnection::connect(&server.url()).await.unwrap();
    admin.execute(raw_sql("SET GLOBAL require_secure_transport = ON")).await.unwrap();
    let plain = told("ssl-mode=DISABLED".into()).await;
    assert!(plain.contains("without TLS") && plain.contains("ssl-mode=REQUIRED"), "{plain}");
    connect(&server.url(), "tls", "t").await.unwrap();
    admin.execute(raw_sql("SET GLOBAL require_secure_transport = OFF")).await.unwrap();
}

pub(crate) async fn a_packet_that_is_too_small_for_a_letter_is_refused_with_both_figures(url: &str) {
    let mut admin = MySqlConnection::connect(url).await.unwrap();
    let before: i64 =
        sqlx::query_scalar("SELECT CAST(@@max_allowed_packet AS SIGNED)").fetch_one(&mut admin).await.unwrap();
    admin.execute(raw_sql("SET GLOBAL max_allowed_packet = 4194304")).await.unwrap();
    match connect(url, "packet", "t").await.err() {
        Some(StoreError::Fatal(why)) => assert!(why.contains("4194304") && why.contains("16777216"), "{why}"),
        other => panic!("{other:?}"),
    }
    let back = format!("SET GLOBAL max_allowed_packet = {before}");
    admin.execute(raw_sql(AssertSqlSafe(back))).await.unwrap();
    connect(url, "packet", "t").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_8_keeps_the_contract_logs_in_and_speaks_tls_as_the_url_asks() {
    let server = Mysql8::start();
    contract::all(&server.url()).await;
    a_password_that_the_server_has_not_cached_gets_in_without_tls(&server).await;
    tls_is_as_the_url_asks_and_what_is_wrong_with_it_is_told_at_the_start(&server).await;
    a_packet_that_is_too_small_for_a_letter_is_refused_with_both_figures(&server.url()).await;
    let url = |user: &str, name: &str| server.url_of(user, user, "").replace("/weir?", &format!("/{name}?"));
    rights::the_documented_rights_are_enough(&server.url(), url).await;
    upgrades::an_older_database_is_brought_up_once(&server.url(), |name| {
        server.url_of("weir", "secret", "").replace("/weir?", &format!("/{name}?"))
    })
    .await;
    many::a_look_costs_what_it_shows(&server.url()).await;
    // Last: the server's own certificates are gone then.
    tls::the_servers_name_is_checked_and_each_fault_of_a_certificate_is_told(&server).await;
}
