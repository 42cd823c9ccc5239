//! What became another between two looks: instances, owners of partitions, services, conditions. Changes of the rule set are the
//! audit's to tell ([`super::exchange`]).

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::problem::redact;
use crate::admin::views::{DependencyState, InstanceView, InstancesView, PipelineStatus};
use crate::status::{Change, ChangeKind, History};

/// Characters of an id that are told: two instances with the same ones are not to be expected.
const ID: usize = 8;
/// Characters of a condition's message.
const TEXT: usize = 300;

/// What the last look found.
#[derive(Default)]
pub(super) struct Before {
    /// Whether there was one.
    looked: bool,
    /// Whether one knew of the other instances: what they did before is no change.
    knows_others: bool,
    /// Instances, and whether each was heard of.
    instances: BTreeMap<String, bool>,
    /// Partitions, and which instance had each.
    owners: BTreeMap<i32, Option<String>>,
    /// Services that answered so far, and whether each was up.
    services: BTreeMap<String, bool>,
    /// Code and subject of each condition.
    conditions: BTreeSet<(&'static str, String)>,
}

impl Before {
    /// Tells the history what changed since the last look, and remembers this one. `now`: epoch milliseconds.
    pub(super) fn tell(&mut self, seen: &InstancesView, pipeline: &PipelineStatus, now: i64, history: &History) {
        let mut changes = Vec::new();
        if let Some(own) = seen.instances.first().filter(|_| !self.looked) {
            changes.push((ChangeKind::Instance, runs(own)));
        }
        // Where only this instance is known, the others are not gone.
        if seen.alone.is_none() {
            let mut of_others = Vec::new();
            self.instances(seen, &mut of_others);
            self.owners(seen, &mut of_others);
            if std::mem::replace(&mut self.knows_others, true) {
                changes.append(&mut of_others);
            }
        }
        self.services(pipeline, &mut changes);
        self.conditions(pipeline, &mut changes);
        self.looked = true;
        for (kind, text) in changes {
            history.change(Change { at: now, kind, text, rules: None });
        }
    }

    fn instances(&mut self, seen: &InstancesView, changes: &mut Vec<(ChangeKind, String)>) {
        let known: BTreeMap<_, _> = seen.instances.iter().map(|of| (of.id.clone(), of.is_heard)).collect();
        let mut tell = |text| changes.push((ChangeKind::Instance, text));
        for instance in &seen.instances {
            let (id, before) = (short(&instance.id), self.instances.get(&instance.id));
            match (before, instance.is_heard) {
                (None, true) => tell(runs(instance)),
                (Some(true), false) => tell(format!("instance {id} is not heard of any more")),
                (Some(false), true) => tell(format!("instance {id} is heard of again")),
                (None | Some(false), false) | (Some(true), true) => {}
            }
        }
        for (id, _) in self.instances.iter().filter(|(id, heard)| **heard && !known.contains_key(*id)) {
            tell(format!("instance {} ended", short(id)));
        }
        self.instances = known;
    }

    fn owners(&mut self, seen: &InstancesView, changes: &mut Vec<(ChangeKind, String)>) {
        let owners: BTreeMap<_, _> =
            seen.partitions.iter().map(|of| (of.figures.partition, of.instance.clone())).collect();
        let mut moved: BTreeMap<Option<&str>, Vec<i32>> = BTreeMap::new();
        for (partition, owner) in &owners {
            let before = self.owners.get(partition);
            // One that nobody has at the first look is no change.
            if before != Some(owner) && (before.is_some() || owner.is_some()) {
                moved.entry(owner.as_deref()).or_default().push(*partition);
            }
        }
        for partition in self.owners.keys().filter(|partition| !owners.contains_key(partition)) {
            moved.entry(None).or_default().push(*partition);
        }
        for (owner, partitions) in moved {
            let (many, numbers) = (if partitions.len() == 1 { "" } else { "s" }, ranges(&partitions));
            let text = match owner {
                Some(id) => format!("instance {} has partition{many} {numbers} from now on", short(id)),
                None => format!("no instance that is heard of has partition{many} {numbers} any more"),
            };
            changes.push((ChangeKind::Partitions, text));
        }
        self.owners = owners;
    }

    fn services(&mut self, pipeline: &PipelineStatus, changes: &mut Vec<(ChangeKind, String)>) {
        for dependency in &pipeline.dependencies {
            let is_up = dependency.state == DependencyState::Up;
            let name = &dependency.name;
            // One that did not answer yet has not gone: its first answer is no change, and neither is its silence before.
            if !is_up && !self.services.contains_key(name) {
                continue;
            }
            let was_up = self.services.insert(name.clone(), is_up);
            match (was_up, is_up) {
                (Some(false), true) => changes.push((ChangeKind::Service, format!("{name} answers again"))),
                (Some(true), false) => changes.push((ChangeKind::Service, format!("{name} does not answer"))),
                (None, _) | (Some(true), true) | (Some(false), false) => {}
            }
        }
    }

    fn conditions(&mut self, pipeline: &PipelineStatus, changes: &mut Vec<(ChangeKind, String)>) {
        let mut known = BTreeSet::new();
        for condition in &pipeline.conditions {
            let key = (condition.code, condition.subject.clone());
            if !self.conditions.contains(&key) {
                let message: String = redact(&condition.message).chars().take(TEXT).collect();
                changes.push((ChangeKind::Condition, format!("{} began: {message}", condition.code)));
            }
            known.insert(key);
        }
        for (code, subject) in self.conditions.difference(&known) {
            let about = if subject.is_empty() { String::new() } else { format!(" ({subject})") };
            changes.push((ChangeKind::Condition, format!("{code}{about} is over")));
        }
        self.conditions = known;
    }
}

fn runs(instance: &InstanceView) -> String {
    format!("instance {} runs: Weir {} at {}", short(&instance.id), instance.version, instance.address)
}

fn short(id: &str) -> &str {
    id.get(..ID).unwrap_or(id)
}

/// `0-3, 7`, of ascending numbers.
fn ranges(numbers: &[i32]) -> String {
    let runs = numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let text = |run: &[i32]| match run {
        [one] => one.to_string(),
        run => format!("{}-{}", run[0], run[run.len() - 1]),
    };
    runs.map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::views::{
        AloneView, DependencyView, InstanceState, OwnedPartitionView, PartitionFigures, PartitionState,
    };
    use crate::conditions::{Condition, Severity};

    fn instance(id: &str, is_heard: bool) -> InstanceView {
        InstanceView {
            id: id.into(),
            is_heard,
            version: "1.0.0".into(),
            address: "http://a".into(),
            ..InstanceView::default()
        }
    }

    fn partition(partition: i32, owner: Option<&str>) -> OwnedPartitionView {
        let figures = PartitionFigures {
            partition,
            worker: 0,
            state: PartitionState::Running,
            epoch: None,
            judged: None,
            committed: None,
            lag: None,
            oldest_ms: None,
            change_per_second: None,
            watermark: None,
            error: None,
        };
        OwnedPartitionView { position: None, instance: owner.map(str::to_owned), figures }
    }

    fn pipeline(is_up: bool, conditions: &[&'static str]) -> PipelineStatus {
        let state = if is_up { DependencyState::Up } else { DependencyState::Away };
        let condition = |code: &&'static str| Condition {
            code,
            subject: "r".into(),
            severity: Severity::Warning,
            message: "mysql://weir:s3cret@db is slow".into(),
        };
        PipelineStatus {
            name: "fraud".into(),
            version: "1.0.0".into(),
            state: InstanceState::Running,
            uptime_seconds: 0,
            workers: 1,
            ready: true,
            not_ready: Vec::new(),
            missing: Vec::new(),
            last_checkpoint_age_ms: None,
            revision: 1,
            dependencies: vec![DependencyView { name: "database".into(), state, since: None, last_error: None }],
            partitions: Vec::new(),
            conditions: conditions.iter().map(condition).collect(),
        }
    }

    /// What a look at these tells, after the looks before it.
    fn told(before: &mut Before, seen: &InstancesView, pipeline: &PipelineStatus) -> Vec<String> {
        let history = History::default();
        before.tell(seen, pipeline, 0, &history);
        history.changes().into_iter().map(|change| change.text).collect()
    }

    fn seen(instances: Vec<InstanceView>, partitions: Vec<OwnedPartitionView>) -> InstancesView {
        InstancesView { instances, partitions, ..InstancesView::default() }
    }

    #[test]
    fn who_comes_goes_and_takes_partitions_is_told_once() {
        let (mut before, quiet) = (Before::default(), pipeline(true, &[]));
        let one = seen(vec![instance("aaaaaaaaaaaa", true)], vec![partition(0, None)]);
        assert_eq!(told(&mut before, &one, &quiet), ["instance aaaaaaaa runs: Weir 1.0.0 at http://a"]);
        let all = |owner| (0..4).map(|number| partition(number, owner)).chain([partition(7, owner)]).collect();
        let two = seen(vec![instance("aaaaaaaaaaaa", true), instance("b", true)], all(Some("b")));
        let texts = ["instance b runs: Weir 1.0.0 at http://a", "instance b has partitions 0-3, 7 from now on"];
        assert_eq!(told(&mut before, &two, &quiet), texts);
        assert_eq!(told(&mut before, &two, &quiet), [""; 0]);
        let silent = seen(vec![instance("aaaaaaaaaaaa", true), instance("b", false)], all(None));
        let texts =
            ["instance b is not heard of any more", "no instance that is heard of has partitions 0-3, 7 any more"];
        assert_eq!(told(&mut before, &silent, &quiet), texts);
        let gone = seen(vec![instance("c", true)], vec![partition(0, Some("c"))]);
        let texts = [
            "instance c runs: Weir 1.0.0 at http://a",
            "instance aaaaaaaa ended",
            "no instance that is heard of has partitions 1-3, 7 any more",
            "instance c has partition 0 from now on",
        ];
        assert_eq!(told(&mut before, &gone, &quiet), texts);
    }

    #[test]
    fn who_was_there_before_this_instance_knew_of_it_is_no_change() {
        let (mut before, quiet) = (Before::default(), pipeline(true, &[]));
        let alone = AloneView { since: String::new(), why: "the database was not asked yet".into() };
        let own = InstancesView { alone: Some(alone), ..seen(vec![instance("a", true)], Vec::new()) };
        assert_eq!(told(&mut before, &own, &quiet), ["instance a runs: Weir 1.0.0 at http://a"]);
        let both = vec![instance("a", true), instance("b", true)];
        assert_eq!(told(&mut before, &seen(both.clone(), vec![partition(0, Some("b"))]), &quiet), [""; 0]);
        let texts = ["instance a has partition 0 from now on"];
        assert_eq!(told(&mut before, &seen(both, vec![partition(0, Some("a"))]), &quiet), texts);
    }

    #[test]
    fn while_the_database_is_away_the_others_are_not_gone() {
        let (mut before, quiet) = (Before::default(), pipeline(true, &[]));
        let both = vec![instance("a", true), instance("b", true)];
        told(&mut before, &seen(both.clone(), vec![partition(0, Some("b"))]), &quiet);
        let alone = AloneView { since: String::new(), why: "away".into() };
        let one = InstancesView { alone: Some(alone), ..seen(vec![instance("a", true)], Vec::new()) };
        assert_eq!(told(&mut before, &one, &quiet), [""; 0]);
        assert_eq!(told(&mut before, &seen(both, vec![partition(0, Some("b"))]), &quiet), [""; 0]);
    }

    #[test]
    fn services_and_conditions_are_told_when_they_begin_and_end_without_a_password() {
        let (mut before, nobody) = (Before::default(), InstancesView::default());
        assert_eq!(told(&mut before, &nobody, &pipeline(false, &[])), [""; 0], "it was so before");
        let texts = ["rules.over_budget began: mysql://***@db is slow"];
        assert_eq!(
            told(&mut before, &nobody, &pipeline(true, &["rules.over_budget"])),
            texts,
            "a first answer is none again"
        );
        let texts = ["database does not answer", "rules.over_budget (r) is over"];
        assert_eq!(told(&mut before, &nobody, &pipeline(false, &[])), texts);
        assert_eq!(told(&mut before, &nobody, &pipeline(true, &[])), ["database answers again"]);
    }
}
