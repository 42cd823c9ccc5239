//! What the macros share: what the engine accepts as names and texts (`engine/src/rules/module/manifest.rs`), so that
//! what it would refuse at the publish is an error at the author's line; and the first line of a doc comment.

use std::fmt::Display;

use proc_macro2::Span;
use syn::{Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Lit, LitStr, Meta, Result};

/// Length of the longest name, in bytes. Names are in keys of the store.
pub(crate) const NAME: usize = 64;
/// Length of the longest summary or default, in bytes.
const TEXT: usize = 1_024;
/// Fields, codes and parameters that a manifest may have, of each.
const ITEMS: usize = 256;

/// Codes of the engine's own findings. A test keeps the list equal to the engine's.
const ENGINE_CODES: [&str; 12] = [
    "PARSE_JSON",
    "FIELD_MISSING",
    "FIELD_KIND",
    "FIELD_RANGE",
    "EVENT_TIME_AHEAD",
    "EVENT_TIME_BEHIND",
    "LATE",
    "OVERSIZE",
    "RULE_TRAP",
    "RULE_TIMEOUT",
    "RULE_MEMORY",
    "RULE_OUTPUT",
];

/// First non-empty line of the doc comment.
pub(crate) fn summary(attributes: &[Attribute]) -> Result<Option<LitStr>> {
    let line = attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else {
            return None;
        };
        let text_of = text.value();
        let line = text_of.lines().map(str::trim).find(|line| !line.is_empty())?;
        Some(LitStr::new(line, text.span()))
    });
    line.map(|line| text("summary", line)).transpose()
}

/// A name without the `r#` of a raw identifier.
pub(crate) fn plain(name: &syn::Ident) -> String {
    syn::ext::IdentExt::unraw(name).to_string()
}

/// A rule's or a parameter's name.
pub(crate) fn snake_case(span: Span, what: &str, name: &str, example: &str) -> Result<()> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.bytes().all(good) {
        return Err(Error::new(span, format!("{what}: snake_case, as in `{example}`")));
    }
    short(span, what, name, NAME)
}

/// A code's name.
pub(crate) fn code(span: Span, name: &str) -> Result<()> {
    let good = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.starts_with(|first: char| first.is_ascii_uppercase()) || !name.bytes().all(good) {
        return Err(Error::new(span, "a code is UPPER_SNAKE_CASE, as in `AMOUNT_NEGATIVE`"));
    }
    if ENGINE_CODES.contains(&name) {
        let why = format!("`{name}` is one of the engine's own codes: choose another name, as in `MY_{name}`");
        return Err(Error::new(span, why));
    }
    short(span, "a code's name", name, NAME)
}

/// A name of at most so many characters.
pub(crate) fn short(span: Span, what: &str, name: &str, most: usize) -> Result<()> {
    if name.len() <= most {
        return Ok(());
    }
    Err(Error::new(span, format!("{what}: at most {most} characters, and this has {}; shorten it", name.len())))
}

/// As the engine has it: what would act on a terminal.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A summary or a default, of at most so many bytes.
pub(crate) fn text(what: &str, text: LitStr) -> Result<LitStr> {
    if let Some(c) = text.value().chars().find(|c| acts(*c)) {
        let c = c.escape_unicode();
        let why = format!(
            "a {what} holds no control character and none that turns the direction of text, and this has {c}; leave it out"
        );
        return Err(Error::new(text.span(), why));
    }
    match text.value().len() {
        0..=TEXT => Ok(text),
        bytes => {
            Err(Error::new(text.span(), format!("a {what} has at most {TEXT} bytes, and this has {bytes}; shorten it")))
        }
    }
}

/// A list of a manifest; `span` is where it is.
pub(crate) fn few(span: Span, what: impl Display, count: usize) -> Result<()> {
    if count <= ITEMS {
        return Ok(());
    }
    Err(Error::new(span, format!("a rule has at most {ITEMS} {what}, and this has {count}; split the rule")))
}

/// The named fields of a struct; `what` goes into the error, with an example of what to write.
pub(crate) fn named_fields<'a>(input: &'a DeriveInput, what: &str) -> Result<Vec<&'a Field>> {
    if let Data::Struct(data) = &input.data
        && let Fields::Named(fields) = &data.fields
    {
        return Ok(fields.named.iter().collect());
    }
    Err(Error::new_spanned(&input.ident, format!("a {what} is a struct with named fields")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_the_engine(file: &str) -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../engine/src/");
        std::fs::read_to_string(format!("{path}{file}")).expect("the engine lies beside the SDK")
    }

    #[test]
    fn the_codes_that_no_rule_may_declare_are_the_engines() {
        let catalog = of_the_engine("model/catalog.rs");
        let (_, rest) = catalog.split_once("pub const ENGINE_CODES: ").expect("the list has a name");
        let (list, _) = rest.split_once("];").expect("the list ends");
        let codes: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        assert_eq!(codes, ENGINE_CODES, "left: engine/src/model/catalog.rs, right: the macros");
    }

    #[test]
    fn the_bounds_of_names_texts_and_lists_are_the_engines() {
        let manifest = of_the_engine("rules/module/manifest.rs");
        for (name, bound) in [("NAME", "64"), ("TEXT", "1_024"), ("ITEMS", "256")] {
            assert!(manifest.contains(&format!("const {name}: usize = {bound};")), "{name} is no longer {bound}");
        }
        assert_eq!((NAME, TEXT, ITEMS), (64, 1_024, 256));
    }

    #[test]
    fn a_list_is_refused_beyond_the_bound_only() {
        few(Span::call_site(), "codes", ITEMS).expect("the bound itself is allowed");
        let why = few(Span::call_site(), "codes", ITEMS + 1).expect_err("one more is not").to_string();
        assert_eq!(why, "a rule has at most 256 codes, and this has 257; split the rule");
    }
}
