//! `rediss://` on a real Redis with TLS: whose certificate is trusted, for which name, and what each fault says.

use std::path::Path;
use std::process::Command;

use super::*;

struct Certificates(tempfile::TempDir);

impl Certificates {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stack/certificates");
        assert!(Command::new(script).arg(folder.path()).status().unwrap().success());
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A Redis with this certificate on a TLS port, which it returns.
    fn serve(&self, name: &str) -> (Server, u16) {
        let port = free_port();
        let [crt, key, ca] =
            [format!("{name}.crt"), format!("{name}.key"), "ca.crt".into()].map(|file| self.path(&file));
        let settings = ["--tls-port", &port.to_string(), "--tls-cert-file", &crt, "--tls-key-file", &key];
        let settings = [&settings[..], &["--tls-ca-cert-file", &ca, "--tls-auth-clients", "no"]].concat();
        (Server::with(free_port(), &settings), port)
    }
}

#[tokio::test]
async fn a_lookup_over_tls_trusts_its_authority_and_checks_the_name_and_each_fault_says_what_to_do() {
    let certificates = Certificates::make();
    let more = |ca: &str| format!("timeout = \"2s\"\nca = \"{}\"", certificates.path(ca));
    let at = |port: u16| format!("rediss://127.0.0.1:{port}");
    let told = async |url: String, more: String| match check(&table(&url, &more)).await {
        Err(LookupError::Refused { why, .. }) => why,
        other => panic!("{url}: {other:?}"),
    };

    let (redis, port) = certificates.serve("server");
    redis.run(&["HSET", "c:ann", "segment", "gold"]);
    for host in ["127.0.0.1", "localhost"] {
        let given = table(&format!("rediss://{host}:{port}"), &more("ca.crt"));
        check(&given).await.unwrap();
        let mut rows = batch(&[Some("ann")]);
        look_up(&mut Lookups::new(&given, schema()).unwrap(), &mut rows, Instant::now()).await.unwrap();
        assert_eq!(segments(&rows), [Some("gold")]);
    }
    for more in [more("foreign.crt"), "timeout = \"2s\"".to_owned()] {
        let unknown = told(at(port), more).await;
        assert!(unknown.contains("authority that is not known") && unknown.contains("lookup.customer.ca"), "{unknown}");
    }
    // A Redis without TLS waits for the end of a line, which a greeting of TLS need not hold; one with it closes the connection.
    for (url, more, hint) in [
        (at(redis.port), more("ca.crt"), "with redis://"),
        (format!("redis://127.0.0.1:{port}"), "timeout = \"2s\"".to_owned(), "rediss://"),
    ] {
        let mut lookups = Lookups::new(&table(&url, &more.replace("2s", "500ms")), schema()).unwrap();
        let why = look_up(&mut lookups, &mut batch(&[Some("ann")]), Instant::now()).await.unwrap_err().to_string();
        assert!(why.contains(hint) || why.contains("write redis://"), "{url}: {why}");
    }

    let (_other, port) = certificates.serve("other");
    let name = told(at(port), more("ca.crt")).await;
    assert!(name.contains("another name") && name.contains("other.example"), "{name}");
    let (_expired, port) = certificates.serve("expired");
    let expired = told(at(port), more("ca.crt")).await;
    assert!(expired.contains("has expired") && expired.contains("renew it"), "{expired}");

    let made = |url: &str, more: &str| Lookups::new(&table(url, more), schema()).err().unwrap().to_string();
    let nowhere = made("rediss://h", "ca = \"/nowhere.pem\"");
    assert!(nowhere.contains("ca: /nowhere.pem can't be read"), "{nowhere}");
    let no_pem = made("rediss://h", &format!("ca = \"{}\"", certificates.path("ca.cnf")));
    assert!(no_pem.contains("holds no certificate in PEM"), "{no_pem}");
    let plain = made("redis://h", &more("ca.crt"));
    assert!(plain.contains("write rediss://"), "{plain}");
    let unchecked = made("rediss://h/#insecure", "");
    assert!(unchecked.contains("a certificate is always checked"), "{unchecked}");
}
