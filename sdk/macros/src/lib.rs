//! The derive and attribute macros of `weir-sdk`, which re-exports and documents them. They know no types of fields:
//! they write calls of the SDK's traits, so that a wrong type is an error at the author's own line.

mod names;
mod parameters;
mod record;
mod rule;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes a struct a record: each field is a field of the pipeline, by its name or by `#[field("name")]`; an `Option`
/// may be missing.
#[proc_macro_derive(Record, attributes(field))]
pub fn record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    record::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes a struct the settings of a rule: `#[parameter(default = "0", summary = "…")]` on each field.
#[proc_macro_derive(Parameters, attributes(parameter))]
pub fn parameters(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    parameters::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes a function a rule: `#[rule(code(NAME, dead_letter, "what it says"), code(OTHER, flag, "…"))]` over
/// `fn name(record: &Record, parameters: &Parameters) -> Verdict`; the second argument may be left out.
#[proc_macro_attribute]
pub fn rule(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    let made = syn::parse::<rule::Codes>(attribute).and_then(|codes| rule::expand(&codes, &function));
    // The function stays even if the attribute is wrong: otherwise every use of it would be an error too.
    made.unwrap_or_else(|error| {
        let error = error.to_compile_error();
        quote::quote! { #function #error }
    })
    .into()
}
