//! What of an answer shows the values of sensitive fields, and is left out for those who may not see values. The API, the
//! console and the CLI all hide by this one place. Where one field is sensitive, every text that a record or a rule may have
//! put together is hidden whole: no rule says which of its words came from which field.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    AlertView, AlertsView, EvaluateView, GroupBy, HeaderView, LetterGroupsView, LetterView, LettersView, OneLetterView,
    RecordView, RuleDetail, WindowView,
};
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
/// Members of a message of the alert topic that hold nothing of the record; its hits and fields are looked through.
const OPEN_ALERT: [&str; 8] = ["kind", "source", "revision", "hits", "hits_more", "fields", "records", "codes"];
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

    /// What to do about it, in words.
    pub fn hint(&self) -> &'static str {
        "ask for `values` in `may` of [admin.people]"
    }

    /// Of dead letters code, rule, position and the other fields stay.
    pub fn letters(&self, letters: &mut LettersView) {
        letters.hidden = Some(self.why());
        letters.letters.iter_mut().for_each(|letter| self.one(letter));
    }

    /// The same of one.
    pub fn letter(&self, letter: &mut OneLetterView) {
        letter.hidden = Some(self.why());
        self.one(&mut letter.letter);
    }

    /// The same of those that are kept in memory.
    pub fn groups(&self, groups: &mut LetterGroupsView) {
        groups.hidden = Some(self.why());
        let samples = groups.groups.iter_mut().map(|group| &mut group.sample);
        samples.chain(&mut groups.letters).for_each(|letter| self.one(letter));
    }

    fn one(&self, letter: &mut LetterView) {
        (letter.key, letter.value) = (None, None);
        self.open_fields(&mut letter.fields);
        letter.hits.iter_mut().for_each(|hit| hit.detail.clear());
        let headers = std::mem::take(&mut letter.headers).into_iter().map(|header| (header.name, header.value));
        let headers = open_headers(headers.collect());
        letter.message = headers.iter().rfind(|(name, _)| name == MESSAGE).and_then(|(_, text)| text.clone());
        letter.headers = headers.into_iter().map(|(name, value)| HeaderView { name, value }).collect();
    }

    /// Of a record position, time and the other fields stay: its headers are a stranger's.
    pub fn record(&self, record: &mut RecordView) {
        record.hidden = Some(self.why());
        (record.key, record.value) = (None, None);
        record.headers.clear();
        self.open_fields(&mut record.fields);
    }

    /// Of what the rules say of somebody else's records codes and the other fields stay.
    pub fn evaluated(&self, evaluated: &mut EvaluateView) {
        (evaluated.hidden, evaluated.test) = (Some(self.why()), None);
        for record in &mut evaluated.records {
            self.open_fields(&mut record.fields);
            record.verdicts.iter_mut().flat_map(|verdict| &mut verdict.hits).for_each(|hit| hit.detail.clear());
            let fault = record.fault.as_mut().filter(|fault| !OPEN_REASONS.contains(&fault.code.as_str()));
            fault.into_iter().for_each(|fault| fault.message.clear());
        }
    }

    fn open_fields(&self, fields: &mut BTreeMap<String, Option<String>>) {
        fields.retain(|name, _| !self.fields.contains(name));
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

    /// The same of a message as it is in the alert topic. Of something that is no alert nothing stays.
    pub fn alert_message(&self, alert: &mut Value) {
        if !alert.is_object() {
            *alert = Value::Null;
        }
        let Some(members) = alert.as_object_mut() else { return };
        members.retain(|name, _| OPEN_ALERT.contains(&name.as_str()));
        let hits = members.get_mut("hits").and_then(Value::as_array_mut).into_iter().flatten();
        hits.filter_map(Value::as_object_mut).for_each(|hit| drop(hit.remove("detail")));
        if let Some(fields) = members.get_mut("fields").and_then(Value::as_object_mut) {
            fields.retain(|name, _| !self.fields.contains(name));
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
mod tests;
