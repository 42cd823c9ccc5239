//! What an action would change, found by the edit that the action itself makes: tried on the newest set, and not brought into
//! force. A plan that is carried out on the revision that it names changes what it says, and nothing else.

use std::collections::BTreeMap;

use super::change::{Edit, Patch, retiring};
use super::difference::{Difference, differences};
use super::in_force::{self, Edited};
use super::publish::Publish;
use super::seen::is_at;
use super::{Catalog, Refused};
use crate::model::catalog::{Manifest, Mode};
use crate::model::finding::Effect;
use crate::model::ids::{Revision, Sha256};
use crate::rules::live::LiveRule;
use crate::rules::module::Requester;

/// What may be done to a rule of the set without a module.
#[derive(Clone, Debug)]
pub enum Action {
    /// Mode, order or parameters.
    Patch(Patch),
    /// Back to this version; None: to the one that was in force before.
    Rollback(Option<Sha256>),
    /// Out of the set.
    Retire,
}

/// What an action would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Revision of the set on which it was made.
    pub revision: Revision,
    /// Name of the rule.
    pub rule: String,
    /// What would be set otherwise; empty: nothing, and no revision would be made.
    pub differences: Vec<Difference>,
    /// What follows for records, for the rule set and for the pipeline, each a sentence for a person.
    pub effects: Vec<String>,
    /// What the audit would say; None: nothing would be made.
    pub detail: Option<String>,
}

impl Catalog {
    /// What an action would change; changes nothing.
    ///
    /// # Errors
    /// [`Refused`]: why the action itself would be refused now.
    pub async fn plan(&self, name: &str, action: Action, seen: Option<Revision>) -> Result<Plan, Refused> {
        let edit = match action {
            Action::Patch(patch) => self.patching(name, patch)?,
            Action::Rollback(to) => self.going_back(name, to, seen).await?,
            Action::Retire => retiring(name),
        };
        let plan = self.planned(name, &edit, seen).await;
        self.forget_unused();
        plan
    }

    /// What a publish of these bytes would change, and what the module says of itself; changes nothing.
    ///
    /// # Errors
    /// [`Refused`]: why the publish itself would be refused now.
    pub async fn plan_publish(&self, wasm: &[u8], how: &Publish) -> Result<(Manifest, Plan), Refused> {
        let sha256 = Sha256::of(wasm);
        let plan = async {
            // Held until the plan is made: no set names it.
            let module = self.loader.modules.validate(sha256, wasm, Requester::Client("check")).await?;
            let manifest = module.manifest.clone();
            let edit = self.bringing(&manifest, sha256, how, None);
            let plan = self.planned(&manifest.name, &edit, how.seen).await?;
            drop(edit);
            Ok((manifest, plan))
        };
        let plan = plan.await;
        self.forget_unused();
        plan
    }

    async fn planned(&self, name: &str, edit: &Edit<'_>, seen: Option<Revision>) -> Result<Plan, Refused> {
        let stored = self.store().rule_set().await?;
        is_at(self.store(), seen, &stored).await?;
        let revision = stored.revision;
        let Some(Edited { set, loaded, detail }) = in_force::edited(self, name, stored.clone(), edit).await? else {
            let (differences, effects) = (Vec::new(), Vec::new());
            return Ok(Plan { revision, rule: name.to_owned(), differences, effects, detail: None });
        };
        let live = self.live();
        let find = |rules: &[std::sync::Arc<LiveRule>]| rules.iter().find(|rule| &*rule.id.name == name).cloned();
        let (before, after) = (find(&live.rules), find(&loaded.rules));
        let [was, will] = [&before, &after].map(|rule| rule.as_deref().map_or_else(Acting::none, Acting::of));
        let mut effects = effects(&was, &will);
        let required = &self.loader.config.rules.required;
        if !will.acts && required.iter().any(|required| required == name) {
            effects.push("rules.required names it: the pipeline is not ready until it acts again".to_owned());
        }
        if was.acts && !loaded.rules.iter().any(|rule| Acting::of(rule).acts) {
            effects.push("no rule acts any more: every record that can be decoded is valid".to_owned());
        }
        let differences = differences(&stored.entries, &set.entries);
        Ok(Plan { revision, rule: name.to_owned(), differences, effects, detail: Some(detail) })
    }
}

/// What of a rule decides what becomes of records.
#[derive(Clone, Debug, Default)]
struct Acting {
    /// Whether it judges: neither absent, off nor suspended.
    judges: bool,
    /// Whether its hits do something: it is live and judges.
    acts: bool,
    version: Option<Sha256>,
    codes: BTreeMap<String, Effect>,
    fields: Vec<String>,
}

impl Acting {
    fn none() -> Self {
        Self::default()
    }

    fn of(rule: &LiveRule) -> Self {
        Self {
            judges: rule.judges(),
            acts: rule.judges() && rule.mode == Mode::Live,
            version: Some(rule.id.sha256),
            codes: rule.manifest.codes.iter().map(|code| (code.name.clone(), code.effect)).collect(),
            fields: rule.manifest.fields.iter().map(|field| field.name.clone()).collect(),
        }
    }

    /// What it does to records by which code.
    fn acting(&self) -> impl Iterator<Item = (&String, Effect)> {
        self.codes.iter().filter(|_| self.acts).map(|(code, effect)| (code, *effect))
    }
}

fn effects(was: &Acting, will: &Acting) -> Vec<String> {
    let does = |effect: Effect| match effect {
        Effect::DeadLetter => "makes a record a dead letter",
        Effect::Flag => "flags a record",
    };
    let acted = |code: &String| was.acting().find(|(name, _)| *name == code).map(|(_, effect)| effect);
    let will_act = |code: &String| will.acting().any(|(name, _)| name == code);
    let mut all = Vec::new();
    for (code, effect) in will.acting() {
        match acted(code) {
            None => all.push(format!("{code} {}, which it does not do now", does(effect))),
            Some(before) if before != effect => {
                all.push(format!("{code} {}, and no longer {}", does(effect), does(before)));
            }
            Some(_) => {}
        }
    }
    let ends = was.acting().filter(|(code, _)| !will_act(code));
    all.extend(ends.map(|(code, effect)| format!("{code} no longer {}", does(effect))));
    if will.judges && !will.acts {
        all.push("the rule judges in shadow: its hits are counted, and nothing acts on them".to_owned());
    }
    if was.judges && !will.judges {
        all.push("the rule judges nothing any more".to_owned());
    }
    if was.judges && will.judges && was.version != will.version {
        all.push("another version judges, from the next batch of each partition on".to_owned());
    }
    let new: Vec<_> = will.fields.iter().filter(|field| will.judges && !was.fields.contains(field)).cloned().collect();
    if was.judges && !new.is_empty() {
        all.push(format!("the rule reads more than before: {}", new.join(", ")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acting(acts: bool, judges: bool, codes: &[(&str, Effect)]) -> Acting {
        let codes = codes.iter().map(|(code, effect)| ((*code).to_owned(), *effect)).collect();
        Acting { judges, acts, version: Some(Sha256([1; 32])), codes, fields: vec!["amount".into()] }
    }

    #[test]
    fn what_follows_for_records_is_said_of_each_code() {
        use Effect::{DeadLetter, Flag};
        let live = acting(true, true, &[("A", Flag), ("B", DeadLetter)]);
        let shadow = acting(false, true, &[("A", Flag), ("B", DeadLetter)]);
        let off = acting(false, false, &[("A", Flag), ("B", DeadLetter)]);
        let in_shadow = "the rule judges in shadow: its hits are counted, and nothing acts on them";
        let ends = ["A no longer flags a record", "B no longer makes a record a dead letter"];
        let begins =
            ["A flags a record, which it does not do now", "B makes a record a dead letter, which it does not do now"];
        assert_eq!(effects(&live, &live), [""; 0]);
        assert_eq!(effects(&live, &shadow), [&ends[..], &[in_shadow]].concat());
        assert_eq!(effects(&live, &off), [&ends[..], &["the rule judges nothing any more"]].concat());
        assert_eq!(effects(&live, &Acting::none()), [&ends[..], &["the rule judges nothing any more"]].concat());
        assert_eq!(effects(&shadow, &live), begins);
        assert_eq!(effects(&Acting::none(), &live), begins);
    }

    #[test]
    fn another_version_says_what_it_does_otherwise_and_what_it_reads_beside() {
        let was = acting(true, true, &[("A", Effect::Flag), ("B", Effect::Flag)]);
        let mut will = acting(true, true, &[("A", Effect::DeadLetter), ("C", Effect::Flag)]);
        (will.version, will.fields) = (Some(Sha256([2; 32])), vec!["amount".into(), "customer.segment".into()]);
        let wanted = [
            "A makes a record a dead letter, and no longer flags a record",
            "C flags a record, which it does not do now",
            "B no longer flags a record",
            "another version judges, from the next batch of each partition on",
            "the rule reads more than before: customer.segment",
        ];
        assert_eq!(effects(&was, &will), wanted);
    }
}
