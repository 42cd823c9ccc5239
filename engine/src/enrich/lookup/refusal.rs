//! Why Redis gave no answer: which of its errors waiting does not fix, and what a person has to do about each.

use crate::certificate::Fault;

/// Why Redis gave no answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// It may come back by itself.
    Away(String),
    /// Nothing came in time: it is away, or what was asked is more than the time carries.
    TimedOut,
    /// Waiting does not fix it: what is wrong, and what to do.
    Refused(String),
}

/// What Redis, or the way to it, said.
pub(super) struct Said<'a> {
    /// `MOVED`, `NOPERM`: of an answer of Redis'.
    pub code: Option<&'a str>,
    /// What Redis said.
    pub text: &'a str,
    /// Whether it closed the connection without an answer.
    pub closed: bool,
    /// The connection is made with TLS.
    pub tls: bool,
}

/// What it means. `pattern`: of the keys that are asked for.
pub(super) fn of(lookup: &str, pattern: &str, said: &Said<'_>) -> Failed {
    let text = said.text;
    let url = format!("lookup.{lookup}.url");
    if let Some(fault) = Fault::of(text) {
        return Failed::Refused(certificate(lookup, fault, text));
    }
    match said.code {
        Some("MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT") => Failed::Refused(cluster(lookup, text)),
        Some("NOAUTH") => Failed::Refused(format!(
            "Redis asks for a password, and {url} holds none ({text}): write redis://USER:PASSWORD@HOST:PORT"
        )),
        Some("WRONGPASS") => Failed::Refused(format!(
            "Redis refuses the user or the password of {url} ({text}): correct it, or ACL SETUSER on Redis"
        )),
        Some("NOPERM") => Failed::Refused(format!(
            "the user of {url} may not read the hashes ({text}): ACL SETUSER USER +hmget ~{pattern}"
        )),
        Some("ERR") if text.contains("without any password") => Failed::Refused(format!(
            "{url} holds a password, and Redis has none for this user ({text}): take it out of {url}"
        )),
        Some("ERR") if text.contains("switch database") || text.contains("DB index") => Failed::Refused(format!(
            "Redis has no database of the number in {url} ({text}): correct the number behind the last /"
        )),
        None if said.closed && !said.tls => Failed::Away(format!(
            "{text}: the connection was closed without an answer. If that lasts: a Redis that speaks TLS wants rediss:// in \
             {url}, one in protected mode a password or a bind"
        )),
        _ => Failed::Away(text.to_owned()),
    }
}

/// What to say of a Redis Cluster, which is not supported: Weir asks one server for all keys.
pub(super) fn cluster(lookup: &str, said: &str) -> String {
    format!(
        "this Redis is a node of a Redis Cluster, which is not supported: its keys stand on several nodes ({said}). Name one \
         Redis that holds every key in lookup.{lookup}.url"
    )
}

fn certificate(lookup: &str, fault: Fault, text: &str) -> String {
    let cause = fault.cause();
    let hint = match fault {
        Fault::UnknownAuthority => format!("name the authority's certificate (PEM) as lookup.{lookup}.ca"),
        Fault::OtherName => format!("write the name that the certificate has in lookup.{lookup}.url"),
        Fault::Expired => "renew it on the server".to_owned(),
        Fault::NotYet => "set the clock right, or give the server another one".to_owned(),
        Fault::Invalid => format!("look at the server's certificate and at lookup.{lookup}.ca"),
        Fault::NoTls => {
            return format!("Redis {cause} ({text}): write redis:// in lookup.{lookup}.url, or its TLS port");
        }
    };
    format!("the certificate of Redis {cause} ({text}): {hint}")
}

/// `customer:{name_orig}` as an ACL names it: `customer:*`.
pub(super) fn pattern(template: &str) -> String {
    with_fields(template, "*")
}

/// A key as the template makes them, of no record: an ACL that allows the records' keys allows it.
pub(super) fn sample(template: &str) -> String {
    with_fields(template, "-")
}

fn with_fields(template: &str, field: &str) -> String {
    let mut whole = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        whole.push_str(before);
        whole.push_str(field);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    whole + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: Option<&str>, text: &str) -> Failed {
        of("customer", "customer:*", &Said { code, text, closed: false, tls: false })
    }

    #[test]
    fn what_waiting_does_not_fix_says_what_to_do_and_the_rest_is_away() {
        for (code, text, told) in [
            (Some("MOVED"), "Moved: 12 10.0.0.1:6379", "a node of a Redis Cluster"),
            (Some("CLUSTERDOWN"), "ClusterDown: Hash slot not served", "a node of a Redis Cluster"),
            (Some("NOAUTH"), "Authentication required.", "holds none"),
            (Some("WRONGPASS"), "invalid username-password pair", "refuses the user or the password"),
            (Some("NOPERM"), "no permissions to access a key", "ACL SETUSER USER +hmget ~customer:*"),
            (Some("ERR"), "called without any password configured", "take it out of"),
            (Some("ERR"), "DB index is out of range", "behind the last /"),
            (None, "invalid peer certificate: UnknownIssuer", "lookup.customer.ca"),
            (None, "received corrupt message of type InvalidContentType", "redis:// in lookup.customer.url"),
        ] {
            match said(code, text) {
                Failed::Refused(why) => assert!(why.contains(told) && why.contains(text), "{text}: {why}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        for (code, text) in [
            (Some("LOADING"), "loading the dataset"),
            (Some("ERR"), "max number of clients reached"),
            (None, "refused"),
        ] {
            assert!(matches!(said(code, text), Failed::Away(why) if why == text), "{text}");
        }
    }

    #[test]
    fn a_template_gives_a_pattern_and_a_key_of_no_record() {
        assert_eq!(pattern("customer:{name_orig}:{type}!"), "customer:*:*!");
        assert_eq!(sample("customer:{name_orig}"), "customer:-");
    }
}
