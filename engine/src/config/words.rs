//! What an error may show of a configuration. A secret that was written in the wrong place is a value like any other, so no value is
//! quoted, and a name only where it is written as names are, or is close to one that belongs there: then it is a slip of the pen.

/// How close two names are at least, of 1, that one is taken for the other misspelled.
const CLOSE: f64 = 0.6;
/// Length of the longest name that is shown, in bytes.
const SHOWN: usize = 64;
/// Names listed in one message.
const LISTED: usize = 16;
/// Stands for a text that may be a secret.
pub(super) const HIDDEN: &str = "…";

/// The known name that was probably meant, if one is close.
pub(crate) fn meant<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // What is longer than any name costs time by its square, and is close to none.
    let given = if given.len() > SHOWN { return None } else { given.to_lowercase() };
    let closeness = |known: &str| strsim::normalized_damerau_levenshtein(&known.to_lowercase(), &given);
    let best = known.into_iter().max_by(|a, b| closeness(a).total_cmp(&closeness(b)))?;
    (closeness(best) >= CLOSE).then_some(best)
}

/// A name of the user's as it is in a key, `customer` of `lookup.customer`. One that is none may be a value in the wrong
/// place.
pub(super) fn name(name: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=SHOWN).contains(&name.len()) && name.chars().all(plain) { name } else { HIDDEN }
}

/// A key of these names, `window.size`; what is no name is hidden.
pub(super) fn key(names: &[&str]) -> String {
    names.iter().map(|name| field(name)).collect::<Vec<_>>().join(".")
}

/// The name of a field, `amount` or `customer.segment`.
pub(super) fn field(path: &str) -> &str {
    if path.split('.').all(|part| name(part) == part) { path } else { HIDDEN }
}

/// What may be in a place, for a message; not all of it if that is much.
pub(super) fn list<'k>(known: impl IntoIterator<Item = &'k str>) -> String {
    let all: Vec<&str> = known.into_iter().map(field).collect();
    match all.split_at(all.len().min(LISTED)) {
        (first, []) => first.join(", "),
        (first, rest) => format!("{} and {} more", first.join(", "), rest.len()),
    }
}

/// A URL with a user or a password in it.
pub(super) fn holds_a_login(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| rest.split(char::is_whitespace).next().is_some_and(|url| url.contains('@')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_known_and_a_secret_is_like_nothing() {
        assert_eq!(meant("sise", ["size", "late"]), Some("size"));
        assert_eq!(meant("Publsher", ["viewer", "publisher"]), Some("publisher"));
        assert_eq!(meant("hunter2-s3cret-value", ["viewer", "publisher"]), None);
        assert_eq!(meant(&"size".repeat(100), ["size"]), None);
    }

    #[test]
    fn what_is_no_name_is_not_shown() {
        assert_eq!([name("name_dest"), name("redis://:s3cret@h"), name("")], ["name_dest", HIDDEN, HIDDEN]);
        assert_eq!(key(&["lookup", "customer", "url"]), "lookup.customer.url");
        assert_eq!(key(&["lookup", "redis://:s3cret.of.mine@h", "url"]), "lookup.….url");
        assert_eq!((key(&[]).as_str(), field("customer.segment"), field("a b")), ("", "customer.segment", HIDDEN));
        assert_eq!(list(["a", "b c"]), "a, …");
        assert!(holds_a_login("mysql://weir:s3cret@db/weir") && !holds_a_login("http://host/x @ y"));
    }
}
