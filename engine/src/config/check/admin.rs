//! `[admin]`: who may reach the API, by which token, and as whom.

use secrecy::ExposeSecret;

use super::Found;
use crate::config::error::Problem;
use crate::config::{Admin, May, Person, token, words};

/// Names that the audit has for others than people.
const TAKEN: [&str; 5] = ["viewer", "publisher", "anonymous", "directory", "engine"];
/// Characters of a person's name at most.
const NAME: usize = 48;

impl Found {
    pub(super) fn admin(&mut self, admin: &Admin) {
        self.problems.extend(tokens(admin));
        self.problems.extend(admin.people.iter().flat_map(|(name, person)| of_person(name, person)));
        self.problems.extend(places(admin));
    }
}

fn problem(key: impl Into<String>, why: impl Into<String>) -> Problem {
    Problem { key: key.into(), why: why.into() }
}

/// Each is one, and none is another's: by it alone a caller is told from others.
fn tokens(admin: &Admin) -> Vec<Problem> {
    let of_roles = [("admin.tokens.viewer", &admin.tokens.viewer), ("admin.tokens.publisher", &admin.tokens.publisher)];
    let of_roles = of_roles.into_iter().filter_map(|(key, token)| Some((key.to_owned(), token.as_ref()?)));
    let of_people = admin.people.iter().map(|(name, person)| (person_key(name, "token"), &person.token));
    let all: Vec<(String, &str)> = of_roles.chain(of_people).map(|(key, token)| (key, token.expose_secret())).collect();
    let mut found = Vec::new();
    for (at, (key, token)) in all.iter().enumerate() {
        found.extend(token::problem(token).map(|why| problem(key, why)));
        let earlier = all[..at].iter().find(|(_, other)| other == token);
        found.extend(earlier.map(|(other, _)| problem(key, token::same(other))));
    }
    found
}

fn of_person(name: &str, person: &Person) -> Vec<Problem> {
    let mut found = Vec::new();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let good = (1..=NAME).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    let key = format!("admin.people.{}", words::name(name));
    if !good {
        let why = format!("should be 1 to {NAME} lower-case letters, digits, '-' or '_', and begin with a letter");
        found.push(problem(&key, why));
    }
    if TAKEN.contains(&name) {
        let why = format!("is what the audit calls somebody else; take another name than {}", TAKEN.join(", "));
        found.push(problem(&key, why));
    }
    let may = person_key(name, "may");
    let words = May::ALL.map(|may| format!("{:?}", may.word())).join(", ");
    if person.may.is_empty() {
        found.push(problem(&may, format!("is empty; write some of [{words}]")));
    }
    if person.may.contains(&May::Values) && !person.may.contains(&May::Read) {
        found.push(problem(&may, "has \"values\" without \"read\", which shows nothing; write [\"read\", \"values\"]"));
    }
    found
}

fn places(admin: &Admin) -> Vec<Problem> {
    let mut found = Vec::new();
    let both = admin.tokens.viewer.is_some() && admin.tokens.publisher.is_some();
    if !(both || !admin.people.is_empty() || admin.listen.ip().is_loopback()) {
        let why = format!(
            "{} is open to other machines: set both admin.tokens, or people in [admin.people], or listen on 127.0.0.1",
            admin.listen
        );
        found.push(problem("admin.listen", why));
    }
    if admin.public_url.as_deref().is_some_and(|url| !is_origin(url)) {
        let why = "should be what people type, without path or user, as \"https://weir.example.com\"";
        found.push(problem("admin.public_url", why));
    }
    if !admin.hosts.iter().all(|host| is_host(host)) {
        let why = "should be names without a port, in lower case, as \"weir.example.com\"";
        found.push(problem("admin.hosts", why));
    }
    found
}

/// `https://host` or `https://host:port`.
fn is_origin(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else { return false };
    match rest.rsplit_once(':') {
        Some((host, port)) => is_host(host) && port.parse::<u16>().is_ok(),
        None => is_host(rest),
    }
}

fn is_host(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    (1..=253).contains(&host.len()) && host.chars().all(plain)
}

fn person_key(name: &str, key: &str) -> String {
    format!("admin.people.{}.{key}", words::name(name))
}
