//! `#[derive(Record)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Field, GenericParam, Ident, Lifetime, LitStr, Result, Type};

use crate::names;

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let fields = names::named_fields(input, "record")?;
    if fields.is_empty() {
        return Err(Error::new_spanned(&input.ident, "a rule reads at least one field, as in `amount: Decimal`"));
    }
    names::few(input.ident.span(), "fields", fields.len())?;
    let (lifetime, of_struct) = lifetime(input)?;
    let parts = fields.iter().map(|field| Part::of(field)).collect::<Result<Vec<_>>>()?;
    unique(&parts)?;

    let name = &input.ident;
    let columns = parts.iter().enumerate().map(|(place, part)| {
        let (bind, column) = (part.item(&lifetime, "bind"), column(place));
        quote! { #bind(#column, __scales[#place], __rows)? }
    });
    let types = parts.iter().map(|part| part.item(&lifetime, "Column"));
    let bound: Vec<Ident> = (0..parts.len()).map(column).collect();
    let count = parts.len();
    let manifest = parts.iter().map(|part| {
        let (kind, required) = (part.item(&lifetime, "KIND"), part.item(&lifetime, "REQUIRED"));
        let name = &part.name;
        quote! { ::weir_sdk::runtime::Field { name: #name.into(), kind: #kind, required: #required } }
    });
    let gets = parts.iter().zip(&bound).map(|(part, column)| {
        let (get, member) = (part.item(&lifetime, "get"), part.member);
        quote! { #member: #get(#column, __row)? }
    });
    let values = parts.iter().map(|part| {
        let (value, member) = (part.item(&lifetime, "value"), part.member);
        quote! { #value(&self.#member) }
    });
    Ok(quote! {
        #[automatically_derived]
        impl<#lifetime> ::weir_sdk::Record<#lifetime> for #name #of_struct {
            type Columns = (#(#types,)*);

            fn fields() -> ::std::vec::Vec<::weir_sdk::runtime::Field> {
                ::std::vec![#(#manifest),*]
            }

            fn bind(
                __columns: &#lifetime [::weir_sdk::Column],
                __scales: &[u8],
                __rows: usize,
            ) -> ::core::option::Option<Self::Columns> {
                let [#(#bound),*] = __columns else { return ::core::option::Option::None };
                if __scales.len() != #count {
                    return ::core::option::Option::None;
                }
                ::core::option::Option::Some((#(#columns,)*))
            }

            #[inline]
            fn get((#(#bound,)*): &Self::Columns, __row: usize) -> ::core::option::Option<Self> {
                ::core::option::Option::Some(Self { #(#gets),* })
            }

            fn values(&self) -> ::std::vec::Vec<::core::option::Option<::weir_sdk::Value<'_>>> {
                ::std::vec![#(#values),*]
            }
        }
    })
}

fn column(place: usize) -> Ident {
    quote::format_ident!("__column_{place}")
}

/// The struct's own lifetime, or one of ours if it borrows nothing.
fn lifetime(input: &DeriveInput) -> Result<(Lifetime, TokenStream)> {
    let mut parameters = input.generics.params.iter();
    match (parameters.next(), parameters.next()) {
        (None, _) => Ok((Lifetime::new("'__weir", proc_macro2::Span::call_site()), TokenStream::new())),
        (Some(GenericParam::Lifetime(only)), None) => {
            let lifetime = only.lifetime.clone();
            Ok((lifetime.clone(), quote! { <#lifetime> }))
        }
        _ => Err(Error::new_spanned(
            &input.generics,
            format!("a record has at most one lifetime and no type parameters: write `struct {}<'a>`", input.ident),
        )),
    }
}

struct Part<'a> {
    member: &'a Ident,
    ty: &'a Type,
    name: LitStr,
}

impl<'a> Part<'a> {
    fn of(field: &'a Field) -> Result<Self> {
        let member = field.ident.as_ref().expect("named_fields gives fields with names");
        if let Some(wanted) = instead(&field.ty) {
            return Err(Error::new_spanned(&field.ty, wanted));
        }
        let mut name = LitStr::new(&names::plain(member), member.span());
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("field")) {
            name = attribute.parse_args().map_err(|_| {
                Error::new_spanned(attribute, "write the field's name in the pipeline, as in `#[field(\"type\")]`")
            })?;
        }
        if name.value().trim().is_empty() {
            return Err(Error::new(name.span(), "a field has a name, as in `#[field(\"customer.segment\")]`"));
        }
        // A lookup's name, a point, a field's name.
        names::short(name.span(), "a field's name", &name.value(), 2 * names::NAME + 1)?;
        Ok(Self { member, ty: &field.ty, name })
    }

    /// `<Type as Field<'a>>::item`, all of it at the type's place, so that a type that is no kind of field is underlined.
    fn item(&self, lifetime: &Lifetime, item: &str) -> TokenStream {
        let (ty, item) = (self.ty, Ident::new(item, self.ty.span()));
        quote_spanned! { ty.span() => <#ty as ::weir_sdk::Field<#lifetime>>::#item }
    }
}

/// What to write instead of a type that authors try first. The trait refuses every other one, with more words.
fn instead(ty: &Type) -> Option<&'static str> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    if let syn::PathArguments::AngleBracketed(inner) = &last.arguments
        && last.ident == "Option"
        && let Some(syn::GenericArgument::Type(inner)) = inner.args.first()
    {
        return instead(inner);
    }
    match last.ident.to_string().as_str() {
        "String" => Some("text is borrowed from the batch: write `Text<'a>` here, and `<'a>` after the struct's name"),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i128" | "isize" => {
            Some("an integer field is `i64`; an amount is a `Decimal`")
        }
        "f32" => Some("a float field is `f64`; an amount is a `Decimal`"),
        _ => None,
    }
}

fn unique(parts: &[Part<'_>]) -> Result<()> {
    for (place, part) in parts.iter().enumerate() {
        if parts[..place].iter().any(|earlier| earlier.name.value() == part.name.value()) {
            let twice = format!("`{}` is read twice; one member of the struct is enough", part.name.value());
            return Err(Error::new(part.name.span(), twice));
        }
    }
    Ok(())
}
