//! A record that somebody tried as a test of a rule's crate: the fields that the rule reads, the parameters that it had, and what it said.
//! It needs nothing of the crate but the rule, whose name is the function's.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::model::catalog::{ENGINE_CODES, Manifest};
use crate::model::finding::Finding;

/// What a test is made of.
pub(super) struct Tried<'a> {
    pub(super) manifest: &'a Manifest,
    /// All of them, defaults filled in.
    pub(super) parameters: &'a BTreeMap<String, String>,
    /// The record's fields, as texts.
    pub(super) fields: &'a BTreeMap<String, Option<String>>,
    /// What the rule found in the record.
    pub(super) findings: Vec<&'a Finding>,
    /// Where the record is from, as `3@18234771`.
    pub(super) origin: Option<&'a str>,
}

/// The test as Rust source, as rustfmt writes it but for long lines.
pub(super) fn rule_test(tried: &Tried<'_>) -> String {
    let Tried { manifest, parameters, fields, findings, origin } = tried;
    let set = manifest.parameters.iter().filter_map(|parameter| {
        let value = parameters.get(&parameter.name).filter(|value| **value != parameter.default)?;
        Some(format!(".set({:?}, {value:?})", parameter.name))
    });
    let set: String = set.collect();
    let given = manifest.fields.iter().map(|field| {
        let value = fields.get(&field.name).and_then(Option::as_deref);
        format!("({:?}, {value:?})", field.name)
    });
    let given = given.collect::<Vec<_>>().join(", ");
    let mut text = format!("#[test]\nfn {}() {{\n", name(*origin, findings));
    line(&mut text, &format!("let harness = weir_sdk::testing::Harness::<{}>::new(){set};", manifest.name));
    line(&mut text, &format!("let hits = harness.judge_texts(&[{given}]);"));
    let (failures, hits): (Vec<&Finding>, Vec<_>) =
        findings.iter().partition(|finding| ENGINE_CODES.contains(&&*finding.code));
    for failure in &failures {
        line(&mut text, &format!("// The engine says {}: {:?}", failure.code, failure.detail));
    }
    match (failures.is_empty(), hits.is_empty()) {
        (false, _) => line(&mut text, "assert!(hits.is_empty());"),
        (true, true) => line(&mut text, "assert!(hits.is_empty(), \"{hits:?}\");"),
        (true, false) => {
            let hits: Vec<_> = hits.iter().map(|hit| format!("(0, {:?}, {:?})", hit.code, hit.detail)).collect();
            line(&mut text, &format!("assert_eq!(hits, [{}]);", hits.join(", ")));
        }
    }
    text.push_str("}\n");
    text
}

/// A sentence: `record_3_18234771_is_amount_negative`.
fn name(origin: Option<&str>, findings: &[&Finding]) -> String {
    let origin = origin.map_or_else(|| "this_record".to_owned(), |at| format!("record_{at}"));
    let said = findings.first().map_or_else(|| "passes".to_owned(), |finding| format!("is_{}", finding.code));
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("{origin}_{said}").chars().map(plain).collect()
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "    {line}").expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::catalog::{ManifestField, ManifestParameter};
    use crate::model::finding::{Effect, RuleId};
    use crate::model::ids::Sha256;
    use crate::model::record::Kind;

    fn manifest(name: &str, parameter: &str) -> Manifest {
        let field = |name: &str| ManifestField { name: name.into(), kind: Kind::Decimal, required: true };
        let parameter = ManifestParameter {
            name: parameter.into(),
            kind: Kind::Decimal,
            summary: String::new(),
            default: "0".into(),
        };
        Manifest {
            name: name.into(),
            version: "1.0.0".into(),
            summary: String::new(),
            fields: vec![field("amount")],
            codes: Vec::new(),
            parameters: vec![parameter],
        }
    }

    fn finding(code: &str, detail: &str) -> Finding {
        let rule = Arc::new(RuleId { name: "r".into(), sha256: Sha256::of(b"") });
        Finding { row: 0, rule, code: code.into(), effect: Effect::DeadLetter, detail: detail.into() }
    }

    fn test_of(least: &str, amount: Option<&str>, findings: &[Finding], origin: Option<&str>) -> String {
        rule_test(&Tried {
            manifest: &manifest("negative_amount", "least"),
            parameters: &BTreeMap::from([("least".into(), least.into())]),
            fields: &BTreeMap::from([("amount".into(), amount.map(str::to_owned)), ("type".into(), None)]),
            findings: findings.iter().collect(),
            origin,
        })
    }

    /// The crates of the repository have what is made here among their tests, so that it compiles and passes.
    #[test]
    fn what_is_made_is_a_test_of_the_rule_s_crate() {
        let crate_text = include_str!("../../../../rules/negative_amount/src/lib.rs");
        let hit = [finding("AMOUNT_NEGATIVE", "amount -1.50 < 0")];
        let made = [test_of("0", Some("-1.50"), &hit, Some("3@18234771")), test_of("-2.5", Some("-1.50"), &[], None)];
        for test in made {
            let indented: String = test.lines().map(|line| format!("    {line}\n")).collect();
            assert!(crate_text.contains(&indented), "{indented}is not in the crate");
        }
    }

    #[test]
    fn a_failure_of_the_rule_and_texts_that_would_end_a_literal_are_written_as_they_are() {
        let test = test_of("0", Some("\"); //\u{202e}"), &[finding("RULE_TRAP", "unreachable\n")], None);
        assert!(test.contains("fn this_record_is_rule_trap() {"), "{test}");
        assert!(test.contains(r#"[("amount", Some("\"); //\u{202e}"))]"#), "{test}");
        assert!(test.contains("// The engine says RULE_TRAP: \"unreachable\\n\"\n"), "{test}");
        let missing = test_of("0", None, &[], None);
        assert!(missing.contains("[(\"amount\", None)]"), "{missing}");
    }
}
