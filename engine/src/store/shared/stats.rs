//! Rows of the statistics as both databases read them.

use super::{Bind, Result, Tx, schema, text};
use crate::model::step::{StatsLayout, WindowDelta};
use crate::store::{StatsRow, StoreError};

/// The texts of a delta that binds borrow: start, end, then every aggregate of the layout.
pub(crate) struct Texts {
    pub start: String,
    pub end: String,
    pub aggregates: Vec<Option<String>>,
}

pub(crate) fn texts(layout: &StatsLayout, window: &WindowDelta) -> Result<Texts> {
    let time = |ms| text::time(ms).ok_or_else(|| StoreError::Fatal(format!("no calendar holds a window at {ms} ms")));
    let mut aggregates = Vec::new();
    for (measure, gained) in layout.measures.iter().zip(&window.measures) {
        let decimal = |value: i128| text::decimal(value, measure.scale);
        let values = [
            (measure.sum, gained.sum),
            (measure.min, gained.min.map(i128::from)),
            (measure.max, gained.max.map(i128::from)),
        ];
        aggregates.extend(values.into_iter().filter(|(there, _)| *there).map(|(_, value)| value.map(decimal)));
    }
    Ok(Texts { start: time(window.start)?, end: time(window.end)?, aggregates })
}

/// The columns that a delta fills, quoted, in the order of [`push`].
pub(crate) fn columns(layout: &StatsLayout) -> Vec<String> {
    let mut columns: Vec<String> = ["window_start", "group_id", "window_end"].map(String::from).to_vec();
    columns.extend(layout.group_by.iter().map(|field| format!("`{field}`")));
    columns.extend(["records", "flagged", "late"].map(String::from));
    columns.extend(schema::aggregates(layout).into_iter().map(|(name, _)| format!("`{name}`")));
    columns
}

/// Appends the binds of a delta, in the order of [`columns`].
pub(crate) fn push<'a>(binds: &mut Vec<Bind<'a>>, window: &'a WindowDelta, texts: &'a Texts) {
    binds.extend([Bind::Text(&texts.start), Bind::Blob(&window.group.id), Bind::Text(&texts.end)]);
    binds.extend(window.group.values.iter().map(|value| Bind::text(value.as_deref().map(text::cut))));
    binds.extend([window.records, window.flagged, window.late].map(Bind::Int));
    binds.extend(texts.aggregates.iter().map(|value| Bind::text(value.as_deref())));
}

pub(super) async fn read(tx: &mut dyn Tx, layout: &StatsLayout, limit: u32, final_only: bool) -> Result<Vec<StatsRow>> {
    let aggregates = schema::aggregates(layout);
    let mut columns = String::from("CAST(window_start AS CHAR), CAST(window_end AS CHAR), records, flagged, late");
    for field in &layout.group_by {
        columns += &format!(", `{field}`");
    }
    for (name, _) in &aggregates {
        columns += &format!(", CAST(`{name}` AS CHAR)");
    }
    let of = if final_only { "_final" } else { "" };
    let sql = format!("SELECT {columns} FROM `{}{of}` ORDER BY window_start DESC, group_id LIMIT ?", layout.table);
    let time = |text: String| {
        text::epoch_ms(&text).ok_or_else(|| StoreError::Fatal(format!("{text:?} in {} is not a time", layout.table)))
    };
    let mut windows = Vec::new();
    for mut row in tx.rows(&sql, &[Bind::Int(limit.into())]).await? {
        let mut window = StatsRow {
            window_start: time(row.text()?)?,
            window_end: time(row.text()?)?,
            records: row.int()?,
            flagged: row.int()?,
            late: row.int()?,
            group: Vec::new(),
            measures: Vec::new(),
        };
        for field in &layout.group_by {
            window.group.push((field.clone(), row.maybe_text()?));
        }
        for (name, _) in &aggregates {
            window.measures.push((name.clone(), row.maybe_text()?));
        }
        windows.push(window);
    }
    Ok(windows)
}
