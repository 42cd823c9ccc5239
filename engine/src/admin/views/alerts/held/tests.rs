//! Which alerts an answer has, and how they are grouped and counted.

use super::super::AlertKind;
use super::*;
use crate::model::ids::{Offset, Partition, RecordPosition};
use crate::model::seen_alert::{NotSentSeen, SeenHit};

fn message(number: u64, key: Option<&str>, says: Says) -> Arc<SeenAlert> {
    let written = i64::try_from(number).expect("a small number") * 1_000;
    Arc::new(SeenAlert { number, partition: 0, offset: 0, written, key: key.map(str::to_owned), says })
}

fn alert(number: u64, key: Option<&str>, codes: &[&str]) -> Arc<SeenAlert> {
    let hit = |code: &&str| SeenHit { rule: format!("rule_{code}"), code: (*code).to_owned(), ..SeenHit::default() };
    let flagged = Flagged {
        record: RecordPosition { partition: Partition(3), offset: Offset(18) },
        timestamp: 0,
        revision: 7,
        hits: codes.iter().map(hit).collect(),
        more: 0,
        fields: Vec::new(),
        value: None,
        is_cut: false,
    };
    message(number, key, Says::Flagged(flagged))
}

fn summary(number: u64, code: &str, records: u64) -> Arc<SeenAlert> {
    let codes = vec![(code.to_owned(), records)];
    message(number, None, Says::NotSent(NotSentSeen { partition: 3, from: 20, to: 29, records, codes }))
}

/// Ten were read, and the newest five are held.
fn held() -> AlertsHeld {
    let alerts = vec![
        alert(10, Some("a"), &["HIGH", "HIGH", "SELF"]),
        summary(9, "HIGH", 8),
        alert(8, None, &["SELF"]),
        alert(7, Some("b"), &["HIGH"]),
        alert(6, Some("a"), &["HIGH"]),
    ];
    AlertsHeld { run: 1_700, read: 10, alerts, as_of: Some(0), ..AlertsHeld::default() }
}

fn wanted() -> AlertsWanted {
    AlertsWanted { limit: 2, ..AlertsWanted::default() }
}

fn summed(view: &AlertsView) -> Vec<(Option<&str>, u64, String)> {
    let codes = |group: &AlertGroupView| format!("{:?}", group.codes);
    view.groups.iter().map(|group| (group.name.as_deref(), group.alerts, codes(group))).collect()
}

#[test]
fn groups_are_of_a_key_the_largest_first_and_count_each_code_of_an_alert_once() {
    let view = AlertsView::of(&held(), &wanted());
    let codes = |text: &str| text.to_owned();
    let groups = [
        (Some("a"), 2, codes(r#"{"HIGH": 2, "SELF": 1}"#)),
        (None, 1, codes(r#"{"SELF": 1}"#)),
        (Some("b"), 1, codes(r#"{"HIGH": 1}"#)),
    ];
    assert_eq!(summed(&view), groups);
    let of_a = &view.groups[0];
    assert_eq!((of_a.first.as_str(), of_a.last.as_str()), ("1970-01-01T00:00:06.000Z", "1970-01-01T00:00:10.000Z"));
    assert_eq!((view.alerts.len(), view.matching, view.not_sent), (2, 4, 8), "the list is cut, the counts are not");
    assert_eq!((view.read, view.held, view.newer, view.paused), (10, 5, 0, false));
}

#[test]
fn groups_are_of_a_code_and_filters_leave_out_the_rest() {
    let by_code = AlertsView::of(&held(), &AlertsWanted { by: GroupBy::Code, ..wanted() });
    let names: Vec<_> = by_code.groups.iter().map(|group| (group.name.as_deref(), group.alerts)).collect();
    assert_eq!(names, [(Some("HIGH"), 3), (Some("SELF"), 2)]);
    let text = |text: &str| Some(text.to_owned());
    for (filter, matching, not_sent) in [
        (AlertsWanted { code: text("HIGH"), ..wanted() }, 3, 8),
        (AlertsWanted { code: text("SELF"), ..wanted() }, 2, 0),
        (AlertsWanted { rule: text("rule_SELF"), ..wanted() }, 2, 0),
        (AlertsWanted { key: text("a"), code: text("SELF"), ..wanted() }, 1, 0),
        (AlertsWanted { key: text("nobody"), ..wanted() }, 0, 0),
    ] {
        let view = AlertsView::of(&held(), &filter);
        assert_eq!((view.matching, view.not_sent), (matching, not_sent), "{filter:?}");
    }
}

#[test]
fn a_mark_holds_the_list_still_and_counts_what_came_since() {
    let until = Some("1700-8".parse().expect("a mark"));
    let paused = AlertsView::of(&held(), &AlertsWanted { until, ..wanted() });
    assert_eq!((paused.mark.as_str(), paused.paused, paused.newer), ("1700-8", true, 2));
    assert_eq!((paused.read, paused.held, paused.matching, paused.not_sent), (8, 3, 3, 0));
    let other_run = Some("1699-8".parse().expect("a mark"));
    let now = AlertsView::of(&held(), &AlertsWanted { until: other_run, ..wanted() });
    assert_eq!((now.mark.as_str(), now.paused, now.newer), ("1700-10", false, 0));
    let ahead = Some("1700-99".parse().expect("a mark"));
    assert_eq!(AlertsView::of(&held(), &AlertsWanted { until: ahead, ..wanted() }).newer, 0);
    for text in ["", "8", "-", "a-8", "1700-", "1700--8"] {
        assert!(text.parse::<Mark>().is_err(), "{text}");
    }
}

#[test]
fn of_very_many_groups_the_largest_are_listed() {
    let alerts = (1..=60).rev().map(|number| alert(number, Some(&number.to_string()), &["A"])).collect();
    let view = AlertsView::of(&AlertsHeld { read: 60, alerts, ..AlertsHeld::default() }, &wanted());
    assert_eq!((view.groups.len(), view.more_groups), (GROUPS, 10));
}

#[test]
fn each_kind_of_message_says_what_it_is() {
    let alert = AlertView::from(&*alert(1, Some("a"), &["HIGH"]));
    assert_eq!((alert.kind, alert.record.as_deref(), alert.revision), (AlertKind::Alert, Some("3@18"), Some(7)));
    let summary = AlertView::from(&*summary(1, "HIGH", 8));
    let said = (summary.kind, summary.record.as_deref(), summary.to, summary.records);
    assert_eq!(said, (AlertKind::NotSent, Some("3@20"), Some(29), Some(8)));
    assert_eq!(AlertView::from(&*message(1, None, Says::Other(5))).kind, AlertKind::Other);
}
