//! A record's text in the form where it can be edited: as it is, where nothing in it acts.

use std::fmt;

use askama::filters::{Escaper, Html};

use crate::model::shown::acts;

/// A text that is put into the form as it is.
pub(super) struct Editable(String);

impl Editable {
    /// None: characters in it would act on whoever looks at it. Line ends and tabs lay JSON out.
    pub(super) fn of(text: &str) -> Option<Self> {
        let is_plain = text.chars().all(|c| !acts(c) || matches!(c, '\n' | '\r' | '\t'));
        is_plain.then(|| Self(text.to_owned()))
    }
}

/// Escaped: the template adds nothing to it.
impl fmt::Display for Editable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Html.write_escaped_str(f, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_goes_into_the_form_as_it_is_and_as_no_markup() {
        let text = |text: &str| Editable::of(text).map(|text| text.to_string());
        let json = "{\n\t\"a\": \"</textarea><b>\"\r\n}";
        let shown = "{\n\t&#34;a&#34;: &#34;&#60;/textarea&#62;&#60;b&#62;&#34;\r\n}";
        assert_eq!(text(json).as_deref(), Some(shown));
        assert_eq!(["\u{202e}", "\u{0}", "a\u{1b}[2J"].map(text), [None, None, None]);
    }
}
