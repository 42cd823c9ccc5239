//! Tumbling windows over event time: what each (window, group) gained since the last checkpoint. Pure: the batch, the
//! verdicts and the time come in as arguments. It holds deltas, never totals: the store adds them, so a late record merges
//! into its row and a restart begins with nothing.
//!
//! The watermark of a partition is the greatest event time of its valid rows, or the clock where that is less, less
//! `out_of_orderness`. A row is late if its window had ended by then. So no record makes those late that are on time by
//! the engine's clock, whatever time it says, and no window that is still open is taken for final. A row that is a dead
//! letter moves nothing.

mod deltas;
mod group;
mod members;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::model::checkpoint::WindowDelta;
use crate::model::finding::{Fault, Stage};
use crate::model::ids::Partition;
use crate::model::record::{Batch, Schema, Value, Values};
use crate::model::time::{likely_unit, to_rfc3339 as rfc3339};

use deltas::Deltas;
use group::{Groups, OTHERS};
use members::Members;
pub use spec::WindowSpec;

/// What was decided about a row before it came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowVerdict {
    /// It is a dead letter: it is not summed and moves no watermark.
    Rejected,
    /// No rule found anything.
    Valid,
    /// Valid, and a flag hit it.
    Flagged,
}

/// The deltas of one worker, of all its partitions together, and their watermarks.
pub struct Windows {
    spec: Arc<WindowSpec>,
    watermarks: HashMap<Partition, i64>,
    groups: Groups,
    members: Members,
    deltas: Deltas,
    overflow: Overflow,
}

/// What had no room as a group of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overflow {
    /// Records that were summed in the group of the others.
    pub records: u64,
    /// Start of the newest window with such records.
    pub window: i64,
}

/// Where a row belongs by its time.
enum Place {
    Ahead,
    Behind,
    /// Too late to be summed.
    Late,
    Window {
        late: bool,
    },
}

impl Windows {
    /// No deltas, no watermarks.
    pub fn new(spec: Arc<WindowSpec>, schema: Arc<Schema>) -> Self {
        let groups = Groups::new(spec.group_by.clone(), schema);
        let deltas = Deltas::new(spec.measured.len());
        let members = Members::new(spec.max_groups);
        Self { spec, watermarks: HashMap::new(), groups, members, deltas, overflow: Overflow::default() }
    }

    /// Epoch milliseconds; None: no record moved it yet.
    pub fn watermark(&self, partition: Partition) -> Option<i64> {
        self.watermarks.get(&partition).copied()
    }

    /// What the store says of a partition that was taken; None also forgets one that was given up. One that is ahead of
    /// the clock is set back to what the clock allows: it is of a clock that was wrong, or of a version that let records
    /// move it there, and would make records late that are on time.
    pub fn take_watermark(&mut self, partition: Partition, watermark: Option<i64>, now_ms: i64) {
        self.set_watermark(partition, watermark.map(|at| at.min(self.spec.watermark_at(now_ms))));
    }

    fn set_watermark(&mut self, partition: Partition, watermark: Option<i64>) {
        match watermark {
            Some(at) => self.watermarks.insert(partition, at),
            None => self.watermarks.remove(&partition),
        };
    }

    /// Adds the rows that are valid; one verdict a row. `faults` gets those of them that have no window any more (LATE)
    /// or not yet (EVENT_TIME_AHEAD), or whose time can't be meant (EVENT_TIME_BEHIND), ascending by row. A rejected row gets no fault: it has a reason already.
    pub fn add(&mut self, batch: &Batch, verdicts: &[RowVerdict], now_ms: i64, faults: &mut Vec<(u32, Fault)>) {
        self.add_rows(batch, verdicts, 0..batch.rows(), now_ms, faults);
    }

    /// The same of these rows. Those of a batch are to be added in their order.
    pub fn add_rows(
        &mut self,
        batch: &Batch,
        verdicts: &[RowVerdict],
        rows: Range<usize>,
        now_ms: i64,
        faults: &mut Vec<(u32, Fault)>,
    ) {
        debug_assert_eq!(batch.rows(), verdicts.len(), "one verdict a row");
        let mut watermark = self.watermark(batch.partition);
        let times = batch.column(self.spec.event_time);
        let Values::Timestamp(values) = &times.values else { return };
        let mut start = 0;
        for (row, verdict) in rows.clone().zip(&verdicts[rows]) {
            if !times.has(row) {
                continue; // Decode lets no row pass without it: the configuration says that it is required.
            }
            if *verdict == RowVerdict::Rejected {
                continue;
            }
            let time = values[row];
            start = self.spec.start_near(time, start);
            match self.spec.place(time, start, watermark, now_ms) {
                Place::Window { late } => {
                    watermark = watermark.max(Some(self.spec.watermark_at(time.min(now_ms))));
                    self.sum(batch, row, start, late, *verdict == RowVerdict::Flagged);
                }
                Place::Ahead => faults.push((row as u32, self.spec.ahead(time, now_ms))),
                Place::Behind => faults.push((row as u32, self.spec.behind(time, now_ms))),
                Place::Late => faults.push((row as u32, self.spec.late(time, watermark))),
            }
        }
        self.set_watermark(batch.partition, watermark);
    }

    fn sum(&mut self, batch: &Batch, row: usize, start: i64, late: bool, flagged: bool) {
        let group = self.groups.of(batch, row);
        let (groups, members) = (&self.groups, &mut self.members);
        let (counts, gained) = self.deltas.of(start, group, || match group {
            OTHERS => OTHERS,
            group if members.admit(start, groups.get(group)) => group,
            _ => OTHERS,
        });
        counts.records += 1;
        counts.flagged += i64::from(flagged);
        counts.late += i64::from(late);
        for (field, gained) in self.spec.measured.iter().zip(gained) {
            if let Some(Value::Decimal(value) | Value::Integer(value)) = batch.column(*field).get(row) {
                gained.add(value);
            }
        }
    }

    /// How many (window, group) pairs a checkpoint would write: what its bound counts.
    pub fn len(&self) -> usize {
        self.deltas.len()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.deltas.is_empty()
    }

    /// How many groups the open window with the most of them has, as far as this worker knows.
    pub fn groups(&self) -> usize {
        self.members.most_known()
    }

    /// What the drains since the last call put into the group of the others; None: nothing.
    pub fn take_overflow(&mut self) -> Option<Overflow> {
        Some(std::mem::take(&mut self.overflow)).filter(|overflow| overflow.records > 0)
    }

    /// Takes the deltas, ascending by (start, group id); the watermarks stay.
    pub fn drain(&mut self) -> Vec<WindowDelta> {
        let (groups, spec, overflow) = (&self.groups, &self.spec, &mut self.overflow);
        let delta = |(start, group, counts, measures): deltas::Drained| {
            if group == OTHERS && groups.are_many() {
                overflow.window = if overflow.records == 0 { start } else { overflow.window.max(start) };
                overflow.records += counts.records.unsigned_abs();
            }
            WindowDelta {
                start,
                end: spec.end(start),
                group: groups.get(group).clone(),
                records: counts.records,
                flagged: counts.flagged,
                late: counts.late,
                measures,
            }
        };
        let mut deltas: Vec<WindowDelta> = self.deltas.drain(&spec.measures).map(delta).collect();
        deltas.sort_unstable_by_key(|a| (a.start, a.group.id));
        self.groups.trim();
        // Of a window that is over for every partition no record is summed any more.
        let least = self.watermarks.values().min().copied();
        self.members.trim(|start| least.is_some_and(|at| spec.closes(start) <= at));
        deltas
    }

    /// Drops all deltas and watermarks: a checkpoint failed for good, and the partitions are claimed anew.
    pub fn clear(&mut self) {
        self.deltas.clear();
        self.watermarks.clear();
        self.members.clear();
        self.groups.trim();
    }
}

impl WindowSpec {
    fn place(&self, time: i64, start: i64, watermark: Option<i64>, now_ms: i64) -> Place {
        if time > now_ms.saturating_add(self.max_ahead) {
            return Place::Ahead;
        }
        if time < now_ms.saturating_sub(self.max_behind) {
            return Place::Behind;
        }
        let late = watermark.is_some_and(|at| self.end(start) <= at);
        let too_late = watermark.is_some_and(|at| self.closes(start) <= at);
        if too_late { Place::Late } else { Place::Window { late } }
    }

    fn ahead(&self, time: i64, now_ms: i64) -> Fault {
        let far = format!("more than {} ms ahead of the clock", self.max_ahead);
        self.afar(time, now_ms, "EVENT_TIME_AHEAD", &far)
    }

    fn behind(&self, time: i64, now_ms: i64) -> Fault {
        let most = humantime::format_duration(Duration::from_millis(self.max_behind.unsigned_abs()));
        let far = format!("more than {most} behind the clock");
        self.afar(time, now_ms, "EVENT_TIME_BEHIND", &far)
    }

    /// Says also what time it would be in another unit, if that is near.
    fn afar(&self, time: i64, now_ms: i64, code: &'static str, far: &str) -> Fault {
        let near = now_ms.saturating_sub(self.max_behind)..=now_ms.saturating_add(self.max_ahead);
        let meant = self.unit.and_then(|unit| likely_unit(unit.from_ms(time), unit, &near, &self.event_time_name));
        let meant = meant.map_or_else(String::new, |meant| format!("; {meant}"));
        let message = format!("event time {} is {far}, {}{meant}", rfc3339(time), rfc3339(now_ms));
        Fault { stage: Stage::Window, code, message }
    }

    fn late(&self, time: i64, watermark: Option<i64>) -> Fault {
        let end = rfc3339(self.end(self.start(time)));
        let watermark = watermark.map_or_else(|| "unset".to_owned(), rfc3339);
        let message = format!(
            "event time {}: its window ended at {end} and {} ms of lateness are allowed, the watermark is at {watermark}",
            rfc3339(time),
            self.allowed_lateness,
        );
        Fault { stage: Stage::Window, code: "LATE", message }
    }
}
