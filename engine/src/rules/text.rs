//! Texts that a module chose, or chose parts of, cut to what logs, answers and audits may hold.

/// Characters that [`shorten`] leaves.
const TEXT: usize = 1_000;
/// Bytes that [`reason`] leaves: a trap's text may hold a backtrace.
const REASON: usize = 1_000;

/// One line of at most 1,000 characters, without what would draw on a terminal.
pub(super) fn shorten(text: &str) -> String {
    shorten_to(text, TEXT)
}

/// One line of at most `most` characters, without what would draw on a terminal; `…` ends one that was cut.
pub(super) fn shorten_to(text: &str, most: usize) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).map(clean).chain(['…']).collect(),
        None => text.chars().map(clean).collect(),
    }
}

/// The beginning of a message, at most 1,000 bytes: why a rule is suspended, for the set and the audit.
pub(super) fn reason(message: &str) -> &str {
    &message[..message.floor_char_boundary(REASON)]
}
