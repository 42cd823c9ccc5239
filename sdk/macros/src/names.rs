//! What the macros share: names that the engine accepts, and the first line of a doc comment.

use syn::{Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Lit, Meta, Result};

/// First non-empty line of the doc comment.
pub(crate) fn summary(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else {
            return None;
        };
        text.value().lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    })
}

/// A name without the `r#` of a raw identifier.
pub(crate) fn plain(name: &syn::Ident) -> String {
    syn::ext::IdentExt::unraw(name).to_string()
}

pub(crate) fn is_snake_case(name: &str) -> bool {
    starts_with(name, |first| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

pub(crate) fn is_upper_snake_case(name: &str) -> bool {
    starts_with(name, |first| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn starts_with(name: &str, test: impl Fn(u8) -> bool) -> bool {
    name.bytes().next().is_some_and(test)
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
