//! What a module may say of itself. The SDK writes manifests that pass; hand-made ones are told all their faults at
//! once, each with what to fix.

use std::collections::BTreeSet;

use crate::model::catalog::{ENGINE_CODES, Manifest};
use crate::model::shown::acts;

/// Length of the longest name, in bytes. Names are in keys of the store.
const NAME: usize = 64;
/// Length of the longest summary or default, in bytes.
const TEXT: usize = 1_024;
/// What is wrong with a character of a text that a person reads.
pub(in crate::rules) const ACTS: &str = "a control character or one that turns the direction of text, which would change what a terminal shows: leave it out";
/// Fields, codes and parameters that a manifest may have, of each.
const ITEMS: usize = 256;

/// Err: every fault, for the module's author.
pub(in crate::rules) fn check(manifest: &Manifest) -> Result<(), String> {
    let mut faults = Faults(Vec::new());
    faults.rule(manifest);
    faults.fields(manifest);
    faults.codes(manifest);
    faults.parameters(manifest);
    if faults.0.is_empty() {
        return Ok(());
    }
    Err(format!("the manifest is not valid: {}", faults.0.join("; ")))
}

struct Faults(Vec<String>);

impl Faults {
    fn unless(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.0.push(fault());
        }
    }

    fn rule(&mut self, manifest: &Manifest) {
        let Manifest { name, version, summary, .. } = manifest;
        self.unless(snake(name), || {
            format!("the rule's name is {}: make it snake_case, at most {NAME} letters, digits and '_'", shown(name))
        });
        let plain = !version.is_empty() && version.len() <= NAME && version.chars().all(|c| c.is_ascii_graphic());
        self.unless(plain, || {
            format!("the version is {}: give one of at most {NAME} characters, as in 1.0.0", shown(version))
        });
        self.text("the summary", summary);
    }

    fn fields(&mut self, manifest: &Manifest) {
        let names = manifest.fields.iter().map(|field| field.name.as_str());
        let good = |name: &str| !name.is_empty() && name.len() <= 2 * NAME + 1 && !name.chars().any(acts);
        self.list("field", names, good, "the name of a field");
    }

    fn codes(&mut self, manifest: &Manifest) {
        self.unless(!manifest.codes.is_empty(), || "it has no code: a rule needs one to hit with".to_owned());
        let names = manifest.codes.iter().map(|code| code.name.as_str());
        self.list("code", names, upper, "UPPER_SNAKE_CASE, as in AMOUNT_NEGATIVE");
        for code in &manifest.codes {
            self.unless(!ENGINE_CODES.contains(&code.name.as_str()), || {
                format!("code {} is one of the engine's own: choose another name", code.name)
            });
            self.text(&format!("the summary of code {}", shown(&code.name)), &code.summary);
        }
    }

    fn parameters(&mut self, manifest: &Manifest) {
        let names = manifest.parameters.iter().map(|parameter| parameter.name.as_str());
        self.list("parameter", names, snake, "snake_case");
        for parameter in &manifest.parameters {
            let name = shown(&parameter.name);
            self.text(&format!("the summary of parameter {name}"), &parameter.summary);
            self.text(&format!("the default of parameter {name}"), &parameter.default);
        }
    }

    fn list<'a>(&mut self, what: &str, names: impl Iterator<Item = &'a str>, good: fn(&str) -> bool, wanted: &str) {
        let (mut seen, mut count) = (BTreeSet::new(), 0);
        for name in names {
            count += 1;
            // Enough to fix; a hostile list must not become a hostile message.
            if count > ITEMS {
                self.0.push(format!("it has more than {ITEMS} {what}s"));
                return;
            }
            self.unless(good(name), || {
                format!("{what} {} should be {wanted}, of at most {NAME} characters", shown(name))
            });
            self.unless(seen.insert(name), || format!("{what} {} stands there twice: remove one", shown(name)));
        }
    }

    fn text(&mut self, what: &str, text: &str) {
        self.unless(text.len() <= TEXT, || format!("{what} has {} bytes: {TEXT} are allowed", text.len()));
        if let Some(c) = text.chars().find(|c| acts(*c)) {
            self.0.push(format!("{what} holds {}, {ACTS}", c.escape_unicode()));
        }
    }
}

/// Quoted, and cut where it is long.
fn shown(text: &str) -> String {
    if text.len() <= NAME {
        return format!("{text:?}");
    }
    format!("{:?}… ({} bytes)", &text[..text.floor_char_boundary(NAME)], text.len())
}

/// As the SDK's macros have it.
fn snake(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= NAME && name.chars().all(good)
}

/// As the SDK's macros have it.
fn upper(name: &str) -> bool {
    let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.len() <= NAME && name.chars().all(good)
}
