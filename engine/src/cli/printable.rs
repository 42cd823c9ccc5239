//! Text of strangers for a terminal: a record's content, or a module's word, must not move the cursor, set colors or
//! turn the direction of what is beside it.

use crate::model::shown::acts;

/// One line in which every character that a terminal acts on is written as its escape (`\n`, `\u{1b}`).
pub(super) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { clean.extend(c.escape_default()) } else { clean.push(c) }
    }
    clean
}

/// The same of a JSON text, which stays the same JSON: JSON itself escapes only what is below U+0020.
pub(super) fn printable_json(json: &str) -> String {
    let mut clean = String::with_capacity(json.len());
    for c in json.chars() {
        if acts(c) { clean.push_str(&format!("\\u{:04x}", u32::from(c))) } else { clean.push(c) }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped_and_the_rest_stays() {
        assert_eq!(printable("Grüße 漢字 {\"a\": 1}"), "Grüße 漢字 {\"a\": 1}");
        assert_eq!(printable("\u{1b}[2Jgone\r\n\u{9b}31m\u{7f}"), "\\u{1b}[2Jgone\\r\\n\\u{9b}31m\\u{7f}");
        assert_eq!(printable("1\u{202e}2"), "1\\u{202e}2");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "value": "\u{1b}[2J\u{9b}31m\u{202e}ü" });
        let text = printable_json(&value.to_string());
        assert!(!text.chars().any(acts), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
