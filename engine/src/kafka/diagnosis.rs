//! Why a broker can't be used, for a person: librdkafka says of most TLS faults only that verification failed, and of a listener
//! that speaks TLS that the connection ended. So after a failure the address is tried once more by OpenSSL itself, which knows.
//! Nothing here decides anything but the words of an error, and whether waiting can help.

use std::collections::BTreeMap;

use super::client::Cluster;

/// What is wrong and what to do, and whether it stays so until somebody acts.
#[derive(Debug)]
pub(super) struct Diagnosis {
    pub(super) text: String,
    pub(super) lasts: bool,
}

/// Finds the cause of librdkafka's first complaint about this cluster. Connects to the first broker, for 3 s at most.
pub(super) fn diagnose(cluster: Cluster<'_>, complaint: &str) -> Diagnosis {
    let Cluster { properties, keys, .. } = cluster;
    let at = keys.1;
    let set = |name: &str| properties.get(name).map(String::as_str);
    let protocol = set("security.protocol").unwrap_or("PLAINTEXT").to_ascii_uppercase();
    let lower = complaint.to_ascii_lowercase();
    if lower.contains("unsupported sasl mechanism") || lower.contains("unsupported_sasl_mechanism") {
        let offered =
            complaint.split("supported mechanisms:").nth(1).unwrap_or("see its sasl.enabled.mechanisms").trim();
        return lasting(format!(
            "the broker does not take this sasl.mechanism; it takes {offered}. Correct it in {at}"
        ));
    }
    if lower.contains("sasl authentication error") || lower.contains("authentication failed") {
        let mechanism = set("sasl.mechanism").or(set("sasl.mechanisms")).unwrap_or("GSSAPI");
        return lasting(format!(
            "the broker refused the user or the password ({mechanism}): correct sasl.username and sasl.password in {at}"
        ));
    }
    if lower.contains("certificate required") || lower.contains("alert bad certificate") {
        return lasting(format!(
            "the broker wants a client's certificate that it trusts: set ssl.certificate.location and ssl.key.location, or \
             ssl.keystore.location, in {at}"
        ));
    }
    match asked(cluster, &protocol) {
        Some(text) => lasting(text),
        None => Diagnosis { text: complaint.to_owned(), lasts: false },
    }
}

fn lasting(text: String) -> Diagnosis {
    Diagnosis { text, lasts: true }
}

/// What a handshake with the first broker says; None: nothing that explains the failure.
#[cfg(feature = "tls")]
fn asked(cluster: Cluster<'_>, protocol: &str) -> Option<String> {
    use handshake::{Found, handshake};

    let Cluster { brokers, properties, keys } = cluster;
    let (address, at) = (brokers.split(',').next()?.trim(), keys.1);
    // "SSL://host:9093" is an address to librdkafka too.
    let address = address.rsplit_once("://").map_or(address, |(_, address)| address);
    match (handshake(address, properties)?, protocol.ends_with("SSL")) {
        (Found::NoTls, true) => Some(format!(
            "{address} does not speak TLS, and security.protocol is {protocol}: name the broker's TLS listener in {}, or correct \
             security.protocol in {at}",
            keys.0
        )),
        (Found::NoTls, false) => None,
        (_, false) => Some(format!(
            "{address} speaks TLS, and security.protocol is {protocol}: set it to SSL, or to SASL_SSL where users log in, in {at}"
        )),
        (Found::Trusted, true) => None,
        (Found::Expired(when), true) => {
            Some(format!("the certificate of {address} is out of date (it ended {when}): renew it on the broker"))
        }
        (Found::NotYet(when), true) => Some(format!(
            "the certificate of {address} holds only from {when}: set this machine's clock, or renew the certificate"
        )),
        (Found::OtherName(names), true) => Some(format!(
            "the certificate of {address} is for {names}: use that name in {}, or give the broker a certificate for this one",
            keys.0
        )),
        (Found::Untrusted { issuer, why }, true) => Some(format!(
            "the certificate of {address} is signed by {issuer}, which {} does not hold ({why}): set ssl.ca.location in {at} to \
             the authority's certificate",
            properties.get("ssl.ca.location").map_or("this system's list of authorities", String::as_str),
        )),
    }
}

#[cfg(not(feature = "tls"))]
fn asked(_: Cluster<'_>, _: &str) -> Option<String> {
    None
}

#[cfg(feature = "tls")]
mod handshake {
    use std::net::{TcpStream, ToSocketAddrs};
    use std::time::Duration;

    use openssl::nid::Nid;
    use openssl::ssl::{HandshakeError, SslConnector, SslMethod, SslVerifyMode};
    use openssl::x509::{X509, X509Ref, X509VerifyResult};

    use super::BTreeMap;

    /// How long connecting, and each read and write after it, may take.
    const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);
    /// OpenSSL's numbers of what a verification may end with.
    const NOT_YET: i32 = 9;
    const EXPIRED: i32 = 10;
    const OTHER_NAME: [i32; 2] = [62, 64];

    /// What is at an address.
    pub(super) enum Found {
        NoTls,
        Trusted,
        Expired(String),
        NotYet(String),
        OtherName(String),
        Untrusted { issuer: String, why: String },
    }

    /// None: nobody answers there, or the handshake broke off for a reason of its own.
    pub(super) fn handshake(address: &str, properties: &BTreeMap<String, String>) -> Option<Found> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let socket = address.to_socket_addrs().ok()?.next()?;
        let stream = TcpStream::connect_timeout(&socket, HANDSHAKE_TIMEOUT).ok()?;
        stream.set_read_timeout(Some(HANDSHAKE_TIMEOUT)).ok()?;
        stream.set_write_timeout(Some(HANDSHAKE_TIMEOUT)).ok()?;
        let mut connector = SslConnector::builder(SslMethod::tls_client()).ok()?;
        if let Some(path) = properties.get("ssl.ca.location") {
            connector.set_ca_file(path).ok()?;
        }
        if let Some(pem) = properties.get("ssl.ca.pem") {
            let store = connector.cert_store_mut();
            X509::stack_from_pem(pem.as_bytes()).ok()?.into_iter().for_each(|ca| drop(store.add_cert(ca)));
        }
        let named = properties.get("ssl.endpoint.identification.algorithm").is_none_or(|how| how != "none");
        // Whatever is found is kept for `verify_result`: a handshake that breaks off keeps no certificate to tell of.
        connector.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        match connector.build().configure().ok()?.verify_hostname(named).connect(host, stream) {
            Ok(stream) => {
                let (verified, certificate) = (stream.ssl().verify_result(), stream.ssl().peer_certificate()?);
                Some(if verified == X509VerifyResult::OK { Found::Trusted } else { refused(&certificate, verified) })
            }
            Err(HandshakeError::Failure(broken)) => no_tls(&broken.error().to_string()),
            Err(_) => None,
        }
    }

    /// Something answered, and not in TLS; or it hung up.
    fn no_tls(error: &str) -> Option<Found> {
        let told = ["wrong version number", "unexpected eof", "unexpected EOF", "packet length", "record layer"];
        told.iter().any(|part| error.contains(part)).then_some(Found::NoTls)
    }

    fn refused(certificate: &X509Ref, verified: X509VerifyResult) -> Found {
        match verified.as_raw() {
            EXPIRED => Found::Expired(certificate.not_after().to_string()),
            NOT_YET => Found::NotYet(certificate.not_before().to_string()),
            code if OTHER_NAME.contains(&code) => Found::OtherName(names(certificate)),
            _ => Found::Untrusted { issuer: issuer(certificate), why: verified.error_string().to_owned() },
        }
    }

    fn names(certificate: &X509Ref) -> String {
        let names = certificate.subject_alt_names().into_iter().flatten();
        let names = names.filter_map(|name| name.dnsname().map(str::to_owned).or_else(|| name.ipaddress().map(ip)));
        let names: Vec<_> = names.collect();
        if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") }
    }

    fn ip(bytes: &[u8]) -> String {
        match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
            (Ok(four), _) => std::net::Ipv4Addr::from(four).to_string(),
            (_, Ok(sixteen)) => std::net::Ipv6Addr::from(sixteen).to_string(),
            _ => "an address that is none".to_owned(),
        }
    }

    fn issuer(certificate: &X509Ref) -> String {
        let name = certificate.issuer_name().entries_by_nid(Nid::COMMONNAME).next();
        name.and_then(|name| name.data().to_string().ok())
            .map_or("an authority without a name".to_owned(), |name| format!("{name:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosed(brokers: &str, properties: &[(&str, &str)], complaint: &str) -> Diagnosis {
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        diagnose(Cluster { brokers, properties: &properties, keys: ("--brokers", "-X") }, complaint)
    }

    #[test]
    fn a_mechanism_that_the_broker_does_not_take_is_told_with_those_that_it_takes() {
        let complaint = "SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: \
                         SCRAM-SHA-256,SCRAM-SHA-512";
        let told = diagnosed("127.0.0.1:1", &[("sasl.mechanism", "PLAIN")], complaint);
        let wanted =
            "the broker does not take this sasl.mechanism; it takes SCRAM-SHA-256,SCRAM-SHA-512. Correct it in -X";
        assert_eq!((told.text.as_str(), told.lasts), (wanted, true));
        let told = diagnosed("127.0.0.1:1", &[], "connect to 127.0.0.1:1 failed: Connection refused");
        assert!(!told.lasts && told.text.contains("Connection refused"), "{told:?}");
    }

    /// As where the clock of this machine is behind.
    #[cfg(feature = "tls")]
    #[test]
    fn a_certificate_that_does_not_hold_yet_is_told_with_the_day_from_which_it_does() {
        use openssl::asn1::Asn1Time;
        use openssl::hash::MessageDigest;
        use openssl::pkey::PKey;
        use openssl::rsa::Rsa;
        use openssl::ssl::{SslAcceptor, SslMethod};
        use openssl::x509::{X509, X509Name};

        let key = PKey::from_rsa(Rsa::generate(2_048).expect("a key")).expect("a key");
        let mut name = X509Name::builder().expect("a name");
        name.append_entry_by_text("CN", "tomorrow").expect("a name");
        let name = name.build();
        let mut certificate = X509::builder().expect("a certificate");
        certificate.set_version(2).expect("a version");
        certificate.set_subject_name(&name).expect("a subject");
        certificate.set_issuer_name(&name).expect("an issuer");
        certificate.set_pubkey(&key).expect("a key");
        certificate.set_not_before(&Asn1Time::days_from_now(1).expect("a time")).expect("a time");
        certificate.set_not_after(&Asn1Time::days_from_now(2).expect("a time")).expect("a time");
        certificate.sign(&key, MessageDigest::sha256()).expect("a signature");
        let certificate = certificate.build();

        let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).expect("an acceptor");
        acceptor.set_private_key(&key).expect("a key");
        acceptor.set_certificate(&certificate).expect("a certificate");
        let (acceptor, listener) = (acceptor.build(), std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
        let address = listener.local_addr().expect("an address").to_string();
        let broker = std::thread::spawn(move || drop(acceptor.accept(listener.accept().expect("a client").0)));
        let pem = String::from_utf8(certificate.to_pem().expect("a text")).expect("a text");
        let properties = [
            ("security.protocol", "SSL"),
            ("ssl.ca.pem", pem.as_str()),
            ("ssl.endpoint.identification.algorithm", "none"),
        ];
        let told = diagnosed(&address, &properties, "SSL handshake failed");
        broker.join().expect("no panic");
        let wanted = format!("the certificate of {address} holds only from ");
        assert!(
            told.lasts && told.text.starts_with(&wanted) && told.text.contains("set this machine's clock"),
            "{told:?}"
        );
    }
}
