//! What a request asks of the dead letters, as programs and forms send it.

use chrono::NaiveDateTime;
use serde::Deserialize;

use super::super::ports::LetterFilter;
use super::super::problem::{Problem, ProblemKind};
use crate::model::ids::RecordPosition;
use crate::model::time::from_rfc3339;

#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct LettersQuery {
    /// 1 to 1,000; 100 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub(in crate::admin) limit: Option<u32>,
    /// Only letters with this code.
    pub(in crate::admin) code: Option<String>,
    /// Only letters that this rule decided.
    pub(in crate::admin) rule: Option<String>,
    /// Only those of the version whose digest begins so, in hex.
    #[param(pattern = "^[0-9A-Fa-f]{0,64}$")]
    pub(in crate::admin) sha256: Option<String>,
    /// Only that of the record at this position of the source topic, as `3@18234771`: partition, offset.
    pub(in crate::admin) position: Option<String>,
    /// Only those of records with this key. Where a field is sensitive, for those alone who may see values.
    pub(in crate::admin) key: Option<String>,
    /// Only those written to the dead-letter topic at this time or later: RFC 3339, or `2026-11-30T22:00` in UTC.
    pub(in crate::admin) from: Option<String>,
    /// Only those written before this time, likewise.
    pub(in crate::admin) to: Option<String>,
    /// Bytes of a key, a value and each header that are shown at most, 1 to 65,536; 4,096 unless given. An answer as a
    /// whole holds about 8 MiB of text at most.
    #[param(minimum = 1, maximum = 65536)]
    pub(in crate::admin) value_limit: Option<u32>,
}

/// Letters of an answer unless the query says how many.
const LETTERS: u32 = 100;

impl LettersQuery {
    /// How many letters are asked for.
    pub(in crate::admin) fn most(&self) -> u32 {
        self.limit.unwrap_or(LETTERS)
    }

    /// What is given and not empty, as forms send it.
    pub(in crate::admin) fn filter(&self) -> Result<LetterFilter, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let trimmed = |text: &Option<String>| given(&text.as_deref().map(|text| text.trim().to_owned()));
        let invalid = |why: String, hint: &str| ProblemKind::Invalid.problem(why, hint);
        let sha256 = trimmed(&self.sha256).map(|text| text.to_ascii_lowercase());
        if let Some(text) = sha256.as_ref().filter(|text| text.len() > 64 || !is_hex(text)) {
            return Err(invalid(format!("sha256 is {text:?}"), "give the first hex digits of the digest, up to 64"));
        }
        let source = trimmed(&self.position).map(|text| text.parse::<RecordPosition>()).transpose();
        let source = source.map_err(|why| invalid(why.to_string(), "it is the record's, in the source topic"))?;
        let time = |text: &Option<String>, name: &str| trimmed(text).map(|text| time(&text, name)).transpose();
        Ok(LetterFilter {
            code: trimmed(&self.code),
            rule: trimmed(&self.rule),
            sha256,
            source,
            key: given(&self.key),
            from: time(&self.from, "from")?,
            to: time(&self.to, "to")?,
        })
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Epoch milliseconds. Forms of browsers send times without a zone.
fn time(text: &str, name: &str) -> Result<i64, Problem> {
    let without_zone = || {
        let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
        forms.into_iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
    };
    let ms = from_rfc3339(text).ok().or_else(|| without_zone().map(|time| time.and_utc().timestamp_millis()));
    ms.filter(|ms| *ms >= 0).ok_or_else(|| {
        ProblemKind::Invalid.problem(format!("{name} is {text:?}"), "write a time since 1970 as 2026-11-30T22:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_a_form_sends_it_and_what_cannot_be_meant_is_refused() {
        let some = |text: &str| Some(text.to_owned());
        let empty = LettersQuery { code: some(""), key: some(""), from: some(" "), ..LettersQuery::default() };
        assert_eq!(empty.filter(), Ok(LetterFilter::default()));
        let query = LettersQuery {
            code: some(" AMOUNT_NEGATIVE"),
            sha256: some("AB12"),
            position: some("3@18,234,771"),
            key: some(" a "),
            from: some("1970-01-01T00:01"),
            to: some("1970-01-01T01:01:30.5+01:00"),
            ..LettersQuery::default()
        };
        let wanted = LetterFilter {
            code: some("AMOUNT_NEGATIVE"),
            rule: None,
            sha256: some("ab12"),
            source: "3@18234771".parse().ok(),
            key: some(" a "),
            from: Some(60_000),
            to: Some(90_500),
        };
        assert_eq!(query.filter(), Ok(wanted));
        let refused = |query: LettersQuery| query.filter().expect_err("refused").detail;
        assert_eq!(refused(LettersQuery { sha256: some("xyz"), ..LettersQuery::default() }), "sha256 is \"xyz\"");
        assert_eq!(refused(LettersQuery { from: some("today"), ..LettersQuery::default() }), "from is \"today\"");
        assert_eq!(
            refused(LettersQuery { to: some("1969-12-31T00:00"), ..LettersQuery::default() }),
            "to is \"1969-12-31T00:00\""
        );
        assert!(refused(LettersQuery { position: some("3"), ..LettersQuery::default() }).contains("as 3@18234771"));
    }
}
