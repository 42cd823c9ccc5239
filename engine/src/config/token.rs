//! What a token of the admin API has to be: long enough that nobody guesses it, and of characters that a header carries.
//! No message shows a token.

/// Characters of a token, at least. `weir token new` makes 32, which are 190 random bits.
const LEAST: usize = 16;
/// What every message about a token ends with.
const NEW: &str = "`weir token new` prints one";

/// Why this can't be a token; None: it can.
pub fn problem(token: &str) -> Option<String> {
    let length = token.chars().count();
    if token.trim().is_empty() {
        return Some(format!("is empty; {NEW}"));
    }
    if !token.chars().all(|c| c.is_ascii_graphic()) {
        return Some(format!(
            "holds a blank, a line's end or another character that no header carries (a file or a variable may have one at \
             its end); {NEW}"
        ));
    }
    (length < LEAST).then(|| format!("has {length} characters and should have {LEAST} or more; {NEW}"))
}

/// Why a token can't be used that is that of `key`, too.
pub fn same(key: &str) -> String {
    format!("is that of {key} too, so nobody could tell the two apart; give each its own: {NEW}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_could_be_guessed_or_not_be_sent_is_refused_without_being_shown() {
        let long = "k3".repeat(8);
        for (token, told) in [
            ("", "is empty"),
            ("  ", "is empty"),
            ("hunter2", "has 7 characters and should have 16 or more"),
            ("fifteen-chars-1", "has 15 characters"),
            ("sixteen-chars-1\n", "a line's end"),
            ("sixteen chars-12", "a blank"),
            ("sechzehn-Zeichen-ä", "no header carries"),
        ] {
            let why = problem(token).expect(token);
            assert!(why.contains(told) && why.contains("`weir token new`"), "{token:?}: {why}");
            assert!(token.trim().is_empty() || !why.contains(token.trim()), "{why}");
        }
        assert_eq!(problem(&long), None);
        assert!(same("admin.tokens.viewer").starts_with("is that of admin.tokens.viewer too"));
    }
}
