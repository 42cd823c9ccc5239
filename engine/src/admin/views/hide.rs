//! What of an answer shows the values of sensitive fields, and is left out for those who may not see values. The API, the
//! console and the CLI all hide by this one place. Where one field is sensitive, every text that a record or a rule may have
//! put together is hidden whole: no rule says which of its words came from which field.

use serde_json::{Map, Value};

use super::{AlertView, AlertsView, GroupBy, HeaderView, LettersView, RuleDetail, WindowView};
use crate::model::record::Schema;

/// Headers of a dead letter that the engine makes, and that hold nothing of the record.
const OPEN: [&str; 15] = [
    "__dlq.errors.topic",
    "__dlq.errors.partition",
    "__dlq.errors.offset",
    "__dlq.errors.group",
    "weir.stage",
    "weir.code",
    "weir.revision",
    "weir.source.timestamp",
    "weir.hits.more",
    "weir.rule",
    "weir.rule.sha256",
    "weir.value.cut",
    "weir.hits.cut",
    "weir.headers.cut",
    "weir.key.cut",
];
/// The hits of a letter, each with what the rule said, which goes.
const HITS: &str = "weir.hits";
/// The reason in words.
const MESSAGE: &str = "__dlq.errors.message";
/// Codes of the engine whose reason names a field, a size or a function of a rule, and quotes nothing of the record.
const OPEN_REASONS: [&str; 5] = ["FIELD_MISSING", "OVERSIZE", "RULE_TRAP", "RULE_TIMEOUT", "RULE_MEMORY"];
/// Endings of the columns that a measure has.
const AGGREGATES: [&str; 3] = ["_sum", "_min", "_max"];

/// A header's name, and its text if it has one.
type Header = (String, Option<String>);

/// The sensitive fields of a pipeline.
#[derive(Clone, Debug)]
pub struct Hide {
    fields: Vec<String>,
}

impl Hide {
    /// None: no field is sensitive, so whoever may read sees all.
    pub fn of(schema: &Schema) -> Option<Self> {
        let sensitive = schema.fields.iter().filter(|field| field.sensitive);
        let fields: Vec<_> = sensitive.map(|field| field.name.clone()).collect();
        (!fields.is_empty()).then_some(Self { fields })
    }

    /// Why something is not shown, in words.
    pub fn why(&self) -> String {
        let (fields, is) = (self.fields.join(", "), if self.fields.len() == 1 { "is" } else { "are" });
        format!("{fields} {is} sensitive: bytes, keys, details and reasons of records are for those who may see values")
    }

    /// Of dead letters code, rule, position and the other fields stay.
    pub fn letters(&self, letters: &mut LettersView) {
        letters.hidden = Some(self.why());
        for letter in &mut letters.letters {
            (letter.key, letter.value) = (None, None);
            letter.fields.retain(|name, _| !self.fields.contains(name));
            let headers = std::mem::take(&mut letter.headers).into_iter().map(|header| (header.name, header.value));
            let headers = open_headers(headers.collect());
            letter.message = headers.iter().rfind(|(name, _)| name == MESSAGE).and_then(|(_, text)| text.clone());
            letter.headers = headers.into_iter().map(|(name, value)| HeaderView { name, value }).collect();
        }
    }

    /// Of a rule the details of its first shadow hits go.
    pub fn rule(&self, rule: &mut RuleDetail) {
        rule.hidden = Some(self.why());
        rule.shadow_samples.iter_mut().for_each(|hit| hit.detail.clear());
    }

    /// Of alerts rule, code, position and the other fields stay. Groups by key are refused before: here they lose their names.
    pub fn alerts(&self, alerts: &mut AlertsView) {
        alerts.hidden = Some(self.why());
        let hide = |alert: &mut AlertView| {
            (alert.key, alert.value) = (None, None);
            alert.hits.iter_mut().for_each(|hit| hit.detail.clear());
            alert.fields.retain(|field| !self.fields.contains(&field.name));
        };
        alerts.alerts.iter_mut().for_each(hide);
        for group in &mut alerts.groups {
            hide(&mut group.newest);
            group.name = group.name.take().filter(|_| alerts.by != GroupBy::Key);
        }
    }

    /// Of windows the measures of sensitive fields go: the least of a group is some record's value.
    pub fn windows(&self, windows: &mut [WindowView]) {
        let of_sensitive = |column: &str| {
            let field = AGGREGATES.iter().find_map(|ending| column.strip_suffix(ending));
            field.is_some_and(|field| self.fields.iter().any(|sensitive| sensitive == field))
        };
        windows.iter_mut().for_each(|window| window.measures.retain(|column, _| !of_sensitive(column)));
    }
}

/// The headers of a dead letter that show nothing of its record.
pub fn open_headers(headers: Vec<Header>) -> Vec<Header> {
    let code = headers.iter().rfind(|(name, _)| name == "weir.code").and_then(|(_, code)| code.clone());
    let has_open_reason = code.is_some_and(|code| OPEN_REASONS.contains(&code.as_str()));
    let open = |(name, value): Header| match name.as_str() {
        HITS => value.and_then(|hits| without_details(&hits)).map(|hits| (name, Some(hits))),
        MESSAGE => has_open_reason.then_some((name, value)),
        known => OPEN.contains(&known).then_some((name, value)),
    };
    headers.into_iter().filter_map(open).collect()
}

/// None: it is no list of hits, as it was cut.
fn without_details(hits: &str) -> Option<String> {
    let mut hits: Vec<Map<String, Value>> = serde_json::from_str(hits).ok()?;
    hits.iter_mut().for_each(|hit| drop(hit.remove("detail")));
    serde_json::to_string(&hits).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::admin::views::LetterView;
    use crate::model::record::{Field, Kind};

    fn schema(sensitive: &[&str]) -> Schema {
        let field = |name: &str| Field {
            name: name.into(),
            kind: Kind::Text,
            required: false,
            path: vec![name.into()],
            scale: 0,
            time: Default::default(),
            lookup: None,
            sensitive: sensitive.contains(&name),
        };
        Schema { fields: ["amount", "iban", "type"].map(field).into() }
    }

    fn headers(of: &[(&str, &str)]) -> Vec<HeaderView> {
        of.iter().map(|(name, value)| HeaderView { name: (*name).into(), value: Some((*value).into()) }).collect()
    }

    /// A letter whose every text that comes of the record holds DE89.
    fn letter(code: &str) -> LetterView {
        let hits = r#"[{"rule":"r","code":"IBAN","effect":"dead-letter","detail":"DE89 is blocked"}]"#;
        let headers = headers(&[
            ("trace", "DE89"),
            ("source.weir.code", "DE89"),
            ("weir.code", code),
            ("weir.rule", "r"),
            ("__dlq.errors.offset", "7"),
            ("__dlq.errors.message", "DE89 is blocked"),
            ("weir.hits", hits),
            ("weir.hits", "[{\"detail\":\"DE89"),
        ]);
        LetterView {
            partition: 0,
            offset: 1,
            code: Some(code.into()),
            message: Some("DE89 is blocked".into()),
            rule: Some("r".into()),
            sha256: None,
            source_partition: Some(0),
            source_offset: Some(7),
            fields: BTreeMap::from([("iban".into(), Some("DE89".into())), ("type".into(), Some("DEBIT".into()))]),
            key: Some("DE89".into()),
            value: Some("{\"iban\":\"DE89\"}".into()),
            value_bytes: Some(15),
            headers,
            truncated: false,
        }
    }

    #[test]
    fn of_a_letter_code_rule_position_and_the_other_fields_stay_and_nothing_of_the_sensitive_one() {
        let hide = Hide::of(&schema(&["iban"])).expect("one is sensitive");
        let mut letters = LettersView { complete: true, letters: vec![letter("IBAN")], hidden: None };
        hide.letters(&mut letters);
        let text = serde_json::to_string(&letters).expect("plain data");
        assert!(
            !text.contains("DE89") && letters.hidden.as_deref().is_some_and(|why| why.starts_with("iban is")),
            "{text}"
        );
        let shown = &letters.letters[0];
        assert_eq!(
            (shown.code.as_deref(), shown.rule.as_deref(), shown.source_offset),
            (Some("IBAN"), Some("r"), Some(7))
        );
        assert_eq!(shown.fields, BTreeMap::from([("type".to_owned(), Some("DEBIT".to_owned()))]));
        let names: Vec<_> = shown.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["weir.code", "weir.rule", "__dlq.errors.offset", "weir.hits"]);
        let hits = shown.headers[3].value.as_deref().expect("a text");
        assert_eq!(hits, r#"[{"code":"IBAN","effect":"dead-letter","rule":"r"}]"#);
    }

    /// A header that comes to be has to be decided on, here.
    #[test]
    fn every_header_of_the_engine_is_open_or_hidden_on_purpose() {
        let text = include_str!("../../../../docs/formats.md");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let ours: Vec<_> = rows.filter(|name| name.starts_with("weir.") || name.starts_with("__dlq.")).collect();
        let mut decided: Vec<_> = OPEN.into_iter().chain([HITS, MESSAGE]).collect();
        decided.retain(|name| !ours.contains(name));
        assert!(ours.len() == OPEN.len() + 2 && decided.is_empty(), "{ours:?} {decided:?}");
    }

    #[test]
    fn a_reason_of_the_engine_that_quotes_nothing_stays() {
        let hide = Hide::of(&schema(&["iban"])).expect("one is sensitive");
        let mut letters = LettersView { complete: true, letters: vec![letter("FIELD_MISSING")], hidden: None };
        letters.letters[0].headers = headers(&[
            ("weir.code", "FIELD_MISSING"),
            ("__dlq.errors.message", "amount: is absent, a decimal is required"),
        ]);
        hide.letters(&mut letters);
        assert_eq!(letters.letters[0].message.as_deref(), Some("amount: is absent, a decimal is required"));
    }

    #[test]
    fn of_an_alert_rule_code_position_and_the_other_fields_stay() {
        use std::sync::Arc;

        use crate::admin::views::{AlertsHeld, AlertsWanted};
        use crate::model::ids::{Offset, Partition, RecordPosition};
        use crate::model::seen_alert::{Flagged, Says, SeenAlert, SeenHit};

        let hit = SeenHit { rule: "blocked".into(), code: "IBAN".into(), detail: "DE89".into(), ..SeenHit::default() };
        let flagged = Flagged {
            record: RecordPosition { partition: Partition(3), offset: Offset(7) },
            timestamp: 0,
            revision: 1,
            hits: vec![hit],
            more: 0,
            fields: vec![("iban".into(), Some("DE89".into())), ("type".into(), Some("DEBIT".into()))],
            value: Some("DE89".into()),
            is_cut: false,
        };
        let says = Says::Flagged(flagged);
        let alert = SeenAlert { number: 1, partition: 0, offset: 0, written: 0, key: Some("DE89".into()), says };
        let held = AlertsHeld { read: 1, alerts: vec![Arc::new(alert)], ..AlertsHeld::default() };
        let mut view = AlertsView::of(&held, &AlertsWanted { limit: 9, ..AlertsWanted::default() });
        assert!(serde_json::to_string(&view).expect("plain data").contains("DE89"));
        Hide::of(&schema(&["iban"])).expect("one is sensitive").alerts(&mut view);
        let text = serde_json::to_string(&view).expect("plain data");
        assert!(!text.contains("DE89"), "{text}");
        for stays in
            ["\"rule\":\"blocked\"", "\"code\":\"IBAN\"", "\"record\":\"3@7\"", "DEBIT", "\"hidden\":\"iban is"]
        {
            assert!(text.contains(stays), "{stays} is not in {text}");
        }
    }

    #[test]
    fn measures_of_a_sensitive_field_go_and_where_none_is_sensitive_all_stays() {
        assert!(Hide::of(&schema(&[])).is_none());
        let hide = Hide::of(&schema(&["amount", "iban"])).expect("two are sensitive");
        let measures = ["amount_sum", "amount_min", "amount_max", "amount_late_sum", "records"];
        let window = WindowView {
            window_start: String::new(),
            window_end: String::new(),
            r#final: true,
            group: BTreeMap::new(),
            records: 1,
            flagged: 0,
            late: 0,
            measures: measures.map(|name| (name.to_owned(), Some("1".to_owned()))).into(),
        };
        let mut windows = [window];
        hide.windows(&mut windows);
        assert_eq!(windows[0].measures.keys().collect::<Vec<_>>(), ["amount_late_sum", "records"]);
        assert!(hide.why().starts_with("amount, iban are sensitive"));
    }
}
