//! What is drawn, by where it is.

use super::*;

fn value(number: f64) -> Option<Value> {
    Some(Value { number, text: format!("{number:.2}"), is_marked: false })
}

fn series(name: &str, values: Vec<Option<Value>>) -> Series {
    Series { name: name.to_owned(), values }
}

fn plot(times: Vec<i64>, all: Vec<Series>) -> Plot {
    Plot { id: "amount".into(), title: "Amounts".into(), times, series: all, ..Plot::default() }
}

#[test]
fn a_line_has_gaps_where_nothing_is_known_and_a_dash_between_two() {
    let values = vec![value(0.0), value(4.0), None, value(2.0), None, value(f64::NAN)];
    let chart = Chart::draw(plot(vec![0, 1, 2, 3, 4, 5], vec![series("all", values)]));
    assert_eq!(chart.lines[0].path, "M15 150L209 0M597 75m-3 0h6");
}

#[test]
fn a_single_time_and_equal_values_are_drawn() {
    let chart = Chart::draw(plot(vec![7], vec![series("all", vec![value(0.0)])]));
    assert_eq!(chart.lines[0].path, "M500 150m-3 0h6");
    assert!(!chart.is_empty() && Chart::draw(plot(Vec::new(), Vec::new())).is_empty());
    assert!(Chart::draw(plot(vec![7], vec![series("all", vec![None])])).is_empty());
}

#[test]
fn what_can_still_change_is_a_band_from_between_the_last_final_and_the_first_open_time() {
    let band = |open_from| {
        let all = vec![series("all", vec![value(1.0), value(1.0), value(1.0)])];
        let chart = Chart::draw(Plot { open_from, ..plot(vec![0, 10, 20], all) });
        chart.open.map(|band| (band.x, band.width))
    };
    let at = |x: &str, width: &str| Some((x.to_owned(), width.to_owned()));
    assert_eq!(band(None), None);
    assert_eq!(band(Some(21)), None, "later than all");
    assert_eq!(band(Some(20)), at("74.25%", "25.75%"));
    assert_eq!(band(Some(0)), at("0%", "100%"));
}

#[test]
fn marks_and_changes_are_where_they_belong_and_changes_keep_their_numbers() {
    let mut values = vec![value(0.0), value(4.0), value(4.0)];
    values[1].as_mut().expect("a value").is_marked = true;
    let changes = vec![-5, 5, 10, 11];
    let marked = "late records were added";
    let chart = Chart::draw(Plot { changes, marked, ..plot(vec![0, 5, 10], vec![series("all", values)]) });
    let marks: Vec<_> = chart.marks.iter().map(|mark| (mark.line, mark.x.as_str(), mark.y.as_str())).collect();
    assert_eq!((marks, chart.marked), (vec![(0, "50%", "18")], marked));
    let changes: Vec<_> = chart.changes.iter().map(|change| (change.number, change.x.as_str())).collect();
    assert_eq!(changes, [(2, "50%"), (3, "98.5%")]);
}

#[test]
fn of_many_lines_some_are_drawn_and_the_others_counted() {
    let all = (0..LINES + 3).map(|number| series(&number.to_string(), vec![value(1.0)])).collect();
    let chart = Chart::draw(plot(vec![0], all));
    assert_eq!((chart.lines.len(), chart.left_out), (LINES, 3));
}

#[test]
fn the_table_has_the_values_as_they_were_given_the_newest_first() {
    let all = vec![
        series("PAYMENT", vec![value(1.0), None, value(3.0)]),
        series("DEBIT", vec![value(4.0), value(5.0), value(6.0)]),
    ];
    let chart = Chart::draw(Plot { open_from: Some(10), table_every: Some(2), ..plot(vec![0, 5, 10], all) });
    let table = chart.table.as_ref().expect("a table");
    let rows: Vec<_> = table.rows.iter().map(|row| (row.at.as_str(), row.is_open, row.cells.join(" "))).collect();
    assert_eq!(table.names, ["PAYMENT", "DEBIT"]);
    let (first, last) = ("1970-01-01 00:00:00", "1970-01-01 00:00:00.010");
    assert_eq!(rows, [(last, true, "3.00 6.00".to_owned()), (first, false, "1.00 4.00".to_owned())]);
    assert_eq!(chart.points[1].text, "1970-01-01 00:00:00.005 · DEBIT: 5.00");
    assert_eq!(chart.points[2].text, format!("{last}, open · PAYMENT: 3.00 · DEBIT: 6.00"));
}

#[test]
fn a_picture_has_a_name_texts_of_strangers_are_texts_and_nothing_stretches_them() {
    let hostile = format!("<script>alert(1)</script>\u{202e}{}", "x".repeat(100));
    let all = vec![series(&hostile, vec![value(1.0), value(2.0)])];
    let chart = Chart::draw(Plot { table_every: Some(1), ..plot(vec![0, 1], all) });
    let text = chart.render().expect("a chart");
    assert!(text.contains("<svg role=\"img\" ") && text.contains("by=\"amount-title\""), "{text}");
    assert!(!text.contains("<script") && !text.contains('\u{202e}') && !text.contains(&"x".repeat(61)), "{text}");
    assert!(!text.contains(" style="), "the policy refuses it");
    assert!(text.contains("<th scope=\"row\" class=\"time\">1970-01-01 00:00:00.001</th>"), "{text}");
    let empty = Chart::draw(plot(Vec::new(), Vec::new())).render().expect("a chart");
    assert!(empty.contains("Nothing to draw") && !empty.contains("<svg"), "{empty}");
}
