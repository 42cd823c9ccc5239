//! Dead letters and records as the API shows them.

use serde::Deserialize;

use super::fields::Fields;
use crate::admin::views::{
    HeaderView, LetterGroupView, LetterGroupsView, LetterHitView, LetterView, RecordView, rfc3339,
};
use crate::model::finding::Effect;
use crate::outbox::{GroupKey, HeldLetters, LetterGroup, Progress, Shown};

/// A hit as the header `weir.hits` has it.
#[derive(Deserialize)]
struct Hit {
    rule: String,
    code: String,
    effect: Effect,
    #[serde(default)]
    detail: String,
}

/// Those headers of a letter that the engine made are members of their own.
pub(super) fn letter_view(letter: Shown, fields: &mut Fields) -> LetterView {
    let header = |name: &str| Some(letter.header(name)).filter(|text| !text.is_empty());
    let text = |name: &str| header(name).map(str::to_owned);
    let hits: Vec<Hit> = header("weir.hits").and_then(|hits| serde_json::from_str(hits).ok()).unwrap_or_default();
    LetterView {
        at: time(letter.timestamp),
        code: text("weir.code"),
        stage: text("weir.stage"),
        message: text("__dlq.errors.message"),
        rule: text("weir.rule"),
        sha256: text("weir.rule.sha256"),
        revision: header("weir.revision").and_then(|number| number.parse().ok()),
        hits: hits.into_iter().map(hit_view).collect(),
        more_hits: header("weir.hits.more").and_then(|number| number.parse().ok()).unwrap_or_default(),
        source_partition: header("__dlq.errors.partition").and_then(|number| number.parse().ok()),
        source_offset: header("__dlq.errors.offset").and_then(|number| number.parse().ok()),
        source_at: header("weir.source.timestamp").and_then(|number| number.parse().ok()).and_then(time),
        fields: whole_value(&letter).map(|value| fields.of(value)).unwrap_or_default(),
        partition: letter.partition,
        offset: letter.offset,
        key: letter.key,
        value: letter.value,
        value_bytes: letter.value_bytes.map(|bytes| bytes as u64),
        truncated: letter.truncated,
        headers: headers(letter.headers),
    }
}

/// A record of the source topic.
pub(super) fn record_view(record: Shown, fields: &mut Fields) -> RecordView {
    RecordView {
        at: time(record.timestamp),
        fields: whole_value(&record).map(|value| fields.of(value)).unwrap_or_default(),
        partition: record.partition,
        offset: record.offset,
        key: record.key,
        value: record.value,
        value_bytes: record.value_bytes.map(|bytes| bytes as u64),
        truncated: record.truncated,
        headers: headers(record.headers),
        hidden: None,
    }
}

/// What is kept in memory, with so many letters. `now`: epoch milliseconds.
pub(super) fn groups_view(
    held: &HeldLetters,
    progress: &Progress,
    (letters, now): (usize, i64),
    fields: &mut Fields,
) -> LetterGroupsView {
    let mut groups: Vec<_> = held.groups().collect();
    groups.sort_by_key(|(key, group)| (std::cmp::Reverse(group.last), *key));
    let since = groups.iter().map(|(_, group)| group.first).min();
    let groups = groups.into_iter().map(|(key, group)| group_view(key, group, now, fields)).collect();
    LetterGroupsView {
        groups,
        others: held.others(),
        letters: held.newest().take(letters).map(|letter| letter_view(letter.clone(), fields)).collect(),
        read: progress.read,
        passed_over: progress.passed_over,
        since: since.map(rfc3339),
        as_of: progress.as_of.map(rfc3339),
        problem: progress.problem.clone(),
        hidden: None,
    }
}

fn group_view(key: &GroupKey, group: &LetterGroup, now: i64, fields: &mut Fields) -> LetterGroupView {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    LetterGroupView {
        code: some(&key.code),
        rule: some(&key.rule),
        sha256: some(&key.sha256),
        letters: group.letters,
        first: rfc3339(group.first),
        last: rfc3339(group.last),
        by_minute: group.by_minute(now).to_vec(),
        sample: letter_view(group.sample.clone(), fields),
    }
}

fn hit_view(hit: Hit) -> LetterHitView {
    let Hit { rule, code, effect, detail } = hit;
    LetterHitView { rule, code, effect, detail }
}

/// None: it was cut, or is no text, so its fields are not those of the record.
fn whole_value(shown: &Shown) -> Option<&[u8]> {
    let value = shown.value.as_ref().filter(|value| Some(value.len()) == shown.value_bytes)?;
    Some(value.as_bytes())
}

/// None: Kafka has no timestamp of it.
fn time(ms: i64) -> Option<String> {
    (ms >= 0).then(|| rfc3339(ms))
}

fn headers(headers: Vec<(String, Option<String>)>) -> Vec<HeaderView> {
    headers.into_iter().map(|(name, value)| HeaderView { name, value }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;

    fn shown(value: &str, headers: &[(&str, &str)]) -> Shown {
        Shown {
            partition: 1,
            offset: 9,
            timestamp: 1_000,
            key: Some("k".into()),
            value: Some(value.into()),
            value_bytes: Some(value.len()),
            headers: headers.iter().map(|(name, value)| ((*name).into(), Some((*value).into()))).collect(),
            truncated: false,
        }
    }

    fn fields() -> Fields {
        let config = Config::parse(include_str!("../../../../../weir.toml"), &|_| None).unwrap();
        Fields::new(Arc::new(config.schema().unwrap()), &config)
    }

    #[test]
    fn a_letter_says_who_judged_it_when_and_what_all_rules_saw() {
        let hits = r#"[{"rule":"r","code":"A","effect":"dead-letter","detail":"-1 < 0"},{"rule":"s","code":"B","effect":"flag"}]"#;
        let letter = shown(
            r#"{"event_time": 0, "type": "DEBIT", "amount": "-1"}"#,
            &[
                ("weir.code", "FORGED"),
                ("__dlq.errors.partition", "3"),
                ("__dlq.errors.offset", "18234771"),
                ("weir.stage", "rule"),
                ("weir.code", "A"),
                ("weir.revision", "41"),
                ("weir.hits", hits),
                ("weir.hits.more", "2"),
                ("weir.source.timestamp", "-1"),
            ],
        );
        let view = letter_view(letter, &mut fields());
        assert_eq!((view.code.as_deref(), view.stage.as_deref(), view.revision), (Some("A"), Some("rule"), Some(41)));
        assert_eq!((view.source_partition, view.source_offset), (Some(3), Some(18_234_771)));
        assert_eq!((view.at.as_deref(), view.source_at), (Some("1970-01-01T00:00:01.000Z"), None));
        let said: Vec<_> = view.hits.iter().map(|hit| (hit.rule.as_str(), hit.detail.as_str())).collect();
        assert_eq!((said, view.more_hits), (vec![("r", "-1 < 0"), ("s", "")], 2));
        assert_eq!(view.fields["amount"].as_deref(), Some("-1.00"));
    }

    #[test]
    fn a_message_that_is_no_letter_of_ours_is_shown_as_it_is() {
        let view = letter_view(shown("no JSON", &[("weir.hits", "[{"), ("weir.revision", "x")]), &mut fields());
        assert!(view.hits.is_empty() && view.revision.is_none() && view.code.is_none() && view.fields.is_empty());
        assert_eq!(view.value.as_deref(), Some("no JSON"));
    }
}
