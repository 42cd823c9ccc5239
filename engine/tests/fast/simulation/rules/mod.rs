//! The rule set of a schedule: the catalog's tables, the rules directory, what people and accidents do to both, and what instances
//! make of it by the engine's own code (`weir::rules::flow`). Rows are lost or set back, directories go away, are emptied or are
//! others than before. No rule may leave force on an instance that nobody meant to go.

mod instance;
mod store;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use weir::model::catalog::{Entry, Manifest, Mode, Origin, VersionInfo};
use weir::model::ids::Sha256;

use super::world::World;
pub(crate) use instance::Rules;
use tables::Tables;

/// A number is a rule's.
type Rule = u8;
type Names = BTreeSet<Rule>;

/// Rules of a schedule.
const RULES: u32 = 4;
/// What the directory of another cluster's engine holds.
const FOREIGN: Rule = 99;

/// The catalog's tables, the shared directory, and what is known about both.
#[derive(Default)]
pub(crate) struct Catalog {
    tables: Tables,
    files: BTreeMap<String, Rule>,
    /// Files that were deleted by accident, all at once.
    lost: BTreeMap<String, Rule>,
    /// Rules that people want in force.
    meant: Names,
    /// Of rules that people want in force: the change before which they did not.
    unmeant_until: BTreeMap<Rule, u64>,
    /// Rules that people ever removed, so that an instance may be about to retire one.
    ever_removed: Names,
    /// Rules that nobody can know of any more: an older backup was restored, or rows were lost.
    given_up: Names,
    /// Those that ever were.
    ever_given_up: Names,
    /// Rules that may leave force with a revision, for they were given up then.
    excused: BTreeMap<u64, Names>,
    /// Which rule a revision retired.
    retired: BTreeMap<u64, Names>,
    /// An older backup was restored, so one number may stand for two revisions.
    restored: bool,
    /// How often the files changed.
    changes: u64,
}

impl Catalog {
    /// A person, or time, does something to the directory or the rows. `scanned`: the change up to which every instance has seen
    /// all files.
    pub(crate) fn somebody_acts(world: &mut World, scanned: u64) {
        if !world.faults {
            return world.rules.made_good();
        }
        let (what, pick) = (world.dice.below(12), world.dice.below(RULES));
        let (rule, catalog) = (pick as Rule, &mut world.rules);
        let known = scanned >= catalog.changes;
        match what {
            // Two accidents at once look like a removal to whoever has seen neither: one of two files that were lost is back, or
            // its rule is not in force.
            0..7 | 8.. if !known && !catalog.lost.is_empty() => return,
            0..4 => {
                catalog.files.insert(format!("{rule}.wasm"), rule);
                if catalog.meant.insert(rule) {
                    catalog.unmeant_until.insert(rule, catalog.changes);
                }
            }
            4 => {
                if let Some(rule) = catalog.files.remove(&format!("{rule}.wasm"))
                    && !catalog.files.values().any(|other| *other == rule)
                {
                    catalog.meant.remove(&rule);
                    catalog.ever_removed.insert(rule);
                }
            }
            5 => {
                if let Some(rule) = catalog.files.remove(&format!("{rule}.wasm")) {
                    catalog.files.insert(format!("{rule}-renamed.wasm"), rule);
                }
            }
            // Whether every instance has seen them all or not.
            6 if catalog.in_force_by_files(scanned) >= 2 => {
                catalog.lost.append(&mut catalog.files);
                world.counts.directories_emptied += 1;
            }
            7 => catalog.files.append(&mut catalog.lost),
            8 => {
                catalog.lose_rows(pick);
                world.counts.rule_rows_lost += 1;
            }
            _ => catalog.repair(),
        }
        catalog.excuse();
        catalog.changes += u64::from(what < 8);
        world.say(|| format!("  rules: somebody does {what} to {rule}"));
    }

    /// What was lost is restored, and nobody does anything else any more.
    fn made_good(&mut self) {
        if !self.lost.is_empty() {
            self.files.append(&mut self.lost);
            self.changes += 1;
        }
        self.repair();
        self.excuse();
    }

    /// Err: a rule that people want and a file holds, and that is not in the set, though no row of it was lost.
    pub(crate) fn check_end(&self) -> Result<(), String> {
        let in_force = names(self.tables.newest());
        let held: Names = self.files.values().copied().collect();
        let missing = |rule: &&Rule| !in_force.contains(*rule) && !self.ever_given_up.contains(*rule);
        match self.meant.intersection(&held).find(missing) {
            Some(rule) => Err(format!("rule {rule} is out of force for good, and a file holds it")),
            None => Ok(()),
        }
    }

    /// Rules in force that people want, a file holds, and no instance that has seen all up to this change may be about to retire.
    fn in_force_by_files(&self, scanned: u64) -> usize {
        let in_force = names(self.tables.newest());
        let stays = |rule: Rule| !self.ever_removed.contains(&rule) || !self.was_unmeant_since(rule, scanned);
        let wanted = |rule: &&Rule| self.meant.contains(*rule) && in_force.contains(*rule) && stays(**rule);
        self.files.values().filter(wanted).copied().collect::<Names>().len()
    }

    fn lose_rows(&mut self, how: u32) {
        match how {
            0 => self.tables.current = None,
            1 => self.tables.current = self.tables.current.and_then(|current| current.checked_sub(1)),
            // One that starts without ever having seen the row cannot know of it.
            2 => self.given_up.extend(self.tables.lose_one().map(|entry| rule_of(&entry.name))),
            _ => {
                // An older backup: nobody who starts afterwards can know more.
                let gone = self.tables.restore_older();
                let left = names(self.tables.newest());
                self.given_up.extend(names(&gone).difference(&left));
                self.restored = true;
            }
        }
    }

    /// `weir rules repair`, which says what it took.
    fn repair(&mut self) {
        if let Some(taken) = self.tables.repair() {
            let taken = names(&taken);
            self.given_up.extend((0..RULES as Rule).filter(|rule| !taken.contains(rule)));
        }
    }

    /// A change was committed as the newest revision.
    fn changed(&mut self, rule: Rule, retires: bool) {
        if retires {
            self.retired.entry(self.tables.stored()).or_default().insert(rule);
            if self.restored {
                self.given_up.insert(rule);
            }
        } else {
            self.given_up.remove(&rule);
        }
        self.excuse();
    }

    fn excuse(&mut self) {
        self.ever_given_up.extend(&self.given_up);
        self.excused.entry(self.tables.stored()).or_default().extend(&self.given_up);
    }

    /// Whether people did not want the rule at this change of the files, or at one since.
    fn was_unmeant_since(&self, rule: Rule, change: u64) -> bool {
        !self.meant.contains(&rule) || self.unmeant_until.get(&rule).is_some_and(|until| *until >= change)
    }

    /// Whether the rule may leave force on an instance that goes from the one revision to the other.
    fn may_go(&self, rule: Rule, from: u64, to: u64) -> bool {
        let retired = || self.retired.range(from + 1..=to).any(|(_, rules)| rules.contains(&rule));
        to > from && (self.excused.get(&to).is_some_and(|rules| rules.contains(&rule)) || retired())
    }
}

fn name(rule: Rule) -> String {
    rule.to_string()
}

fn rule_of(name: &str) -> Rule {
    name.parse().expect("names are numbers")
}

fn sha256(rule: Rule) -> Sha256 {
    Sha256([rule; 32])
}

fn version(sha256: Sha256) -> VersionInfo {
    let manifest = Manifest {
        name: name(sha256.0[0]),
        version: String::new(),
        summary: String::new(),
        fields: Vec::new(),
        codes: Vec::new(),
        parameters: Vec::new(),
    };
    let origin = Origin::Directory;
    VersionInfo { sha256, manifest, origin, source: String::new(), published_at: 0, published_by: String::new() }
}

fn names(entries: &[Entry]) -> Names {
    entries.iter().map(|entry| rule_of(&entry.name)).collect()
}

fn entry(rule: Rule) -> Entry {
    Entry {
        name: name(rule),
        sha256: sha256(rule),
        order: 0,
        mode: Mode::Live,
        parameters: BTreeMap::new(),
        from_directory: true,
        suspended: None,
    }
}
