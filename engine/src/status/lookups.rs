//! The lookups that do not answer, as each worker has met them: a state for each lookup, and a condition where nobody waits
//! for one or waiting does not fix it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::dependencies::{Dependencies, Dependency};
use crate::conditions::{Conditions, Severity};

/// A lookup that did not answer when a worker last asked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupAway {
    /// Its name in the configuration.
    pub name: String,
    /// `on_unavailable = "missing"`: nobody waits for it.
    pub missing: bool,
    /// Waiting does not fix it.
    pub refused: bool,
    /// When the worker last asked it, in epoch milliseconds.
    pub at: i64,
    /// Why it did not answer; of one that refused, with what to do about it.
    pub why: String,
}

/// See the module.
#[derive(Debug)]
pub struct Lookups {
    /// Those that did not answer when they were last asked, by worker.
    away: Mutex<BTreeMap<usize, Vec<LookupAway>>>,
    dependencies: Dependencies,
    conditions: Conditions,
}

impl Lookups {
    pub(super) fn new(dependencies: Dependencies, conditions: Conditions) -> Self {
        Self { away: Mutex::default(), dependencies, conditions }
    }

    /// All lookups that do not answer this worker. Those that are not waited for are a warning: what is judged lacks fields.
    pub(crate) fn set_away(&self, worker: usize, away: Vec<LookupAway>) {
        let mut all = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(&worker).map_or(away.is_empty(), |before| *before == away) {
            return;
        }
        let before = all.insert(worker, away).unwrap_or_default();
        for LookupAway { name, .. } in
            before.iter().filter(|before| !all.values().flatten().any(|now| now.name == before.name))
        {
            self.dependencies.asked(Dependency::Lookup(name.clone()), true, None);
        }
        for LookupAway { name, at, why, .. } in all.values().flatten() {
            self.dependencies.asked_at(*at, Dependency::Lookup(name.clone()), false, Some(why));
        }
        let (refused, away): (Vec<_>, Vec<_>) = all.values().flatten().partition(|lookup| lookup.refused);
        let missing: Vec<_> = away.into_iter().filter(|lookup| lookup.missing).collect();
        for LookupAway { name, why, .. } in &missing {
            let message = format!(
                "lookup.{name}: Redis does not answer ({why}), so its fields are missing (on_unavailable); start it, or correct \
                 lookup.{name}.url"
            );
            self.conditions.raise(Severity::Warning, "lookup.away", name.as_str(), message);
        }
        for LookupAway { name, missing, why, .. } in &refused {
            let (severity, so) = match missing {
                true => (Severity::Warning, "so its fields are missing (on_unavailable)"),
                false => (Severity::NotReady, "and what needs it waits; it is asked again, so fixing it is enough"),
            };
            self.conditions.raise(severity, "lookup.refused", name.as_str(), format!("lookup.{name}: {why}; {so}"));
        }
        let stays = |of: &[&LookupAway], name: &str| of.iter().any(|lookup| lookup.name == name);
        self.conditions.keep("lookup.away", |name| stays(&missing, name));
        self.conditions.keep("lookup.refused", |name| stays(&refused, name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookups() -> Lookups {
        Lookups::new(Dependencies::default(), Conditions::default())
    }

    fn away(name: &str, missing: bool) -> LookupAway {
        LookupAway { name: name.into(), missing, refused: false, at: 1_000, why: "connection refused".into() }
    }

    #[test]
    fn each_lookup_is_up_or_away_for_itself_also_if_nobody_waits_for_it() {
        let lookups = lookups();
        lookups.set_away(0, vec![away("customer", true)]);
        lookups.set_away(1, Vec::new());
        let known = |name: &str| lookups.dependencies.of(&Dependency::Lookup(name.into()));
        let up = |name: &str| known(name).is_none_or(|known| known.up);
        assert!(!up("customer") && up("merchant"));
        let warned: Vec<_> = lookups.conditions.all().into_iter().map(|condition| condition.subject).collect();
        assert_eq!(warned, ["customer"], "its fields are missing, and somebody has to hear of it");
        lookups.set_away(0, vec![away("merchant", false)]);
        assert!(up("customer") && !up("merchant"));
        let customer = known("customer").expect("it failed before");
        assert_eq!(customer.last_error.expect("it failed before").1, "connection refused");
        assert!(lookups.conditions.all().is_empty(), "one that is waited for shows in /readyz");
    }

    #[test]
    fn an_error_that_goes_on_was_last_seen_at_the_last_try_of_whichever_worker() {
        let lookups = lookups();
        for (worker, at) in [(0, 1_000), (1, 3_000), (0, 2_000)] {
            lookups.set_away(worker, vec![LookupAway { at, ..away("customer", false) }]);
        }
        let known = lookups.dependencies.of(&Dependency::Lookup("customer".into())).expect("it was asked");
        assert_eq!((known.since, known.last_error), (1_000, Some((3_000, "connection refused".to_owned()))));
    }

    #[test]
    fn a_lookup_that_waiting_does_not_fix_is_a_condition_of_its_own_until_it_answers() {
        let lookups = lookups();
        for (missing, severity) in [(false, Severity::NotReady), (true, Severity::Warning)] {
            let why = "wrong password: correct it".to_owned();
            lookups.set_away(0, vec![LookupAway { refused: true, why, ..away("customer", missing) }]);
            let all = lookups.conditions.all();
            assert_eq!(all.iter().map(|c| (c.code, c.severity)).collect::<Vec<_>>(), [("lookup.refused", severity)]);
            assert!(all[0].message.contains("correct it") && !all[0].message.contains("does not answer"), "{all:?}");
        }
        lookups.set_away(0, Vec::new());
        assert!(lookups.conditions.all().is_empty());
    }
}
