//! "Try": what the rules say of a record that somebody pastes or picks, with parameters that are changed on the spot. It changes nothing;
//! the form is sent by POST because a record is too long for a URL, and belongs in no log.

use std::collections::BTreeMap;
use std::fmt;

use askama::Template;
use askama::filters::{Escaper, Html};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::evaluate_api::{Given, Parameters, judge, of_letter, of_record};
use super::super::extract::{Fields, Params};
use super::super::problem::{Problem, ProblemKind};
use super::super::views::{EvaluateView, EvaluatedView, HitView, OutcomeView, RuleView, VerdictView};
use super::dress::encoded;
use super::letters::version;
use super::page::{Frame, page};
use super::record::Named;
use crate::model::catalog::Mode;
use crate::model::finding::Effect;
use crate::model::shown::acts;

/// Bytes of a record that was picked and is put where it can be edited.
const EDITED: usize = 16 * 1024;
/// Begins the name of a parameter's field: `parameter:RULE:NAME`.
const PARAMETER: &str = "parameter";

/// Which record is picked; both absent or empty: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Pick {
    record: String,
    letter: String,
}

/// What the form holds.
#[derive(Default)]
struct Asked {
    pick: Pick,
    /// The record as text; empty: the one that was picked, as it is.
    text: String,
    parameters: Parameters,
    /// The rule that a test is made for.
    test: Option<String>,
}

#[derive(Template)]
#[template(path = "try.html")]
struct Try {
    frame: Frame,
    pick: Pick,
    text: Option<Editable>,
    /// Why the record is not where it can be edited; empty: it is, or there is none.
    not_edited: String,
    rules: Vec<RuleForm>,
    /// Why parameters can't be changed; empty: they can.
    no_parameters: String,
    judged: Option<Judged>,
    /// What was wrong with what was asked; empty: nothing.
    problem: String,
    /// Query of the same at the API, with a question mark; empty: none is needed.
    api: String,
    /// Whether the API gets the record as a body.
    has_body: bool,
}

/// A text that is put into the form as it is.
struct Editable(String);

/// Parameters of a rule.
struct RuleForm {
    rule: String,
    mode: &'static str,
    /// Whether one of them is not as it is in force.
    is_changed: bool,
    parameters: Vec<ParameterForm>,
}

struct ParameterForm {
    name: String,
    value: String,
    in_force: String,
}

struct Judged {
    class: &'static str,
    outcome: &'static str,
    revision: u64,
    /// Code and reason of a fault that the engine found; empty: none.
    fault: String,
    fields: Vec<Named>,
    verdicts: Vec<Row>,
    /// The lines of a test; empty: none was made.
    test: Vec<String>,
    /// Why parts of it are not shown; empty: nothing is hidden.
    hidden: String,
}

/// What a rule says.
struct Row {
    rule: String,
    version: String,
    mode: &'static str,
    was_asked: bool,
    hits: Vec<Hit>,
    may_test: bool,
}

struct Hit {
    code: String,
    class: &'static str,
    effect: &'static str,
    detail: String,
}

/// The empty form, or what the rules say of the record that is picked.
pub(super) async fn show(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Params(pick): Params<Pick>,
) -> Result<Response, Problem> {
    answer(&state, &who, Asked { pick, ..Asked::default() }).await
}

/// The same of what the form holds.
pub(super) async fn submit(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Fields(fields): Fields<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    answer(&state, &who, Asked::of(fields)?).await
}

async fn answer(state: &AdminState, who: &Principal, asked: Asked) -> Result<Response, Problem> {
    let in_force = state.rules.list().await?.rules;
    let Asked { pick, text, parameters, test } = asked;
    let parameters = changed(parameters, &in_force);
    let mut try_page = Try::new(Frame::new(state, who, "try"), pick, &parameters, &in_force);
    let given = match try_page.given(state, &text).await? {
        None => return Ok(page(StatusCode::OK, &try_page)),
        Some(given) => given,
    };
    let hide = state.hide(who).filter(|_| !given.is_own);
    if let Some(hide) = hide {
        try_page.no_parameters = format!("{}, and a limit of one's own choice would tell them", hide.why());
    }
    try_page.edit(&text, &given, hide.is_some());
    try_page.has_body = given.is_own;
    try_page.api = query(&try_page.pick, given.is_own, &parameters, test.as_deref());
    let status = match judge(state, who, given, parameters, test).await {
        Ok(found) => {
            try_page.judged = Judged::of(found);
            StatusCode::OK
        }
        // What was typed is not lost with it.
        Err(problem) => {
            try_page.problem = format!("{}; {}", problem.detail, problem.hint);
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
        }
    };
    Ok(page(status, &try_page))
}

impl Asked {
    fn of(fields: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "record" => asked.pick.record = value,
                "letter" => asked.pick.letter = value,
                "text" => asked.text = value,
                "test" => asked.test = Some(value),
                // A rule's name and a parameter's are snake_case.
                _ => match name.split(':').collect::<Vec<_>>()[..] {
                    [PARAMETER, rule, parameter] => {
                        asked.parameters.entry(rule.to_owned()).or_default().insert(parameter.to_owned(), value);
                    }
                    _ => return Err(ProblemKind::BadRequest.problem("the form cannot be read", "open the page again")),
                },
            }
        }
        Ok(asked)
    }
}

/// Only what is not as it is in force: the form sends every parameter.
fn changed(mut parameters: Parameters, in_force: &[RuleView]) -> Parameters {
    for (rule, values) in &mut parameters {
        let known = in_force.iter().find(|view| view.name == *rule).map(|view| &view.parameters);
        values.retain(|name, value| known.and_then(|known| known.get(name)) != Some(&*value));
    }
    parameters.retain(|_, values| !values.is_empty());
    parameters
}

/// Of the same at the API.
fn query(pick: &Pick, is_own: bool, parameters: &Parameters, test: Option<&str>) -> String {
    let parameters =
        (!parameters.is_empty()).then(|| serde_json::to_string(parameters).expect("texts by name always serialize"));
    let parts = [
        ("record", Some(pick.record.as_str()).filter(|at| !is_own && !at.is_empty())),
        ("letter", Some(pick.letter.as_str()).filter(|at| !is_own && !at.is_empty())),
        ("parameters", parameters.as_deref()),
        ("test", test),
    ];
    let given = parts.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded((*value)?))));
    let text = given.collect::<Vec<_>>().join("&");
    if text.is_empty() { text } else { format!("?{text}") }
}

impl Try {
    fn new(frame: Frame, pick: Pick, parameters: &Parameters, in_force: &[RuleView]) -> Self {
        let none = BTreeMap::new();
        let judging = in_force.iter().filter(|rule| rule.mode != Mode::Off && rule.suspended.is_none());
        let form = |rule: &RuleView| {
            let changed = parameters.get(&rule.name).unwrap_or(&none);
            let parameter = |(name, in_force): (&String, &String)| ParameterForm {
                name: name.clone(),
                value: changed.get(name).unwrap_or(in_force).clone(),
                in_force: in_force.clone(),
            };
            RuleForm {
                rule: rule.name.clone(),
                mode: mode(rule.mode),
                is_changed: !changed.is_empty(),
                parameters: rule.parameters.iter().map(parameter).collect(),
            }
        };
        let rules = judging.map(form).filter(|rule| !rule.parameters.is_empty()).collect();
        Self {
            frame,
            pick,
            text: Editable::of(""),
            not_edited: String::new(),
            rules,
            no_parameters: String::new(),
            judged: None,
            problem: String::new(),
            api: String::new(),
            has_body: true,
        }
    }

    /// What is judged; None: nothing is asked for.
    async fn given(&self, state: &AdminState, text: &str) -> Result<Option<Given>, Problem> {
        let Pick { record, letter } = &self.pick;
        let position = |text: &str| {
            text.parse().map_err(|why: crate::model::ids::NotAPosition| {
                ProblemKind::Invalid.problem(why.to_string(), "dead letters and records have it on their pages")
            })
        };
        let given = match (text.trim(), record.trim(), letter.trim()) {
            ("", "", "") => return Ok(None),
            ("", at, "") => of_record(state, position(at)?).await?,
            ("", _, at) => of_letter(state, position(at)?).await?,
            (text, at, _) => Given { records: vec![text.as_bytes().to_vec()], origin: at.parse().ok(), is_own: true },
        };
        Ok(Some(given))
    }

    /// Puts what is judged where it can be edited, or says why not.
    fn edit(&mut self, text: &str, given: &Given, is_hidden: bool) {
        let first = given.records.first().map(Vec::as_slice).unwrap_or_default();
        let picked = if text.trim().is_empty() { std::str::from_utf8(first).ok() } else { Some(text) };
        let editable = picked.filter(|text| given.is_own || text.len() <= EDITED).and_then(Editable::of);
        let not_edited = match (is_hidden, &editable) {
            (true, _) => "its bytes are for those who may see values",
            (false, Some(_)) => "",
            (false, None) => {
                "it is long, no text, or holds characters that would act on the page; the rules judge the bytes as they are"
            }
        };
        not_edited.clone_into(&mut self.not_edited);
        self.text = editable.filter(|_| !is_hidden);
    }
}

impl Editable {
    /// None: characters in it would act on whoever looks at it. Line ends and tabs lay JSON out.
    fn of(text: &str) -> Option<Self> {
        let is_plain = text.chars().all(|c| !acts(c) || matches!(c, '\n' | '\r' | '\t'));
        is_plain.then(|| Self(text.to_owned()))
    }
}

/// Escaped: the template adds nothing to it.
impl fmt::Display for Editable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Html.write_escaped_str(f, &self.0)
    }
}

impl Judged {
    /// None: nothing was judged.
    fn of(found: EvaluateView) -> Option<Self> {
        let EvaluateView { revision, records, test, hidden } = found;
        let EvaluatedView { outcome, fault, fields, verdicts } = records.into_iter().next()?;
        let (class, outcome) = match outcome {
            OutcomeView::Valid => ("good", "valid"),
            OutcomeView::Flagged => ("warn", "valid, and flagged"),
            OutcomeView::DeadLetter => ("bad", "a dead letter"),
            OutcomeView::Halt => ("bad", "a halt of the pipeline"),
        };
        let may_test = hidden.is_none();
        Some(Self {
            class,
            outcome,
            revision,
            fault: fault.map(|fault| format!("{} {}", fault.code, fault.message)).unwrap_or_default(),
            fields: Named::of_fields(fields),
            verdicts: verdicts.into_iter().map(|verdict| Row::of(verdict, may_test)).collect(),
            test: test.unwrap_or_default().lines().map(str::to_owned).collect(),
            hidden: hidden.unwrap_or_default(),
        })
    }
}

impl Row {
    fn of(verdict: VerdictView, may_test: bool) -> Self {
        let hit = |HitView { code, effect, detail }: HitView| {
            let (class, effect) = match effect {
                Effect::DeadLetter => ("bad", "dead letter"),
                Effect::Flag => ("warn", "flag"),
            };
            Hit { code, class, effect, detail }
        };
        Self {
            version: version(Some(&verdict.sha256)),
            mode: mode(verdict.mode),
            was_asked: !verdict.not_asked,
            may_test: may_test && !verdict.not_asked,
            hits: verdict.hits.into_iter().map(hit).collect(),
            rule: verdict.rule,
        }
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live",
        Mode::Shadow => "shadow",
        Mode::Off => "off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_goes_into_the_form_as_it_is_and_as_no_markup() {
        let text = |text: &str| Editable::of(text).map(|text| text.to_string());
        let json = "{\n\t\"a\": \"</textarea><b>\"\r\n}";
        let shown = "{\n\t&#34;a&#34;: &#34;&#60;/textarea&#62;&#60;b&#62;&#34;\r\n}";
        assert_eq!(text(json).as_deref(), Some(shown));
        assert_eq!(["\u{202e}", "\u{0}", "a\u{1b}[2J"].map(text), [None, None, None]);
    }

    #[test]
    fn the_form_s_fields_are_read_and_an_unknown_one_is_refused() {
        let fields = |of: &[(&str, &str)]| {
            Asked::of(of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let asked =
            fields(&[("text", "{}"), ("parameter:high_amount:limit", "5"), ("test", "high_amount")]).expect("known");
        assert_eq!((asked.text.as_str(), asked.test.as_deref()), ("{}", Some("high_amount")));
        assert_eq!(asked.parameters["high_amount"]["limit"], "5");
        assert!(fields(&[("token", "x")]).is_err() && fields(&[("parameter:a", "x")]).is_err());
    }

    #[test]
    fn the_same_at_the_api_names_what_was_picked_and_changed() {
        let pick = || Pick { record: "3@7".into(), letter: String::new() };
        let changed = Parameters::from([("r".into(), BTreeMap::from([("limit".into(), "5".into())]))]);
        assert_eq!(query(&pick(), false, &Parameters::new(), None), "?record=3%407");
        assert_eq!(
            query(&pick(), true, &changed, Some("r")),
            "?parameters=%7B%22r%22%3A%7B%22limit%22%3A%225%22%7D%7D&test=r"
        );
        assert_eq!(query(&Pick::default(), true, &Parameters::new(), None), "");
    }
}
