//! What must hold after every event, whatever happened before it, and at the end of a schedule. A plant that an invariant
//! names at once is let past that one, so that it has to be caught by what it does to records and letters.

use std::collections::BTreeMap;

use weir::config::Beyond;

use super::kafka::Message;
use super::records::{Sum, group, records, window_of};
use super::world::{PARTITIONS, Plant, World};

/// What was seen last, to see what moved backwards.
#[derive(Default)]
pub(crate) struct Checker {
    n: [Option<i64>; PARTITIONS],
    k: [Option<i64>; PARTITIONS],
    /// Offset from which on the next letter is expected; None: no letter was seen yet.
    letters: [Option<i64>; PARTITIONS],
    /// The same of alerts.
    alerts: [Option<i64>; PARTITIONS],
}

impl Checker {
    /// Err: the invariant that does not hold, with its figures.
    pub(crate) fn check(&mut self, world: &mut World) -> Result<(), String> {
        let mut expected = Sum::default();
        for p in 0..world.kafka.partitions {
            let (row, k) = (&world.database.rows[p], world.kafka.k[p]);
            let (n, published) = (row.next.map(|n| n.0), row.published.map(|published| published.0));
            if n < self.n[p] {
                return Err(format!("N of P{p} moved back from {:?} to {n:?}", self.n[p]));
            }
            if k < self.k[p] {
                return Err(format!("K of P{p} moved back from {:?} to {k:?}", self.k[p]));
            }
            if k > n {
                return Err(format!("K of P{p} is {k:?}, past its N {n:?}"));
            }
            if published > k && world.plant != Plant::BeginSetsPublished {
                return Err(format!("P{p} is published to {published:?}, past its K {k:?}"));
            }
            if let Some((by, epoch)) = row.foreign {
                return Err(format!("a checkpoint of epoch {by} moved P{p} while its epoch was {epoch}"));
            }
            (self.n[p], self.k[p]) = (n, k);
            if let Some(n) = n {
                let sum = records().sum(p, world.kafka.starts[p], n);
                expected.records += sum.records;
                expected.amount += sum.amount;
            }
        }
        if world.database.total != expected {
            return Err(format!("the windows hold {:?}, the records before N are {expected:?}", world.database.total));
        }
        self.messages(world)
    }

    fn messages(&mut self, world: &mut World) -> Result<(), String> {
        for (p, message) in std::mem::take(&mut world.kafka.seen) {
            let last = match message {
                Message::Letter(offset) => self.letter(world, p, offset)?,
                Message::Alert(offset) => {
                    world.counts.alerts += 1;
                    self.alert(world, p, (offset, offset), 1)?
                }
                Message::NotSent(from, to, records) => {
                    world.counts.alert_summaries += 1;
                    if world.beyond == Beyond::Wait {
                        return Err(format!(
                            "{records} alerts of P{p} from {from} to {to} are counted, and should wait"
                        ));
                    }
                    self.alert(world, p, (from, to), records)?
                }
            };
            let apart = match message {
                Message::Letter(_) => Plant::OffsetsAfterLetters,
                _ if world.plant == Plant::OffsetsAfterLetters => Plant::OffsetsAfterLetters,
                _ => Plant::AlertsApart,
            };
            if world.kafka.k[p].is_none_or(|k| k <= last) && world.plant != apart {
                return Err(format!("{message:?} of P{p} was seen at K {:?}", world.kafka.k[p]));
            }
        }
        Ok(())
    }

    fn letter(&mut self, world: &World, p: usize, offset: i64) -> Result<i64, String> {
        let from = self.letters[p].unwrap_or(world.kafka.starts[p]);
        let next = records().next_letter(p, from);
        if offset != next {
            return Err(format!("the letter of P{p}@{offset} was seen where P{p}@{next} comes next"));
        }
        self.letters[p] = Some(offset + 1);
        Ok(offset)
    }

    /// What an alert says, or a summary: so many flagged records from the first to the last.
    fn alert(&mut self, world: &World, p: usize, (from, to): (i64, i64), told: u64) -> Result<i64, String> {
        let before = self.alerts[p].unwrap_or(world.kafka.starts[p]);
        let next = records().next_flagged(p, before);
        if from != next {
            return Err(format!("an alert of P{p}@{from} was seen where P{p}@{next} comes next"));
        }
        let flagged = records().flagged(p, from, to);
        if flagged != told || !records().is_flagged(p, to) {
            return Err(format!(
                "{told} alerts of P{p} from {from} to {to} are told, and {flagged} records are flagged"
            ));
        }
        self.alerts[p] = Some(to + 1);
        Ok(to)
    }

    /// Whether every record is counted and every letter seen.
    pub(crate) fn is_complete(&self, world: &World) -> bool {
        (0..world.kafka.partitions).all(|p| {
            let end = Some(world.kafka.ends[p]);
            self.n[p] == end && self.k[p] == end
        }) && world.kafka.live.is_empty()
    }

    /// At the end of a schedule: nothing lost, and every window right by itself.
    pub(crate) fn check_end(&self, world: &World) -> Result<(), String> {
        let mut expected: BTreeMap<_, Sum> = BTreeMap::new();
        for p in 0..world.kafka.partitions {
            let (start, end) = (world.kafka.starts[p], world.kafka.ends[p]);
            let next = records().next_letter(p, self.letters[p].unwrap_or(start));
            if next < end {
                return Err(format!("K of P{p} is at the end, but the letter of P{p}@{next} was never seen"));
            }
            let next = records().next_flagged(p, self.alerts[p].unwrap_or(start));
            if next < end {
                return Err(format!(
                    "K of P{p} is at the end, but the alert of P{p}@{next} was never sent nor counted"
                ));
            }
            for offset in start..end {
                if let Some(weight) = records().weight(p, offset) {
                    let (start, index) = window_of(offset);
                    let window = expected.entry((start, group(index).id)).or_default();
                    window.records += 1;
                    window.amount += i128::from(weight);
                }
            }
        }
        if expected != world.database.windows {
            return Err(format!("the windows are {:?}, not {expected:?}", world.database.windows));
        }
        Ok(())
    }
}
