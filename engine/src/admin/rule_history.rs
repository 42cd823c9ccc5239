//! What was done to a rule, put together from the audit, the sets that it made and the activations: how the rule was after each
//! change, and which offsets it judged so.

use std::collections::BTreeMap;

use super::views::{InForceView, RuleChangeView, RuleHistoryView, RuleStateView};
use crate::model::catalog::{Entry, Manifest, Mode, RuleChange};
use crate::model::checkpoint::Activation;

/// Activations that are looked at, the newest.
pub(super) const ACTIVATIONS: u32 = 1_000;
/// Ranges of a change that are listed.
const RANGES: usize = 100;

/// The newest `limit` of these changes, which are newest first. `activations`: ascending by partition and offset.
pub(super) fn history(
    rule: &str,
    mut changes: Vec<RuleChange>,
    limit: usize,
    activations: &[Activation],
) -> RuleHistoryView {
    let mut ranges = ranges(&changes, activations);
    let more = changes.len() > limit;
    changes.truncate(limit);
    ranges.truncate(limit);
    let changes = changes.into_iter().zip(ranges).map(|(change, mut in_force)| {
        let more_in_force = in_force.len().saturating_sub(RANGES) as u64;
        in_force.truncate(RANGES);
        let rule = change.entry.map(|entry| state(entry, change.manifest));
        RuleChangeView { line: change.line.into(), rule, in_force, more_in_force }
    });
    let in_force_cut = activations.len() >= ACTIVATIONS as usize;
    RuleHistoryView { rule: rule.to_owned(), changes: changes.collect(), more, in_force_cut }
}

fn state(entry: Entry, manifest: Option<Manifest>) -> RuleStateView {
    let Entry { sha256, order, mode, suspended, parameters: set, .. } = entry;
    let defaults = manifest.iter().flat_map(|manifest| &manifest.parameters);
    let mut parameters: BTreeMap<_, _> = defaults.map(|p| (p.name.clone(), p.default.clone())).collect();
    parameters.extend(set);
    let version = manifest.map(|manifest| manifest.version);
    RuleStateView { sha256: sha256.to_string(), version, mode, order, parameters, suspended }
}

/// For each change the ranges of offsets that the rule judged as the change left it.
fn ranges(changes: &[RuleChange], activations: &[Activation]) -> Vec<Vec<InForceView>> {
    let mut all = vec![Vec::<InForceView>::new(); changes.len()];
    for (at, activation) in activations.iter().enumerate() {
        // The newest change that the revision has.
        let known = changes.iter().position(|change| change.line.revision <= activation.revision.0);
        let Some(known) = known.filter(|&known| changes[known].entry.as_ref().is_some_and(judges)) else { continue };
        let partition = activation.partition;
        let next = activations.get(at + 1).filter(|next| next.partition == partition);
        let (from, to) = (activation.first_offset.0, next.map(|next| next.first_offset.0));
        match all[known].last_mut() {
            // A revision that changed other rules.
            Some(last) if last.partition == partition.0 && last.to == Some(from) => last.to = to,
            _ => all[known].push(InForceView { partition: partition.0, from, to }),
        }
    }
    all
}

fn judges(entry: &Entry) -> bool {
    entry.mode != Mode::Off && entry.suspended.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::{Audit, ManifestParameter};
    use crate::model::ids::{Offset, Partition, Revision, Sha256};
    use crate::model::record::Kind;

    fn change(revision: u64, entry: Option<Entry>) -> RuleChange {
        let (who, action, rule, detail) = ("ana".into(), "patch".into(), "r".into(), String::new());
        let line = Audit { at: 0, who, action, rule, revision, detail, reason: None };
        let parameter = |name: &str| ManifestParameter {
            name: name.into(),
            kind: Kind::Decimal,
            summary: String::new(),
            default: "10".into(),
        };
        let manifest = Manifest {
            name: "r".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            fields: Vec::new(),
            codes: Vec::new(),
            parameters: vec![parameter("floor"), parameter("limit")],
        };
        RuleChange { line, manifest: entry.is_some().then_some(manifest), entry }
    }

    fn entry(mode: Mode) -> Option<Entry> {
        let parameters = [("limit".to_owned(), "7".to_owned())].into();
        let (name, sha256) = ("r".into(), Sha256([1; 32]));
        Some(Entry { name, sha256, order: 3, mode, parameters, from_directory: false, suspended: None })
    }

    fn activations(of: &[(i32, i64, u64)]) -> Vec<Activation> {
        let activation = |&(partition, first_offset, revision): &(i32, i64, u64)| Activation {
            partition: Partition(partition),
            first_offset: Offset(first_offset),
            revision: Revision(revision),
        };
        of.iter().map(activation).collect()
    }

    fn in_force(change: &RuleChangeView) -> Vec<(i32, i64, Option<i64>)> {
        change.in_force.iter().map(|range| (range.partition, range.from, range.to)).collect()
    }

    #[test]
    fn a_change_is_in_force_from_where_its_revision_judged_until_the_next_one_of_the_rule() {
        // Revision 6 is of another rule; partition 1 never saw revision 5, and partition 2 went to an instance that lagged behind.
        let changes = vec![change(7, entry(Mode::Live)), change(5, entry(Mode::Live)), change(2, entry(Mode::Live))];
        let activations = activations(&[
            (0, 10, 2),
            (0, 100, 5),
            (0, 150, 6),
            (0, 200, 7),
            (1, 20, 3),
            (1, 90, 7),
            (2, 0, 1),
            (2, 5, 7),
            (2, 8, 6),
            (2, 9, 8),
        ]);
        let history = history("r", changes, 9, &activations);
        let told: Vec<_> = history.changes.iter().map(in_force).collect();
        assert_eq!(told[0], [(0, 200, None), (1, 90, None), (2, 5, Some(8)), (2, 9, None)]);
        assert_eq!(told[1], [(0, 100, Some(200)), (2, 8, Some(9))]);
        assert_eq!(told[2], [(0, 10, Some(100)), (1, 20, Some(90))]);
        assert!(!history.more && !history.in_force_cut);
    }

    #[test]
    fn a_rule_that_is_off_or_retired_is_in_force_nowhere_and_defaults_are_filled_in() {
        let changes = vec![change(3, None), change(2, entry(Mode::Off)), change(1, entry(Mode::Shadow))];
        let history = history("r", changes, 2, &activations(&[(0, 0, 1), (0, 5, 2), (0, 9, 3)]));
        assert_eq!((history.changes.len(), history.more), (2, true));
        assert!(history.changes[0].rule.is_none() && history.changes.iter().all(|change| change.in_force.is_empty()));
        let off = history.changes[1].rule.as_ref().expect("it is in the set");
        let wanted = [("floor", "10"), ("limit", "7")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!((off.mode, off.order, &off.parameters), (Mode::Off, 3, &wanted.into()));
    }

    #[test]
    fn of_many_partitions_a_hundred_are_listed_and_the_others_counted() {
        let many: Vec<_> = (0..130).map(|partition| (partition, 0, 1)).collect();
        let history = history("r", vec![change(1, entry(Mode::Live))], 9, &activations(&many));
        assert_eq!((history.changes[0].in_force.len(), history.changes[0].more_in_force), (100, 30));
    }
}
