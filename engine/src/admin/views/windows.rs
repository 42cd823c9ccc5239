//! What the paths about windows answer, and the same as CSV.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;
use crate::model::store::StatsRow;

/// A row of `risk_stats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WindowView {
    /// Start of the window, RFC 3339, inclusive.
    pub window_start: String,
    /// End of the window, RFC 3339, exclusive.
    pub window_end: String,
    /// Whether the window ended before the least watermark of all partitions: late records may still be added, no others.
    pub r#final: bool,
    /// Values of the `group_by` fields, by field; null: missing.
    pub group: BTreeMap<String, Option<String>>,
    /// Records in the row.
    pub records: i64,
    /// How many of these a rule flagged.
    pub flagged: i64,
    /// How many of these came late.
    pub late: i64,
    /// Exact decimal text by column (`amount_sum`).
    pub measures: BTreeMap<String, Option<String>>,
}

impl WindowView {
    /// `final_upto`: by when a window has to have ended to be final, in epoch milliseconds; None: none is.
    pub fn new(row: StatsRow, final_upto: Option<i64>) -> Self {
        Self {
            window_start: rfc3339(row.window_start),
            window_end: rfc3339(row.window_end),
            r#final: final_upto.is_some_and(|upto| row.window_end <= upto),
            group: row.group.into_iter().collect(),
            records: row.records,
            flagged: row.flagged,
            late: row.late,
            measures: row.measures.into_iter().collect(),
        }
    }
}

/// A header and a line for each window, as RFC 4180 has them. All of one configuration, so they have the same groups and measures.
/// A missing value is an empty cell. A value of a group is a stranger's text: one at which a spreadsheet would compute has a `'` before
/// it.
pub fn csv_of(windows: &[WindowView]) -> String {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut line =
        |cells: Vec<&str>| csv.write_record(cells).expect("a Vec takes everything, and lines are of one length");
    let (groups, measures): (Vec<&str>, Vec<&str>) = windows.first().map_or_else(Default::default, |first| {
        (first.group.keys().map(String::as_str).collect(), first.measures.keys().map(String::as_str).collect())
    });
    line([vec!["window_start", "window_end", "final"], groups, vec!["records", "flagged", "late"], measures].concat());
    for window in windows {
        let counts = [window.records, window.flagged, window.late].map(|number| number.to_string());
        let groups: Vec<String> =
            window.group.values().map(|value| inert(value.as_deref().unwrap_or_default())).collect();
        let is_final = if window.r#final { "true" } else { "false" };
        let mut cells = vec![window.window_start.as_str(), &window.window_end, is_final];
        cells.extend(groups.iter().chain(&counts).map(String::as_str));
        cells.extend(window.measures.values().map(|value| value.as_deref().unwrap_or_default()));
        line(cells);
    }
    String::from_utf8(csv.into_inner().expect("a Vec takes everything")).expect("lines of texts are a text")
}

/// Spreadsheets take what begins so for a formula, whoever wrote it.
fn inert(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: Option<&str>, sum: Option<&str>) -> StatsRow {
        StatsRow {
            window_start: 0,
            window_end: 5_000,
            group: vec![("type".into(), kind.map(str::to_owned))],
            records: 2,
            flagged: 1,
            late: 0,
            measures: vec![("amount_sum".into(), sum.map(str::to_owned))],
        }
    }

    #[test]
    fn a_window_is_final_once_the_least_watermark_has_reached_its_end() {
        let is_final = |upto| WindowView::new(row(None, None), upto).r#final;
        assert_eq!([None, Some(4_999), Some(5_000)].map(is_final), [false, false, true]);
    }

    #[test]
    fn lines_have_every_digit_and_no_text_of_a_record_is_a_formula() {
        let row = |kind, sum| WindowView::new(row(kind, sum), Some(5_000));
        let windows = [
            row(Some("a,\"b\"\r\n"), Some("-123456789012345678901.05")),
            row(Some("=1+1"), None),
            row(Some("\n=1+1"), None),
            row(None, Some("1")),
        ];
        let csv = csv_of(&windows);
        let start = "1970-01-01T00:00:00.000Z,1970-01-01T00:00:05.000Z,true";
        let wanted = [
            "window_start,window_end,final,type,records,flagged,late,amount_sum\r\n",
            &format!("{start},\"a,\"\"b\"\"\r\n\",2,1,0,-123456789012345678901.05\r\n"),
            &format!("{start},'=1+1,2,1,0,\r\n"),
            &format!("{start},\"'\n=1+1\",2,1,0,\r\n"),
            &format!("{start},,2,1,0,1\r\n"),
        ];
        assert_eq!(csv, wanted.concat());
        assert_eq!(csv::Reader::from_reader(csv.as_bytes()).records().count(), 4);
    }
}
