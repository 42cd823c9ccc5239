//! The rule set of a schedule: the catalog's rows, the rules directory, and what an instance makes of both by the engine's own
//! decisions ([`Seen`], [`follows`]). Rows are lost or set back, directories go away, are emptied or are others than before. No
//! rule may leave force on an instance that nobody meant to go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;

use weir::model::catalog::{Entry, Mode, RuleSet};
use weir::model::ids::{Revision, Sha256};
use weir::model::store::StoreError;
use weir::rules::{Gone, Seen, SeenFile, follows};

use super::world::{Plant, World};

/// A number is a rule's.
type Rule = u8;
type Names = BTreeSet<Rule>;

/// Rules of a schedule.
const RULES: u32 = 4;
/// What the directory of another cluster's engine holds.
const FOREIGN: Rule = 99;

/// What a revision did, as the audit tells it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Retired(Rule),
    RepairedToNone,
    Other,
}

/// The catalog's tables, the shared directory, and what is known about both.
pub(crate) struct Catalog {
    /// `weir_rule_current`; None: the row is gone.
    current: Option<u64>,
    /// `weir_rule_set`, by revision.
    sets: BTreeMap<u64, Names>,
    /// `weir_audit`, by revision.
    audit: BTreeMap<u64, Line>,
    /// What was published from which file.
    published: BTreeMap<String, Rule>,
    files: BTreeMap<String, Rule>,
    /// Files that were deleted by accident, all at once.
    lost: BTreeMap<String, Rule>,
    /// Rules that people want in force.
    meant: Names,
    /// Which rules a revision took out of force because somebody meant it.
    removed: BTreeMap<u64, Names>,
    /// Rules that an operator gave up: he restored an older backup, or repaired what was left.
    given_up: Names,
    /// An older backup was restored, so one number may stand for two revisions.
    restored: bool,
    /// How often the files changed.
    changes: u64,
}

impl Default for Catalog {
    fn default() -> Self {
        Self {
            current: Some(0),
            sets: BTreeMap::new(),
            audit: BTreeMap::new(),
            published: BTreeMap::new(),
            files: BTreeMap::new(),
            lost: BTreeMap::new(),
            meant: Names::new(),
            removed: BTreeMap::new(),
            given_up: Names::new(),
            restored: false,
            changes: 0,
        }
    }
}

impl Catalog {
    fn stored(&self) -> u64 {
        let last = |keys: Option<&u64>| keys.copied().unwrap_or_default();
        last(self.sets.keys().next_back()).max(last(self.audit.keys().next_back()))
    }

    fn at(&self, revision: u64) -> Names {
        self.sets.get(&revision).cloned().unwrap_or_default()
    }

    /// As the port describes it: rows that contradict each other are no set.
    fn rule_set(&self) -> Result<(u64, Names), StoreError> {
        let (revision, lost) = (self.stored(), |what: &str| Err(StoreError::SetBack(what.to_owned())));
        if self.current.unwrap_or_default() != revision {
            return lost("weir_rule_current");
        }
        let names = self.at(revision);
        let empty = match self.audit.get(&revision) {
            _ if revision == 0 => true,
            Some(Line::Retired(rule)) => self.at(revision - 1) == Names::from([*rule]),
            Some(Line::RepairedToNone) => true,
            Some(Line::Other) | None => false,
        };
        if names.is_empty() && !empty { lost("weir_rule_set") } else { Ok((revision, names)) }
    }

    fn add(&mut self, revision: u64, names: Names, line: Line) {
        if !names.is_empty() {
            self.sets.insert(revision, names);
        }
        self.audit.insert(revision, line);
        self.current = Some(revision);
    }

    /// A person, or time, does something to the directory or the rows. `known`: every instance has seen all files. One that has
    /// not seen the second of two files takes them for one, when both go at once.
    pub(crate) fn somebody_acts(world: &mut World, known: bool) {
        let (what, pick) = (world.dice.below(12), world.dice.below(RULES));
        let faults = world.faults;
        let (rule, catalog) = (pick as Rule, &mut world.rules);
        match what {
            // Whoever has not yet seen that all went must not take two accidents for one removal.
            0..7 if !known && !catalog.lost.is_empty() => return,
            0..4 => {
                catalog.files.insert(format!("{rule}.wasm"), rule);
                catalog.meant.insert(rule);
            }
            4 => {
                if let Some(rule) = catalog.files.remove(&format!("{rule}.wasm"))
                    && !catalog.files.values().any(|other| *other == rule)
                {
                    catalog.meant.remove(&rule);
                }
            }
            5 => {
                if let Some(rule) = catalog.files.remove(&format!("{rule}.wasm")) {
                    catalog.files.insert(format!("{rule}-renamed.wasm"), rule);
                }
            }
            6 if faults && known && catalog.wanted_by_files() >= 2 => {
                catalog.lost.append(&mut catalog.files);
                world.counts.directories_emptied += 1;
            }
            7 => catalog.files.append(&mut catalog.lost),
            8 if faults => {
                catalog.lose_rows(pick);
                world.counts.rule_rows_lost += 1;
            }
            _ => catalog.repair(),
        }
        catalog.changes += u64::from(what < 8);
        world.say(|| format!("  rules: somebody does {what} to {rule}"));
    }

    fn wanted_by_files(&self) -> usize {
        let in_force = self.at(self.stored());
        let wanted = |rule: &&Rule| self.meant.contains(*rule) && in_force.contains(*rule);
        self.files.values().filter(wanted).collect::<BTreeSet<_>>().len()
    }

    fn lose_rows(&mut self, how: u32) {
        let revision = self.stored();
        match how {
            0 => self.current = None,
            1 => self.current = revision.checked_sub(1),
            // One that starts without ever having seen the row cannot know of it.
            2 => {
                if let Some(rule) = self.sets.get_mut(&revision).and_then(Names::pop_first) {
                    self.given_up.insert(rule);
                }
            }
            _ => {
                // An older backup: nobody who starts afterwards can know more.
                let gone = self.sets.remove(&revision).unwrap_or_default();
                self.audit.remove(&revision);
                self.current = Some(self.stored());
                let left = self.at(self.stored());
                self.given_up.extend(gone.difference(&left));
                self.restored = true;
            }
        }
    }

    /// `weir rules repair`, which says what it took.
    fn repair(&mut self) {
        if self.rule_set().is_ok() {
            return;
        }
        let highest = self.stored().max(self.current.unwrap_or_default());
        let taken = self.sets.last_key_value().map(|(_, names)| names.clone()).unwrap_or_default();
        self.given_up.extend((0..RULES as Rule).filter(|rule| !taken.contains(rule)));
        let line = if taken.is_empty() { Line::RepairedToNone } else { Line::Other };
        self.add(highest + 1, taken, line);
    }
}

/// Which directory an instance sees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mount {
    Shared,
    /// It can't be read.
    Away,
    /// An empty one, as beneath a mount that went away.
    Other,
    /// Of an engine that another cluster's records are meant for.
    Foreign,
}

/// The rules of one instance.
pub(crate) struct Rules {
    /// None: its start was refused, or is still to come.
    revision: Option<u64>,
    live: Names,
    seen: Seen<usize>,
    mount: Mount,
    /// [`Catalog::changes`] at its last scan that came to its end.
    scanned: u64,
}

impl Rules {
    pub(crate) fn new(foreign: bool) -> Self {
        let mount = if foreign { Mount::Foreign } else { Mount::Shared };
        Self { revision: None, live: Names::new(), seen: Seen::default(), mount, scanned: 0 }
    }

    /// Whether it has seen every file as it is.
    pub(crate) fn knows_all(&self, world: &World) -> bool {
        self.revision.is_none() || self.mount == Mount::Foreign || self.scanned == world.rules.changes
    }

    /// Starts, or looks at the store or at the directory. `held`: a partition contradicts the store.
    pub(crate) fn turn(&mut self, process: usize, held: bool, world: &mut World) {
        if self.mount != Mount::Foreign && world.fault(20) {
            self.mount = [Mount::Away, Mount::Other][world.dice.below(2) as usize];
            world.counts.directories_away += 1;
        } else if self.mount != Mount::Foreign && world.dice.one_in(4) {
            self.mount = Mount::Shared;
        }
        let before = (self.revision, self.live.clone());
        let done = match self.revision {
            None => self.start(world),
            Some(_) if world.dice.one_in(2) => self.poll(world),
            Some(_) if held && world.plant != Plant::HeldPublishes => Ok(()),
            Some(_) => self.poll(world).and_then(|()| self.scan(process, world)),
        };
        world.counts.rule_sets_refused += u64::from(done.is_err());
        if before.0 != self.revision {
            world.say(|| format!("  worker {process}: rules {before:?}, now {:?} by {:?}", self.live, self.revision));
        }
    }

    fn start(&mut self, world: &mut World) -> Result<(), StoreError> {
        let (revision, names) = world.rules.rule_set()?;
        (self.revision, self.live) = (Some(revision), names);
        Ok(())
    }

    /// Takes the store's set if it may come after the one in force.
    fn poll(&mut self, world: &mut World) -> Result<(), StoreError> {
        let (revision, names) = world.rules.rule_set()?;
        let Some(here) = self.revision else { return Ok(()) };
        if world.plant != Plant::RowsTakenAsTheyAre {
            let set =
                RuleSet { revision: Revision(revision), entries: names.iter().map(|rule| entry(*rule)).collect() };
            let live: Vec<_> = self.live.iter().map(|rule| (name(*rule), sha256(*rule))).collect();
            follows(Revision(here), live.iter().map(|(name, sha256)| (name.as_str(), *sha256)), &set)?;
        }
        let catalog = &world.rules;
        let meant = |rule: &&Rule| {
            let mut since = catalog.removed.range(here + 1..).take_while(|(at, _)| **at <= revision);
            revision > here && (catalog.given_up.contains(*rule) || since.any(|(_, removed)| removed.contains(*rule)))
        };
        let lost: Vec<_> = self.live.difference(&names).filter(|rule| !meant(rule)).copied().collect();
        if !lost.is_empty() {
            world.violated(|| {
                format!("rules {lost:?} left force from revision {here} to {revision}, and nobody meant it")
            });
        }
        (self.revision, self.live) = (Some(revision), names);
        Ok(())
    }

    fn scan(&mut self, process: usize, world: &mut World) -> Result<(), StoreError> {
        let (identity, files) = match self.mount {
            Mount::Away => return Ok(()),
            Mount::Shared => (usize::MAX, world.rules.files.clone()),
            Mount::Other => (process, BTreeMap::new()),
            Mount::Foreign => (process, BTreeMap::from([("foreign.wasm".to_owned(), FOREIGN)])),
        };
        self.seen.listed(&identity, |file| files.contains_key(file));
        for (file, rule) in &files {
            if !self.seen.files.contains_key(file) {
                if world.rules.published.get(file) != Some(rule) {
                    self.publish(*rule, world)?;
                    world.rules.published.insert(file.clone(), *rule);
                }
                let seen = SeenFile { stamp: (UNIX_EPOCH, 0), sha256: Some(sha256(*rule)), rule: Some(name(*rule)) };
                self.seen.files.insert(file.clone(), seen);
            }
        }
        let live: BTreeSet<_> = self.live.iter().map(|rule| name(*rule)).collect();
        match self.seen.gone(|file| files.contains_key(file), identity, |rule| live.contains(rule)) {
            Gone::LookAgain => return Ok(()),
            Gone::Lost(files) if world.plant != Plant::LostIsRemoved => {
                files.iter().for_each(|file| drop(self.seen.files.remove(file)));
            }
            Gone::Removed(files) | Gone::Lost(files) => {
                for file in files {
                    world.rules.published.remove(&file);
                    let rule = self.seen.files.get(&file).and_then(|seen| seen.rule.clone());
                    if let Some(rule) = rule.filter(|rule| !self.seen.holds_beside(&file, rule)) {
                        self.retire(rule.parse().expect("names are numbers"), world)?;
                    }
                    self.seen.files.remove(&file);
                }
            }
        }
        if self.mount == Mount::Shared {
            self.scanned = world.rules.changes;
        }
        Ok(())
    }

    fn publish(&mut self, rule: Rule, world: &mut World) -> Result<(), StoreError> {
        if rule == FOREIGN {
            world.violated(|| "a foreign cluster's engine published its directory's rules".into());
        }
        self.poll(world)?;
        let (base, mut names) = world.rules.rule_set()?;
        if names.insert(rule) {
            world.counts.rules_published += 1;
            world.rules.given_up.remove(&rule);
            world.rules.add(base + 1, names, Line::Other);
            self.poll(world)?;
        }
        Ok(())
    }

    fn retire(&mut self, rule: Rule, world: &mut World) -> Result<(), StoreError> {
        self.poll(world)?;
        let (base, mut names) = world.rules.rule_set()?;
        if names.remove(&rule) {
            if world.rules.meant.contains(&rule) {
                world.violated(|| format!("rule {rule} was retired, and nobody meant it"));
            }
            world.counts.rules_retired += 1;
            world.rules.removed.entry(base + 1).or_default().insert(rule);
            if world.rules.restored {
                world.rules.given_up.insert(rule);
            }
            world.rules.add(base + 1, names, Line::Retired(rule));
            self.poll(world)?;
        }
        Ok(())
    }
}

fn name(rule: Rule) -> String {
    rule.to_string()
}

fn sha256(rule: Rule) -> Sha256 {
    Sha256([rule; 32])
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
