//! "Alerts": the newest flagged records, by what they have in common, then one by one. From memory: it refreshes, unless it is paused,
//! which is a mark in its address; then it counts what came since.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::AdminState;
use super::super::alerts_api::{self, AlertsQuery};
use super::super::auth::Principal;
use super::super::extract::Params;
use super::super::problem::{Problem, ProblemKind};
use super::super::views::{AlertFieldView, AlertGroupView, AlertHitView, AlertKind, AlertView, AlertsView, GroupBy};
use super::dress::encoded;
use super::moment::{Moment, to_the_second};
use super::number::{cut, grouped};
use super::page::{Frame, page};

/// Alerts that the page lists.
const LISTED: u32 = 50;
/// Groups that the page lists: those behind them have an alert or two each.
const GROUPS: usize = 20;
/// Characters of a field, a detail or a value in the list; the JSON has more.
const TEXT: usize = 200;

/// What the form of the page asks for. An empty text is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Query {
    code: String,
    rule: String,
    key: String,
    by: String,
    until: String,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct Alerts {
    frame: Frame,
    form: Query,
    /// Whether the list stands still because somebody paused it.
    paused: bool,
    /// Whether somebody paused it, and it does not stand still: the mark is of another reading of the topic.
    lost: bool,
    /// Whether keys are shown to the caller.
    with_keys: bool,
    by_key: bool,
    figures: Vec<(&'static str, String)>,
    /// When the topic was read last; None: it was not yet.
    as_of: Option<String>,
    problem: Option<String>,
    hidden: Option<String>,
    newer: String,
    groups: Vec<Group>,
    more_groups: u64,
    alerts: Vec<Line>,
    /// Alerts that match and are not listed.
    more: u64,
    /// Addresses: this list standing still, and going on.
    pause: String,
    go_on: String,
    json: String,
}

/// A row of the table of groups.
struct Group {
    name: String,
    /// The address that shows its alerts alone; None: a record without a key can't be asked for.
    link: Option<String>,
    alerts: String,
    codes: String,
    first: Moment,
    last: Moment,
    said: String,
}

/// A row of the list.
struct Line {
    written: Moment,
    what: String,
    key: String,
    /// The record, and the address of its page; of a summary the first of its records.
    record: String,
    record_link: Option<String>,
    /// Of a summary: the offset of its last record.
    to: String,
    hits: Vec<Hit>,
    fields: Vec<(String, String)>,
    value: String,
    is_cut: bool,
}

/// A hit, or a code that a summary counts.
struct Hit {
    code: String,
    /// Name of the rule, and the address of its page; empty: a summary names none.
    rule: String,
    link: String,
    detail: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(form): Params<Query>,
) -> Result<Response, Problem> {
    let view = alerts_api::view(&state, &who, form.of_api()?).await?;
    Ok(page(StatusCode::OK, &Alerts::new(Frame::new(&state, &who, "alerts"), form, view)))
}

impl Query {
    fn of_api(&self) -> Result<AlertsQuery, Problem> {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let by = match self.by.as_str() {
            "" => None,
            "key" => Some(GroupBy::Key),
            "code" => Some(GroupBy::Code),
            other => {
                return Err(ProblemKind::Invalid.problem(format!("by is {other:?}"), "group by key or by code"));
            }
        };
        let (code, rule, key, until) = (text(&self.code), text(&self.rule), text(&self.key), text(&self.until));
        Ok(AlertsQuery { limit: Some(LISTED), code, rule, key, by, until })
    }

    /// The query of a page or of the API; what is not given is not in it.
    fn to_text(&self) -> String {
        let all =
            [("code", &self.code), ("rule", &self.rule), ("key", &self.key), ("by", &self.by), ("until", &self.until)];
        let given = all.into_iter().filter(|(_, text)| !text.is_empty());
        let given: Vec<_> = given.map(|(name, text)| format!("{name}={}", encoded(text))).collect();
        if given.is_empty() { String::new() } else { format!("?{}", given.join("&")) }
    }
}

impl Alerts {
    fn new(frame: Frame, form: Query, view: AlertsView) -> Self {
        let number = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
        let with = |until: String| format!("/console/alerts{}", Query { until, ..form.clone() }.to_text());
        let (pause, go_on) = (with(view.mark.clone()), with(String::new()));
        let figures = vec![
            ("Match the filter", number(view.matching)),
            ("Counted, not sent", number(view.not_sent)),
            ("Read by this instance", number(view.read)),
            ("Of these in memory", number(view.held)),
            ("Offsets passed over", number(view.passed_over)),
        ];
        let listed = view.alerts.iter().filter(|alert| alert.kind == AlertKind::Alert).count() as u64;
        Self {
            frame,
            paused: view.paused,
            lost: !form.until.is_empty() && !view.paused,
            with_keys: view.hidden.is_none(),
            by_key: view.by == GroupBy::Key,
            figures,
            as_of: view.as_of.as_deref().map(to_the_second),
            problem: view.problem,
            hidden: view.hidden,
            newer: number(view.newer),
            groups: view.groups.iter().take(GROUPS).map(|group| Group::new(group, view.by, &form)).collect(),
            more_groups: view.more_groups + view.groups.len().saturating_sub(GROUPS) as u64,
            more: view.matching.saturating_sub(listed),
            alerts: view.alerts.iter().map(Line::from).collect(),
            pause,
            go_on,
            json: form.to_text(),
            form,
        }
    }
}

impl Group {
    fn new(group: &AlertGroupView, by: GroupBy, form: &Query) -> Self {
        let link = group.name.clone().filter(|name| !name.is_empty()).map(|name| {
            let form = match by {
                GroupBy::Key => Query { key: name, ..form.clone() },
                GroupBy::Code => Query { code: name, ..form.clone() },
            };
            format!("/console/alerts{}", form.to_text())
        });
        let codes: Vec<_> = group.codes.iter().map(|(code, alerts)| format!("{code} ×{alerts}")).collect();
        Self {
            name: group.name.as_deref().map_or_else(|| "(no key)".to_owned(), |name| cut(name, TEXT)),
            link,
            alerts: grouped(i64::try_from(group.alerts).unwrap_or(i64::MAX)),
            codes: codes.join(" · "),
            first: Moment::new(&group.first),
            last: Moment::new(&group.last),
            said: group.newest.hits.first().map(|hit| cut(&hit.detail, TEXT)).unwrap_or_default(),
        }
    }
}

impl From<&AlertView> for Line {
    fn from(alert: &AlertView) -> Self {
        let what = match alert.kind {
            AlertKind::Alert => String::new(),
            AlertKind::NotSent => {
                let records =
                    grouped(alert.records.and_then(|records| i64::try_from(records).ok()).unwrap_or_default());
                format!("{records} flagged records were not sent: more than alerts.budget")
            }
            AlertKind::Other => "not an alert of Weir".to_owned(),
        };
        let bare = |code: String| Hit { code, rule: String::new(), link: String::new(), detail: String::new() };
        let more = (alert.more_hits > 0).then(|| bare(format!("and {} more", alert.more_hits)));
        let codes = alert.codes.iter().map(|(code, records)| bare(format!("{code} ×{records}")));
        let field = |field: &AlertFieldView| {
            let value = field.value.as_deref().map_or_else(|| "(none)".to_owned(), |value| cut(value, TEXT));
            (field.name.clone(), value)
        };
        Self {
            written: Moment::new(&alert.written),
            what,
            key: alert.key.as_deref().map(|key| cut(key, TEXT)).unwrap_or_default(),
            record: alert.record.clone().unwrap_or_default(),
            record_link: alert.record.as_ref().map(|record| format!("/console/records/{record}")),
            to: alert.to.map(|to| format!(" to {to}")).unwrap_or_default(),
            hits: alert.hits.iter().map(Hit::from).chain(more).chain(codes).collect(),
            fields: alert.fields.iter().map(field).collect(),
            value: alert.value.as_deref().map(|value| cut(value, TEXT)).unwrap_or_default(),
            is_cut: alert.cut,
        }
    }
}

impl From<&AlertHitView> for Hit {
    fn from(hit: &AlertHitView) -> Self {
        let link = format!("/console/rules/{}", encoded(&hit.rule));
        Self { code: hit.code.clone(), rule: hit.rule.clone(), link, detail: cut(&hit.detail, TEXT) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_in_the_address_and_what_is_not_is_not() {
        let form = Query { key: "a b&c=ü".into(), by: "code".into(), ..Query::default() };
        assert_eq!(form.to_text(), "?key=a%20b%26c%3D%C3%BC&by=code");
        let query = form.of_api().expect("a query");
        assert_eq!((query.key.as_deref(), query.by, query.code), (Some("a b&c=ü"), Some(GroupBy::Code), None));
        assert_eq!(Query::default().to_text(), "");
        let unknown = Query { by: "amount".into(), ..Query::default() };
        assert_eq!(unknown.of_api().expect_err("refused").status, 422);
    }
}
