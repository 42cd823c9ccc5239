//! `#[rule(…)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, LitStr, Result, ReturnType, Token, Type, parenthesized};

use crate::names;

const WANTED: &str = "write `code(NAME, dead_letter, \"what it says of a record\")`, or `flag` in its place";

/// What is in the attribute's parentheses.
pub(crate) struct Codes(Vec<Code>);

struct Code {
    name: Ident,
    dead_letters: bool,
    summary: LitStr,
}

impl Parse for Codes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            let wanted = format!("a rule needs a code to hit with: {WANTED}");
            return Err(Error::new(proc_macro2::Span::call_site(), wanted));
        }
        let codes = Punctuated::<Code, Token![,]>::parse_terminated(input)?;
        let codes: Vec<Code> = codes.into_iter().collect();
        for (place, code) in codes.iter().enumerate() {
            if codes[..place].iter().any(|earlier| earlier.name == code.name) {
                return Err(Error::new(code.name.span(), format!("`{}` is declared twice", code.name)));
            }
        }
        names::few(input.span(), "codes", codes.len())?;
        Ok(Self(codes))
    }
}

impl Parse for Code {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let word: Ident = input.parse().map_err(|error| Error::new(error.span(), WANTED))?;
        if word != "code" {
            return Err(Error::new(word.span(), WANTED));
        }
        let inside;
        parenthesized!(inside in input);
        let name: Ident = inside.parse().map_err(|error| Error::new(error.span(), WANTED))?;
        names::code(name.span(), &name.to_string())?;
        let comma = |_| inside.error(WANTED);
        inside.parse::<Token![,]>().map_err(comma)?;
        let effect: Ident = inside.parse().map_err(|error| Error::new(error.span(), WANTED))?;
        let dead_letters = match effect.to_string().as_str() {
            "dead_letter" => true,
            "flag" => false,
            _ => {
                return Err(Error::new(
                    effect.span(),
                    "the effect is `dead_letter` (the record is dirty and not counted) or `flag` (it stays valid)",
                ));
            }
        };
        inside.parse::<Token![,]>().map_err(comma)?;
        let summary = inside.parse().map_err(|error| Error::new(error.span(), WANTED))?;
        let summary = names::text("summary", summary)?;
        let _: Option<Token![,]> = inside.parse()?;
        if !inside.is_empty() {
            return Err(inside.error(WANTED));
        }
        Ok(Self { name, dead_letters, summary })
    }
}

impl Code {
    fn constant(&self, index: u16, visibility: &syn::Visibility) -> TokenStream {
        let Self { name, summary, .. } = self;
        let effect = if self.dead_letters {
            quote! { DeadLetter }
        } else {
            quote! { Flag }
        };
        quote_spanned! { name.span() =>
            #[doc = #summary]
            #visibility const #name: ::weir_sdk::HitCode<::weir_sdk::#effect> = ::weir_sdk::HitCode::declared(#index);
        }
    }

    fn manifest(&self) -> TokenStream {
        let (name, summary) = (self.name.to_string(), &self.summary);
        let effect = if self.dead_letters {
            quote! { DeadLetter }
        } else {
            quote! { Flag }
        };
        quote! {
            ::weir_sdk::runtime::Code {
                name: #name.into(),
                summary: #summary.into(),
                effect: ::weir_sdk::runtime::Effect::#effect,
            }
        }
    }
}

pub(crate) fn expand(codes: &Codes, function: &ItemFn) -> Result<TokenStream> {
    let signature = Signature::of(function)?;
    let (name, visibility) = (&function.sig.ident, &function.vis);
    let rule = names::plain(name);
    let summary = names::summary(&function.attrs)?.ok_or_else(|| {
        Error::new(name.span(), "say in a doc comment what the rule finds: its first line is the manifest's summary")
    })?;
    let constants = codes.0.iter().zip(0u16..).map(|(code, index)| code.constant(index, visibility));
    let manifest = codes.0.iter().map(Code::manifest);
    let Signature { record, parameters, call } = signature;
    let longest = names::NAME;
    Ok(quote! {
        #function

        #(#constants)*

        /// The rule as the engine and `weir_sdk::testing::Harness` call it.
        #[allow(non_camel_case_types, dead_code)]
        #[derive(Debug)]
        #visibility struct #name {}

        const _: () = ::core::assert!(
            ::core::env!("CARGO_PKG_VERSION").len() <= #longest,
            "the crate's version is the rule's: shorten `version` in its Cargo.toml to 64 characters",
        );

        #[allow(unsafe_code)] // the export's own, and only in a module
        const _: () = {
            ::std::thread_local! {
                static STATE: ::weir_sdk::runtime::State<#parameters> =
                    const { ::weir_sdk::runtime::State::new(::core::option::Option::None) };
            }

            impl ::weir_sdk::runtime::Guest for #name {
                fn describe() -> ::weir_sdk::runtime::Manifest {
                    ::weir_sdk::runtime::Manifest {
                        name: #rule.into(),
                        version: ::core::env!("CARGO_PKG_VERSION").into(),
                        summary: #summary.into(),
                        fields: <#record as ::weir_sdk::Record<'_>>::fields(),
                        codes: ::std::vec![#(#manifest),*],
                        parameters: <#parameters as ::weir_sdk::Parameters>::manifest(),
                    }
                }

                fn configure(
                    scales: ::std::vec::Vec<u8>,
                    parameters: ::std::vec::Vec<(::std::string::String, ::std::string::String)>,
                ) -> ::core::result::Result<(), ::std::string::String> {
                    let fields = <#record as ::weir_sdk::Record<'_>>::fields().len();
                    STATE.with(|state| ::weir_sdk::runtime::configure(state, fields, scales, &parameters))
                }

                fn judge(
                    rows: u32,
                    columns: ::std::vec::Vec<::weir_sdk::Column>,
                ) -> ::std::vec::Vec<::weir_sdk::bindings::exports::weir::rule::guest::Hit> {
                    STATE.with(|state| {
                        ::weir_sdk::runtime::judge::<#record, #parameters>(state, rows, &columns, #call)
                    })
                }
            }

            impl ::weir_sdk::runtime::Explain for #name {
                fn explain_flags(wanted: bool) {
                    ::weir_sdk::runtime::explain_flags(wanted);
                }
            }

            #[cfg(target_arch = "wasm32")]
            ::weir_sdk::bindings::export_rule!(#name with_types_in ::weir_sdk::bindings);
        };
    })
}

/// What the function's arguments say.
struct Signature {
    record: Type,
    parameters: Type,
    /// The function as one of record and parameters.
    call: TokenStream,
}

impl Signature {
    fn of(function: &ItemFn) -> Result<Self> {
        let sig = &function.sig;
        let name = &sig.ident;
        let wanted = format!("write `fn {name}(record: &Payment, parameters: &Limits) -> Verdict`");
        names::snake_case(name.span(), "the function's name is the rule's", &names::plain(name), "high_amount")?;
        if let Some(word) = &sig.asyncness {
            return Err(Error::new(word.span(), "a rule waits for nothing: leave out `async`"));
        }
        if sig.generics.type_params().next().is_some() || sig.generics.const_params().next().is_some() {
            return Err(Error::new_spanned(&sig.generics, format!("a rule is not generic: {wanted}")));
        }
        if matches!(sig.output, ReturnType::Default) {
            return Err(Error::new(name.span(), format!("a rule returns a verdict: {wanted}")));
        }
        let arguments = sig.inputs.iter().map(|input| target(input, &wanted)).collect::<Result<Vec<_>>>()?;
        match arguments.as_slice() {
            [record] => {
                let call = quote_spanned! { name.span() => |__record, _: &()| #name(__record) };
                Ok(Self { record: record.clone(), parameters: syn::parse_quote!(()), call })
            }
            [record, parameters] => {
                Ok(Self { record: record.clone(), parameters: parameters.clone(), call: quote! { #name } })
            }
            [] => Err(Error::new(name.span(), format!("a rule judges a record: {wanted}"))),
            _ => Err(Error::new_spanned(&sig.inputs[2], format!("a rule has a record and parameters: {wanted}"))),
        }
    }
}

/// What a `&Type` argument points to.
fn target(input: &FnArg, wanted: &str) -> Result<Type> {
    match input {
        FnArg::Typed(argument) => match argument.ty.as_ref() {
            Type::Reference(reference) if reference.mutability.is_none() => Ok(reference.elem.as_ref().clone()),
            other => Err(Error::new_spanned(other, format!("a rule borrows what it reads: {wanted}"))),
        },
        FnArg::Receiver(receiver) => Err(Error::new_spanned(receiver, format!("a rule has no self: {wanted}"))),
    }
}
