//! Certificates of an authority, as a company's servers have: the name is checked, and each fault says what to do.

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, raw_sql};
use weir::store::{StoreError, connect};

use weir_testkit::stack::certificates::Certificates;
use weir_testkit::stack::mariadb::MariaDb;
use weir_testkit::stack::mysql8::Mysql8;

async fn told(url: &str) -> String {
    match connect(url, "tls", "t").await.err() {
        Some(StoreError::Fatal(why)) => {
            assert!(!why.contains("secret"), "{why}");
            why
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn the_servers_name_is_checked_and_each_fault_of_a_certificate_is_told(server: &Mysql8) {
    let certificates = Certificates::make();
    let mut admin = MySqlConnection::connect(&server.url()).await.unwrap();
    let mut serves = async |name: &str| {
        for sql in [
            format!("SET GLOBAL ssl_ca = '{}'", certificates.path("ca.crt")),
            format!("SET GLOBAL ssl_cert = '{}'", certificates.path(&format!("{name}.crt"))),
            format!("SET GLOBAL ssl_key = '{}'", certificates.path(&format!("{name}.key"))),
            "ALTER INSTANCE RELOAD TLS".to_owned(),
        ] {
            admin.execute(raw_sql(AssertSqlSafe(sql))).await.unwrap();
        }
    };
    let identity = |ca: &str| {
        let parameters = format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={}", certificates.path(ca));
        server.url_of("weir", "secret", &parameters)
    };
    serves("server").await;
    connect(&identity("ca.crt"), "tls", "t").await.unwrap();
    let unknown = told(&identity("foreign.crt")).await;
    assert!(unknown.contains("authority that is not known here") && unknown.contains("ssl-ca"), "{unknown}");
    serves("other").await;
    let name = told(&identity("ca.crt")).await;
    assert!(name.contains("for another name") && name.contains("other.example"), "{name}");
    connect(&identity("ca.crt").replace("VERIFY_IDENTITY", "VERIFY_CA"), "tls", "t").await.unwrap();
    serves("expired").await;
    let expired = told(&identity("ca.crt")).await;
    assert!(expired.contains("has expired") && expired.contains("renew it"), "{expired}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_that_wants_tls_gets_it_and_says_so_to_who_brings_none() {
    let certificates = Certificates::make();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let [ca, cert, key] = [("ca", "ca.crt"), ("cert", "server.crt"), ("key", "server.key")]
        .map(|(name, file)| format!("--ssl-{name}={}", certificates.path(file)));
    let server = MariaDb::start_on(folder, &data, &[&ca, &cert, &key, "--require-secure-transport=ON"]);
    let identity = format!("{}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", server.url(), certificates.path("ca.crt"));
    connect(&identity, "tls", "t").await.unwrap();
    connect(&server.url(), "tls", "t").await.unwrap();
    let plain = told(&format!("{}?ssl-mode=DISABLED", server.url())).await;
    // MariaDB 10.11 says no more than that it refuses the user.
    assert!(plain.contains("refused") && plain.contains("write ssl-mode=REQUIRED"), "{plain}");
}
