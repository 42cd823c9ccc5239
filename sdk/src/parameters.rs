//! A rule's settings: typed for the author, text for the engine. They change without a rebuild.

use crate::bindings::exports::weir::rule::guest::{Kind, Parameter};
use crate::{Decimal, Timestamp};

/// What a parameter may be. Implement it for a type of your own to have its text checked when the rule is configured.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of parameter",
    label = "write Decimal, i64, f64, bool, Timestamp, String or Vec<String> (comma-separated)"
)]
pub trait Setting: Sized {
    /// What the text must hold.
    const KIND: Kind;
    /// The value of a text.
    ///
    /// # Errors
    /// What is wrong with the text, and what to write instead.
    fn read(text: &str) -> Result<Self, String>;
}

/// A rule's settings together. Derive it; `()` is a rule without any.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which parameters the rule takes",
    label = "write `#[derive(Parameters)]` on this struct"
)]
pub trait Parameters: Sized {
    /// For the manifest.
    fn manifest() -> Vec<Parameter>;
    /// From the texts that `configure` brings; what is not among them has its default.
    ///
    /// # Errors
    /// Which parameter can't be what was given, and why.
    fn read(given: &[(String, String)]) -> Result<Self, String>;
}

impl Parameters for () {
    fn manifest() -> Vec<Parameter> {
        Vec::new()
    }

    fn read(_: &[(String, String)]) -> Result<Self, String> {
        Ok(())
    }
}

/// For the macro: one parameter by its name.
///
/// # Errors
/// Which parameter can't be what was given, and why.
#[doc(hidden)]
pub fn setting<T: Setting>(given: &[(String, String)], name: &str, default: &str) -> Result<T, String> {
    let text = given.iter().find(|(key, _)| key == name).map_or(default, |(_, text)| text.as_str());
    T::read(text).map_err(|why| format!("parameter `{name}` = \"{text}\": {why}"))
}

/// For every rule: a parameter that the rule does not have is a typing error, not something to pass over.
pub(crate) fn all_known(known: &[Parameter], given: &[(String, String)]) -> Result<(), String> {
    let Some((name, _)) = given.iter().find(|(name, _)| known.iter().all(|parameter| parameter.name != *name)) else {
        return Ok(());
    };
    if known.is_empty() {
        return Err(format!("parameter `{name}`: this rule takes none"));
    }
    let names: Vec<&str> = known.iter().map(|parameter| parameter.name.as_str()).collect();
    Err(format!("parameter `{name}`: this rule takes {}", names.join(", ")))
}

impl Setting for Decimal {
    const KIND: Kind = Kind::Decimal;
    fn read(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|why: crate::ParseDecimalError| why.to_string())
    }
}

impl Setting for i64 {
    const KIND: Kind = Kind::Integer;
    fn read(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|_| "not an integer of 64 bits; write one like 42".to_owned())
    }
}

impl Setting for f64 {
    const KIND: Kind = Kind::Float;
    fn read(text: &str) -> Result<Self, String> {
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| "not a finite number; write one like 0.25".to_owned())
    }
}

impl Setting for bool {
    const KIND: Kind = Kind::Boolean;
    fn read(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|_| "write true or false".to_owned())
    }
}

impl Setting for Timestamp {
    const KIND: Kind = Kind::Timestamp;
    fn read(text: &str) -> Result<Self, String> {
        let millis = text.trim().parse().map_err(|_| "not a time; write epoch milliseconds".to_owned())?;
        Ok(Self::from_millis(millis))
    }
}

impl Setting for String {
    const KIND: Kind = Kind::Text;
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

/// Comma-separated; spaces around an item and empty items do not count.
impl Setting for Vec<String> {
    const KIND: Kind = Kind::Text;
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }
}
