//! The `[window]` table as the windows need it: milliseconds, and fields by their ids.

use std::time::Duration;

use crate::config::{self, Late};
use crate::model::aggregate::Measure;
use crate::model::checkpoint::StatsLayout;
use crate::model::record::{Field, FieldId, Kind, Schema};
use crate::model::time::Unit;

/// How rows are put into windows, and what of them is summed.
#[derive(Clone, Debug)]
pub struct WindowSpec {
    pub(super) event_time: FieldId,
    pub(super) group_by: Vec<FieldId>,
    /// Fields that are measured, each once.
    pub(super) measured: Vec<FieldId>,
    /// In the order of the layout, each with the place of its field in `measured`.
    pub(super) measures: Vec<(usize, Measure)>,
    pub(super) max_ahead: i64,
    pub(super) max_behind: i64,
    pub(super) max_groups: usize,
    /// What numbers of the event time count; None: they are no times.
    pub(super) unit: Option<Unit>,
    pub(super) event_time_name: String,
    /// 0 where late rows are dead letters.
    pub(super) allowed_lateness: i64,
    group_names: Vec<String>,
    size: i64,
    out_of_orderness: i64,
}

impl WindowSpec {
    /// The error names the key of `[window]` and what it should be.
    ///
    /// # Errors
    /// Which key can't be used.
    pub fn new(window: &config::Window, event_time: FieldId, schema: &Schema) -> Result<Self, String> {
        let size = millis(window.size);
        if size <= 0 {
            return Err("window.size is less than a millisecond".into());
        }
        let find = |key: &str, name: &str| {
            schema.find(name).ok_or_else(|| format!("{key}: there is no field {name:?} in [record.fields] or a lookup"))
        };
        let group_by = window.group_by.iter().map(|name| find("window.group_by", name)).collect::<Result<_, _>>()?;
        let (mut measured, mut measures) = (Vec::new(), Vec::new());
        for (name, asked) in &window.measures {
            let id = find("window.measures", name)?;
            let of_field = Measure::all_of(name, exact_scale(schema.field(id))?, asked).into_iter();
            measures.extend(of_field.map(|measure| (measured.len(), measure)));
            measured.push(id);
        }
        Ok(Self {
            event_time,
            group_by,
            measured,
            measures,
            max_ahead: millis(window.max_ahead),
            max_behind: millis(window.max_behind),
            max_groups: window.max_groups,
            unit: schema.field(event_time).time.unit(),
            event_time_name: schema.field(event_time).name.clone(),
            allowed_lateness: match window.late {
                Late::Merge => millis(window.allowed_lateness),
                Late::DeadLetter => 0,
            },
            group_names: window.group_by.clone(),
            size,
            out_of_orderness: millis(window.out_of_orderness),
        })
    }

    /// The columns of `risk_stats` that follow from it.
    pub fn layout(&self, table: &str) -> StatsLayout {
        StatsLayout {
            table: table.to_owned(),
            group_by: self.group_names.clone(),
            measures: self.measures.iter().map(|(_, measure)| measure.clone()).collect(),
        }
    }

    /// The fields that windows read, ascending.
    pub fn needed(&self) -> Vec<FieldId> {
        let mut needed = vec![self.event_time];
        needed.extend(&self.group_by);
        needed.extend(&self.measured);
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    /// Start of the window of a time; windows are aligned to the epoch, also before it.
    pub(super) fn start(&self, time: i64) -> i64 {
        time - time.rem_euclid(self.size)
    }

    /// The same, without a division where the time falls into the window at `last`, which is the start of one.
    pub(super) fn start_near(&self, time: i64, last: i64) -> i64 {
        match time.checked_sub(last) {
            Some(since) if (0..self.size).contains(&since) => last,
            _ => self.start(time),
        }
    }

    pub(super) fn end(&self, start: i64) -> i64 {
        start.saturating_add(self.size)
    }

    /// The watermark from which on nothing is summed in the window any more.
    pub(super) fn closes(&self, start: i64) -> i64 {
        self.end(start).saturating_add(self.allowed_lateness)
    }

    /// The watermark that a row of this time allows.
    pub(super) fn watermark_at(&self, time: i64) -> i64 {
        time.saturating_sub(self.out_of_orderness)
    }
}

/// Fraction digits of a field whose values sum exactly.
fn exact_scale(field: &Field) -> Result<u8, String> {
    if !matches!(field.kind, Kind::Decimal | Kind::Integer) {
        let (name, kind) = (&field.name, format!("{:?}", field.kind).to_lowercase());
        return Err(format!("window.measures: {name:?} is a {kind}; only a decimal or an integer sums exactly"));
    }
    Ok(field.scale)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
