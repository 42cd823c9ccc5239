//! What a rule may be called: its name is a package, a crate, a function and a type all at once.

/// Keywords of Rust 2024, those that it keeps for later included.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false \
                        final fn for gen if impl in let loop macro match mod move mut override priv pub ref return \
                        self static struct super trait true try type typeof unsafe unsized use virtual where while \
                        yield";

/// Crates that every crate knows, primitive types, and what the template itself names.
const TAKEN: &str = "alloc core proc_macro std test weir_sdk bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 \
                     u32 u64 u128 usize flag_if rule tests";

/// Why a rule can't be called so.
pub(super) fn refused(name: &str) -> Option<String> {
    let snake = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !snake {
        return Some(format!("a rule's name is snake_case, like round_amount; {name:?} is not"));
    }
    if is_in(KEYWORDS, name) {
        return Some(format!("{name} is a keyword of Rust and can't name a rule; take another, like {name}_rule"));
    }
    if is_in(TAKEN, name) {
        return Some(format!("{name} means something else in a rule's crate; take another, like {name}_rule"));
    }
    (name.len() > 64).then(|| format!("{name} has {} characters; a rule's name has at most 64", name.len()))
}

fn is_in(words: &str, name: &str) -> bool {
    words.split_whitespace().any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_and_what_a_crate_already_means_by_a_name_are_refused_with_another_one() {
        for name in KEYWORDS.split_whitespace().chain(TAKEN.split_whitespace()) {
            let why = refused(name).unwrap();
            assert!(why.contains(&format!("like {name}_rule")), "{why}");
            assert_eq!(refused(&format!("{name}_rule")), None);
        }
    }

    #[test]
    fn what_is_no_snake_case_is_refused() {
        for name in ["", "Round", "round-amount", "1st", "_x", "größe", "..", "a b"] {
            assert!(refused(name).unwrap().contains("snake_case"), "{name}");
        }
        assert!(refused(&"a".repeat(65)).unwrap().contains("at most 64"));
        assert_eq!(refused("round_amount_2"), None);
    }
}
