//! `#[derive(Parameters)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Field, Ident, Lit, LitStr, Result, Type};

use crate::names;

const WANTED: &str = "write `#[parameter(default = \"0\", summary = \"what it sets\")]`";

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let fields = names::named_fields(input, "set of parameters")?;
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "parameters own what they hold: no lifetime, no generics"));
    }
    names::few(input.ident.span(), "parameters", fields.len())?;
    let parts = fields.iter().map(|field| Part::of(field)).collect::<Result<Vec<_>>>()?;
    let name = &input.ident;
    let manifest = parts.iter().map(|part| {
        let Part { ty, name, summary, default, .. } = part;
        let setting = quote_spanned! { ty.span() => <#ty as ::weir_sdk::Setting> };
        quote! {
            ::weir_sdk::runtime::Parameter {
                name: #name.into(),
                kind: #setting::KIND,
                summary: #summary.into(),
                default: #default.into(),
            }
        }
    });
    let reads = parts.iter().map(|part| {
        let Part { member, ty, name, default, .. } = part;
        let setting = quote_spanned! { ty.span() => ::weir_sdk::runtime::setting::<#ty> };
        quote! { #member: #setting(__given, #name, #default)? }
    });
    Ok(quote! {
        #[automatically_derived]
        impl ::weir_sdk::Parameters for #name {
            fn manifest() -> ::std::vec::Vec<::weir_sdk::runtime::Parameter> {
                ::std::vec![#(#manifest),*]
            }

            fn read(
                __given: &[(::std::string::String, ::std::string::String)],
            ) -> ::core::result::Result<Self, ::std::string::String> {
                ::core::result::Result::Ok(Self { #(#reads),* })
            }
        }
    })
}

struct Part<'a> {
    member: &'a Ident,
    ty: &'a Type,
    name: String,
    summary: LitStr,
    default: LitStr,
}

impl<'a> Part<'a> {
    fn of(field: &'a Field) -> Result<Self> {
        let member = field.ident.as_ref().expect("named_fields gives fields with names");
        let attribute = field.attrs.iter().find(|attribute| attribute.path().is_ident("parameter"));
        let attribute = attribute.ok_or_else(|| {
            Error::new(member.span(), format!("a parameter needs a default and a summary: {WANTED} above it"))
        })?;
        let name = names::plain(member);
        names::snake_case(member.span(), "a parameter's name", &name, "limit")?;
        let (mut default, mut summary) = (None, None);
        attribute.parse_nested_meta(|meta| {
            let twice = || meta.error("this stands here twice: leave one out");
            if meta.path.is_ident("default") {
                let text = names::text("default", text(&meta.value()?.parse()?)?)?;
                default.replace(text).map_or(Ok(()), |_| Err(twice()))?;
            } else if meta.path.is_ident("summary") {
                let text = names::text("summary", meta.value()?.parse()?)?;
                summary.replace(text).map_or(Ok(()), |_| Err(twice()))?;
            } else {
                return Err(meta.error(format!("a parameter has `default` and `summary`: {WANTED}")));
            }
            Ok(())
        })?;
        let default =
            default.ok_or_else(|| Error::new_spanned(attribute, format!("the default is missing: {WANTED}")))?;
        let summary = summary.map_or_else(|| names::summary(&field.attrs), |summary| Ok(Some(summary)))?;
        let summary =
            summary.ok_or_else(|| Error::new_spanned(attribute, format!("the summary is missing: {WANTED}")))?;
        fits(&field.ty, &default)?;
        Ok(Self { member, ty: &field.ty, name, summary, default })
    }
}

/// A default may be written as the value that it is; the contract carries it as text.
fn text(literal: &Lit) -> Result<LitStr> {
    let text = match literal {
        Lit::Str(text) => return Ok(text.clone()),
        Lit::Int(number) => number.base10_digits().to_owned(),
        Lit::Float(number) => number.base10_digits().to_owned(),
        Lit::Bool(value) => value.value.to_string(),
        _ => {
            return Err(Error::new_spanned(literal, "a default is a text, a number, true or false"));
        }
    };
    Ok(LitStr::new(&text, literal.span()))
}

/// The SDK's own types are known by name here, so that a default that never could be read is an error at its line
/// instead of one at the first `configure`.
fn fits(ty: &Type, default: &LitStr) -> Result<()> {
    let Type::Path(path) = ty else { return Ok(()) };
    let text = default.value();
    let text = text.trim();
    let wanted = match path.path.segments.last().map(|last| last.ident.to_string()).as_deref() {
        Some("i64") if text.parse::<i64>().is_err() => "an integer like \"42\"",
        Some("f64") if !text.parse::<f64>().is_ok_and(f64::is_finite) => "a finite number like \"0.25\"",
        Some("bool") if text.parse::<bool>().is_err() => "\"true\" or \"false\"",
        Some("Timestamp") if text.parse::<i64>().is_err() => "a time in epoch milliseconds like \"1795525500250\"",
        Some("Decimal") if !is_decimal(text) => "a decimal like \"-12.50\"",
        _ => return Ok(()),
    };
    Err(Error::new(default.span(), format!("the default of this parameter is {wanted}")))
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let unscaled = format!("{whole}{fraction}");
    all_digits(&unscaled) && fraction.len() <= 18 && unscaled.parse::<i64>().is_ok()
}
