//! Texts of strangers: which of their characters do something where they are shown.

/// Control characters, C1 among them, line and paragraph separators, and those that turn the direction of text.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
