//! "Try": what the rules say of a record that somebody pastes or picks, with parameters that are changed on the spot. It changes nothing;
//! the form is sent by POST because a record is too long for a URL, and belongs in no log.

mod editable;
mod form;

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::evaluate_api::{Given, Parameters, judge, of_letter, of_record};
use super::super::extract::{Fields, Params};
use super::super::problem::{Problem, ProblemKind};
use super::super::views::{EvaluateView, EvaluatedView, HitView, OutcomeView, RuleView, VerdictView};
use super::change_form::mode_word;
use super::letters::version;
use super::page::{Frame, page};
use super::record::Named;
use super::state::does;
use crate::model::catalog::Mode;
use editable::Editable;
use form::{Asked, Pick, changed, query};

/// Bytes of a record that was picked and is put where it can be edited.
const EDITED: usize = 16 * 1024;

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
                mode: mode_word(rule.mode),
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
            let (class, effect) = does(effect);
            Hit { code, class, effect, detail }
        };
        Self {
            version: version(Some(&verdict.sha256)),
            mode: mode_word(verdict.mode),
            was_asked: !verdict.not_asked,
            may_test: may_test && !verdict.not_asked,
            hits: verdict.hits.into_iter().map(hit).collect(),
            rule: verdict.rule,
        }
    }
}
