//! The keys of the HTTP API and the console: where they listen, and who may do what. Their doc comments are the users' reference, as in
//! the module above.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use secrecy::SecretString;
use serde::Deserialize;

use super::{May, address};

/// `[admin]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Address that the API and the console listen on. Another one than the loopback takes both tokens, or people. Where there
    /// is no token at all, the condition `admin.open` says so. Default: `"127.0.0.1:8080"`.
    #[serde(deserialize_with = "address::read")]
    pub listen: SocketAddr,
    /// Tokens of two roles without a person's name. All tokens differ.
    pub tokens: Tokens,
    /// People, and programs, by the name that the audit has of them: 1 to 48 lower-case letters, digits, `-` or `_`, a letter
    /// first, and not `viewer`, `publisher`, `anonymous`, `directory` or `engine`. SIGHUP reads them again.
    pub people: BTreeMap<String, Person>,
    /// Address under which people open the console, `"https://weir.example.com"`, as a proxy that ends TLS serves it: without
    /// path, query or user. With https a session's cookie goes over TLS only.
    pub public_url: Option<String>,
    /// Names by which callers may ask for the service (`Host`), without a port, beside `localhost`, addresses and that of
    /// `public_url`; others are refused (403). Empty: any name, where a token is asked for. A page of a stranger's whose name
    /// was bound to this address (DNS rebinding) has neither token nor cookie, and without tokens only this machine's names
    /// are taken anyway.
    pub hosts: Vec<String>,
}

/// `[admin.people.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person's token, 16 characters or more, another one than everybody else's.
    pub token: SecretString,
    /// What the person may do, some of `read`, `values` (of sensitive fields, too) and `publish` (change rules): `["read",
    /// "values"]`. Who may `publish` can write a rule whose codes or details tell the value of a field, also of a sensitive
    /// one.
    pub may: Vec<May>,
}

/// Each has 16 characters or more, and they differ. SIGHUP reads them again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// Token that may read, sensitive fields included, 16 characters or more.
    pub viewer: Option<SecretString>,
    /// Token that may also change things, 16 characters or more, another one than the viewer's.
    pub publisher: Option<SecretString>,
}
