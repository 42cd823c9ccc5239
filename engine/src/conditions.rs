//! What an operator has to know and no record tells: a check that is off, a rule over its budget, a database that was set back.
//! A condition is raised where it is found and cleared where it is over; meanwhile `/readyz`, `weir status` and the metric
//! `weir_conditions` show it, and the log has a line at each change. It knows no stage.
//!
//! A component that finds conditions keeps a [`Conditions`] of its own; the pipeline shows those of all components.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether the pipeline does its work in spite of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// `/readyz` stays 200 and names it in its body.
    Warning,
    /// `/readyz` is 503.
    NotReady,
}

/// One state that somebody has to look at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Condition {
    /// One of a fixed list, for alerts: `rules.none_live`.
    pub code: &'static str,
    /// What it is about, if there can be several: a rule, a partition, a file. Empty otherwise.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, where, and what to do about it. Holds no secret.
    pub message: String,
}

/// The conditions of one component. A cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Conditions(Arc<Mutex<BTreeMap<(&'static str, String), Condition>>>);

impl Conditions {
    /// Sets a condition; logs it if it is new or says something else than before.
    pub fn raise(
        &self,
        severity: Severity,
        code: &'static str,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) {
        let (subject, message) = (subject.into(), message.into());
        let condition = Condition { code, subject: subject.clone(), severity, message };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(&(code, subject.clone())) == Some(&condition) {
            return;
        }
        match severity {
            Severity::Warning => tracing::warn!(code, subject, "{}", condition.message),
            Severity::NotReady => tracing::error!(code, subject, "{}", condition.message),
        }
        all.insert((code, subject), condition);
        gauge(code, &all);
    }

    /// Ends a condition, if there is one.
    pub fn clear(&self, code: &'static str, subject: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.remove(&(code, subject.to_owned())).is_some() {
            tracing::info!(code, subject, "over");
            gauge(code, &all);
        }
    }

    /// Ends each condition with this code whose subject is not among these.
    pub fn keep(&self, code: &'static str, stays: impl Fn(&str) -> bool) {
        let gone: Vec<String> = self.with(code).into_iter().map(|c| c.subject).filter(|s| !stays(s)).collect();
        gone.iter().for_each(|subject| self.clear(code, subject));
    }

    /// All conditions that were raised and not cleared, ordered by code and subject.
    pub fn all(&self) -> Vec<Condition> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Those with this code.
    pub fn with(&self, code: &str) -> Vec<Condition> {
        self.all().into_iter().filter(|condition| condition.code == code).collect()
    }
}

/// How many are under a code: subjects are no label, there may be any number of them.
fn gauge(code: &'static str, all: &BTreeMap<(&'static str, String), Condition>) {
    let standing = all.keys().filter(|(other, _)| *other == code).count();
    metrics::gauge!("weir_conditions", "code" => code).set(standing as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_stands_from_its_raise_to_its_clear_and_has_the_newest_message() {
        let conditions = Conditions::default();
        conditions.raise(Severity::Warning, "rules.none_live", "", "no rule is live");
        conditions.raise(Severity::NotReady, "store.set_back", "", "revision 3 after 5");
        conditions.raise(Severity::Warning, "rules.none_live", "", "no rule is live; publish one");
        let all = conditions.all();
        assert_eq!(all.iter().map(|c| c.code).collect::<Vec<_>>(), ["rules.none_live", "store.set_back"]);
        assert_eq!(all[0].message, "no rule is live; publish one");
        conditions.clear("rules.none_live", "");
        conditions.clear("rules.none_live", "");
        assert_eq!(conditions.all().len(), 1);
    }

    #[test]
    fn those_of_subjects_that_are_gone_end() {
        let conditions = Conditions::default();
        for rule in ["a", "b"] {
            conditions.raise(Severity::Warning, "rules.budget", rule, "slow");
        }
        conditions.keep("rules.budget", |rule| rule == "b");
        assert_eq!(conditions.all().iter().map(|c| c.subject.as_str()).collect::<Vec<_>>(), ["b"]);
    }
}
