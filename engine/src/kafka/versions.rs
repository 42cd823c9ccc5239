//! Which libraries of C this binary runs with, as they say it themselves.

/// `2.12.1`
pub fn librdkafka_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}

/// `OpenSSL 3.0.17 1 Jul 2025`
#[cfg(feature = "tls")]
pub fn openssl_version() -> String {
    openssl::version::version().to_owned()
}

#[cfg(not(feature = "tls"))]
pub fn openssl_version() -> String {
    "none".to_owned()
}
