//! Times as pages show them: to the second where many stand below each other, so that a table has room for what it is about. The
//! whole of such a time is in the `datetime` of its element. All are UTC, which the heading beside them says.

use askama::Template;

use super::number::NOT_KNOWN;

/// A time in a table: `2026-12-01 00:27:14`. A page writes it with `|safe`, for it is an element of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(path = "moment.html")]
pub(super) struct Moment {
    /// RFC 3339; empty: there is none.
    full: String,
    shown: String,
}

impl Moment {
    /// To the second. A text that is no time in RFC 3339 stays as it is.
    pub(super) fn new(rfc3339: &str) -> Self {
        Self::showing(rfc3339, to_the_second(rfc3339))
    }

    /// The same, or that it is not known.
    pub(super) fn known(rfc3339: Option<&str>) -> Self {
        rfc3339.map_or_else(|| Self { full: String::new(), shown: NOT_KNOWN.to_owned() }, Self::new)
    }

    /// With its milliseconds, unless they are 0: of what may begin within a second.
    pub(super) fn exact(rfc3339: &str) -> Self {
        Self::showing(rfc3339, exact(rfc3339))
    }

    fn showing(rfc3339: &str, shown: String) -> Self {
        let full = if shown == rfc3339 { String::new() } else { rfc3339.to_owned() };
        Self { full, shown }
    }
}

/// `2026-01-31 12:03:04`, of a time in RFC 3339, UTC as all of them are; another text stays as it is.
pub(super) fn to_the_second(rfc3339: &str) -> String {
    rfc3339.get(..19).filter(|_| is_utc(rfc3339)).map_or_else(|| rfc3339.to_owned(), |time| time.replacen('T', " ", 1))
}

/// `2026-01-31 12:03:04.500`, and to the second where that is all; another text stays as it is.
pub(super) fn exact(rfc3339: &str) -> String {
    let fraction = rfc3339.get(19..).filter(|_| is_utc(rfc3339)).map(|rest| rest.trim_end_matches('Z'));
    let fraction = fraction.filter(|fraction| fraction.bytes().any(|byte| (b'1'..=b'9').contains(&byte)));
    to_the_second(rfc3339) + fraction.unwrap_or_default()
}

fn is_utc(text: &str) -> bool {
    text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_second_and_the_element_all_of_it() {
        let html = |moment: Moment| moment.render().expect("a time");
        assert_eq!(
            html(Moment::new("2026-01-31T12:03:04.567Z")),
            "<time datetime=\"2026-01-31T12:03:04.567Z\">2026-01-31 12:03:04</time>"
        );
        assert_eq!(html(Moment::known(None)), NOT_KNOWN);
        assert_eq!(html(Moment::new("<the start>")), "&#60;the start&#62;");
    }

    #[test]
    fn what_begins_within_a_second_has_its_milliseconds() {
        let texts =
            ["2026-01-31T12:03:04.500Z", "2026-01-31T12:03:04.000Z", "2026-01-31T12:03:04Z", "Tuesday", "ßßßßßßßßßßßß"];
        let wanted =
            ["2026-01-31 12:03:04.500", "2026-01-31 12:03:04", "2026-01-31 12:03:04", "Tuesday", "ßßßßßßßßßßßß"];
        assert_eq!(texts.map(exact), wanted);
        assert_eq!(to_the_second(texts[0]), "2026-01-31 12:03:04");
    }
}
