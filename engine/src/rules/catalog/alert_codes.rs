//! Codes of `alerts.codes` that make no alert: a slip of the pen, a rule that is still to come, or a code that rejects. Looked at
//! whenever the set is: rules come and go, so it is a warning and no refusal.

use crate::conditions::{Conditions, Severity};
use crate::model::catalog::ManifestCode;
use crate::model::finding::Effect;
use crate::rules::live::LiveSet;

/// No rule of the set has the code.
const UNKNOWN: &str = "alerts.code_unknown";
/// Every rule that has it rejects with it.
const REJECTS: &str = "alerts.code_rejects";

pub(super) fn report<'c>(live: &LiveSet, codes: impl Iterator<Item = &'c String>, all: &Conditions) {
    for name in codes {
        let of_rules = live.rules.iter().flat_map(|rule| &rule.manifest.codes);
        let found: Vec<&ManifestCode> = of_rules.filter(|code| code.name == *name).collect();
        match found.is_empty() {
            false => all.clear(UNKNOWN, name),
            true => all.raise(Severity::Warning, UNKNOWN, name, unknown(live, name)),
        }
        match found.is_empty() || found.iter().any(|code| code.effect == Effect::Flag) {
            true => all.clear(REJECTS, name),
            false => all.raise(
                Severity::Warning,
                REJECTS,
                name,
                format!(
                    "alerts.codes names {name}, with which rules reject: such a record is a dead letter and never an alert. Read \
                     it from the dead-letter topic, and take the code out of alerts.codes"
                ),
            ),
        }
    }
}

fn unknown(live: &LiveSet, name: &str) -> String {
    let of_rules = live.rules.iter().flat_map(|rule| &rule.manifest.codes).map(|code| code.name.as_str());
    let near = crate::config::meant(name, of_rules).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!(
        "alerts.codes names {name}, which no rule of the set has (revision {}): it makes no alert until a rule that has it is \
         live{near}",
        live.revision
    )
}
