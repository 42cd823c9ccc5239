//! The newest dead letters in memory, and how many there were of each code, rule and version.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::message::BorrowedMessage;

use super::Wanted;
use super::filter::last_header;
use super::live::Keep;
use super::newest::{Newest, Shown, age};

/// Letters that are kept, of all partitions.
const LETTERS: usize = 1_000;
/// Bytes of their texts together.
const BYTES: usize = 4 << 20;
/// Bytes that are kept of a key, a value and each header.
const TEXT: usize = 1_024;
/// Groups that are counted each by itself; letters of others are counted together. A rule has few codes and a pipeline few rules.
const GROUPS: usize = 200;
/// Minutes that are counted each by itself.
pub const MINUTES: usize = 15;

/// What is kept.
const KEPT: Wanted<'static> =
    Wanted { topic: "", limit: LETTERS, code: None, within: Duration::ZERO, text: TEXT, bytes: BYTES };

/// See the module.
#[derive(Default)]
pub struct HeldLetters {
    newest: Newest,
    groups: BTreeMap<GroupKey, LetterGroup>,
    others: u64,
}

/// Why letters are dead: what they are grouped by. Empty: the letter has no such header.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// The code.
    pub code: String,
    /// The rule that decided; empty: the engine itself did.
    pub rule: String,
    /// Digest of that rule's module, in hex.
    pub sha256: String,
}

/// Letters of one code, rule and version, as far as they were read.
#[derive(Clone, Debug)]
pub struct LetterGroup {
    /// How many were read.
    pub letters: u64,
    /// When the first of them was written to the topic, in epoch milliseconds.
    pub first: i64,
    /// When the last of them was written, in epoch milliseconds.
    pub last: i64,
    /// One of the last: within a second of them.
    pub sample: Shown,
    minutes: Minutes,
}

impl Keep for HeldLetters {
    fn keep(&mut self, message: &BorrowedMessage<'_>) {
        self.newest.add(message, &KEPT);
        let text = |name| String::from_utf8_lossy(last_header(message, name)).into_owned();
        let key = GroupKey { code: text("weir.code"), rule: text("weir.rule"), sha256: text("weir.rule.sha256") };
        self.count(key, age(message).0, || Shown::of(message, TEXT));
    }
}

impl HeldLetters {
    /// The letters that are kept, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Shown> {
        self.newest.iter().rev()
    }

    /// The groups, in the order of their keys.
    pub fn groups(&self) -> impl Iterator<Item = (&GroupKey, &LetterGroup)> {
        self.groups.iter()
    }

    /// Letters that were read and are in none of the groups: there were too many groups before them.
    pub fn others(&self) -> u64 {
        self.others
    }

    fn count(&mut self, key: GroupKey, written: i64, sample: impl FnOnce() -> Shown) {
        if let Some(group) = self.groups.get_mut(&key) {
            group.letters += 1;
            group.first = group.first.min(written);
            group.last = group.last.max(written);
            group.minutes.add(written);
            if written >= group.sample.timestamp + 1_000 {
                group.sample = sample();
            }
        } else if self.groups.len() < GROUPS {
            let mut group = LetterGroup {
                letters: 1,
                first: written,
                last: written,
                sample: sample(),
                minutes: Minutes::default(),
            };
            group.minutes.add(written);
            self.groups.insert(key, group);
        } else {
            self.others += 1;
        }
    }
}

impl LetterGroup {
    /// Letters of each of the last minutes, the oldest first; the last one is not over. `now`: epoch milliseconds.
    pub fn by_minute(&self, now: i64) -> [u64; MINUTES] {
        self.minutes.until(now)
    }
}

/// Counts of the last minutes, each in the place of its number modulo [`MINUTES`].
#[derive(Clone, Debug, Default)]
struct Minutes {
    /// Number of the newest since 1970; None: none was counted.
    newest: Option<i64>,
    counts: [u64; MINUTES],
}

/// Minutes that are counted, as minutes are.
const SPAN: i64 = MINUTES as i64;

impl Minutes {
    fn add(&mut self, written: i64) {
        let minute = minute(written);
        let newest = self.newest.unwrap_or(minute);
        if minute <= newest - SPAN {
            return;
        }
        for passed in newest + 1..=minute.min(newest + SPAN) {
            self.counts[place(passed)] = 0;
        }
        if minute > newest + SPAN {
            self.counts = [0; MINUTES];
        }
        self.newest = Some(newest.max(minute));
        self.counts[place(minute)] += 1;
    }

    fn until(&self, now: i64) -> [u64; MINUTES] {
        let (last, newest) = (minute(now), self.newest.unwrap_or(i64::MIN / 2));
        let count = |minute: i64| {
            let is_counted = minute <= newest && minute > newest - SPAN;
            if is_counted { self.counts[place(minute)] } else { 0 }
        };
        std::array::from_fn(|at| count(last - (SPAN - 1) + at as i64))
    }
}

fn minute(time: i64) -> i64 {
    time.div_euclid(60_000)
}

fn place(minute: i64) -> usize {
    usize::try_from(minute.rem_euclid(SPAN)).expect("a remainder is below what it is of")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(timestamp: i64) -> Shown {
        Shown {
            partition: 0,
            offset: timestamp,
            timestamp,
            key: None,
            value: None,
            value_bytes: None,
            headers: Vec::new(),
            truncated: false,
        }
    }

    fn key(code: &str) -> GroupKey {
        GroupKey { code: code.to_owned(), ..GroupKey::default() }
    }

    #[test]
    fn a_group_knows_its_first_its_last_and_a_sample_of_the_last_second() {
        let mut held = HeldLetters::default();
        for written in [60_000, 59_000, 60_400, 61_500, 61_600] {
            held.count(key("A"), written, || shown(written));
        }
        let (_, group) = held.groups().next().expect("one group");
        assert_eq!((group.letters, group.first, group.last), (5, 59_000, 61_600));
        assert_eq!(group.sample.timestamp, 61_500, "each letter copied would cost as much as reading it");
    }

    #[test]
    fn groups_beyond_the_bound_are_counted_together() {
        let mut held = HeldLetters::default();
        for number in 0..GROUPS + 3 {
            held.count(key(&number.to_string()), 0, || shown(0));
        }
        held.count(key("0"), 0, || shown(0));
        assert_eq!((held.groups().count(), held.others()), (GROUPS, 3));
    }

    #[test]
    fn minutes_move_on_and_forget_what_is_older_than_they_reach() {
        let mut minutes = Minutes::default();
        let at = |minute: i64| minute * 60_000 + 1;
        for minute in [100, 100, 101, 99, 80] {
            minutes.add(at(minute));
        }
        let shown = |minutes: &Minutes, now: i64| minutes.until(at(now)).to_vec();
        assert_eq!(shown(&minutes, 101)[11..], [0, 1, 2, 1]);
        assert_eq!(shown(&minutes, 103)[11..], [2, 1, 0, 0], "time goes on without letters");
        assert_eq!(shown(&minutes, 116), [0; MINUTES]);
        minutes.add(at(115));
        assert_eq!(shown(&minutes, 115), [vec![1], vec![0; 13], vec![1]].concat(), "101 is the oldest of 15");
        minutes.add(at(1_000));
        assert_eq!(shown(&minutes, 1_000).iter().sum::<u64>(), 1);
    }
}
