//! Codes of alerts, which stand in the message's value.

use std::collections::BTreeMap;

use rdkafka::message::{BorrowedMessage, Message};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What of an alert or a summary is looked at.
#[derive(Deserialize)]
struct Codes<'m> {
    #[serde(borrow, default)]
    hits: Vec<Hit<'m>>,
    #[serde(borrow, default)]
    codes: BTreeMap<&'m str, IgnoredAny>,
}

#[derive(Deserialize)]
struct Hit<'m> {
    code: &'m str,
}

/// Whether a hit of the alert, or of what its summary counts, has this code.
pub(super) fn has_code(message: &BorrowedMessage<'_>, code: &str) -> bool {
    message.payload().is_some_and(|value| is_in(value, code))
}

fn is_in(value: &[u8], code: &str) -> bool {
    let Ok(found) = serde_json::from_slice::<Codes<'_>>(value) else { return false };
    found.hits.iter().any(|hit| hit.code == code) || found.codes.contains_key(code)
}

#[cfg(test)]
mod tests {
    use super::is_in;

    #[test]
    fn the_code_of_a_hit_counts_and_no_text_that_looks_like_one() {
        let alert = br#"{"kind":"alert","hits":[{"rule":"r","code":"A","detail":"\"code\":\"C\""},{"code":"B"}],"fields":{"code":"D"}}"#;
        let found = ["A", "B", "C", "D"].map(|code| is_in(alert, code));
        assert_eq!(found, [true, true, false, false]);
        let summary = br#"{"kind":"not_sent","records":3,"codes":{"A":2}}"#;
        assert_eq!(["A", "B"].map(|code| is_in(summary, code)), [true, false]);
        assert!(!is_in(b"{", "A") && !is_in(b"[]", "A"), "a stranger's message");
    }
}
