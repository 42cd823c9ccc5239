//! Texts of strangers on a page: a record's content, a module's word, an error of a driver. They are data, whatever they hold:
//! markup in them is escaped, and what acts where it is shown (control characters, those that turn the direction of text) is
//! written as its escape, as the CLI does. `askama.toml` puts every text of every template through it.

use std::fmt;

use askama::filters::{Escaper, Html};

use crate::model::shown::acts;

/// The escaper of all templates.
#[derive(Clone, Copy, Debug)]
pub(in crate::admin) struct Shown;

impl Escaper for Shown {
    fn write_escaped_str<W: fmt::Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| acts(*c)) {
            Html.write_escaped_str(&mut dest, &rest[..at])?;
            write!(dest, "{}", c.escape_default())?;
            rest = &rest[at + c.len_utf8()..];
        }
        Html.write_escaped_str(dest, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        Shown.write_escaped_str(&mut out, text).expect("a String takes everything");
        out
    }

    #[test]
    fn a_text_is_data_whatever_it_holds() {
        for (text, wanted) in [
            ("Grüße 漢字", "Grüße 漢字"),
            ("<script>alert(1)</script>", "&#60;script&#62;alert(1)&#60;/script&#62;"),
            ("\" onload='x' &amp;", "&#34; onload=&#39;x&#39; &#38;amp;"),
            ("1\u{202e}2\u{2066}3", "1\\u{202e}2\\u{2066}3"),
            ("a\u{0}b\nc\u{1b}[2J\u{9b}", "a\\u{0}b\\nc\\u{1b}[2J\\u{9b}"),
            ("\u{202e}<b>", "\\u{202e}&#60;b&#62;"),
            ("", ""),
        ] {
            assert_eq!(shown(text), wanted, "{text:?}");
        }
    }
}
