//! What a change of a rule would do, shown before it is done, and the change itself. Both refuse to act on another rule set than the
//! one that the page before them showed.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::AdminState;
use super::super::auth::Principal;
use super::super::changing::{is_digest, to_the_end};
use super::super::extract::{Fields, Name, reason};
use super::super::ports::{Author, PlannedAction, RollbackRequest};
use super::super::problem::{Problem, ProblemKind};
use super::super::rules_api;
use super::super::views::{DifferenceView, ManifestView, PlanView};
use super::change_form::ChangeForm;
use super::number::NOT_KNOWN;
use super::page::{Frame, page, see_other};

/// Fields of a form, in the order that a browser sends them.
type Sent = Fields<Vec<(String, String)>>;

#[derive(Template)]
#[template(path = "plan.html")]
pub(super) struct PlanPage {
    pub(super) frame: Frame,
    /// What is to be done, as a heading.
    pub(super) heading: String,
    /// The rule; empty: no module could be read.
    pub(super) rule: String,
    /// Whether the rule is in the set, so that there is a page of it.
    pub(super) is_known: bool,
    pub(super) revision: u64,
    pub(super) differences: Vec<Difference>,
    pub(super) effects: Vec<String>,
    pub(super) manifest: Option<ManifestView>,
    /// Whether the change is a publish of a module that was brought.
    pub(super) publishes: bool,
    /// Whether the rule is taken out: the button looks as what one does not do in passing.
    pub(super) retires: bool,
    /// What the form that does it sends beside the revision and the reason.
    pub(super) fields: Vec<(String, String)>,
    /// Whether it is not done without a reason.
    pub(super) needs_reason: bool,
    /// Why it can't be done, each part by itself; empty: it can.
    pub(super) problem: Vec<String>,
    /// What to do about that.
    pub(super) hint: String,
}

/// A setting that would change.
pub(super) struct Difference {
    setting: String,
    from: String,
    to: String,
}

impl PlanPage {
    /// Of a plan that was made.
    pub(super) fn of(frame: Frame, heading: String, plan: PlanView) -> Self {
        let is_known = plan.changes.iter().all(|change| change.setting != "version" || change.from.is_some());
        Self {
            frame,
            heading,
            rule: plan.rule,
            is_known,
            revision: plan.revision,
            differences: plan.changes.into_iter().map(Difference::from).collect(),
            effects: plan.effects,
            manifest: plan.manifest,
            publishes: false,
            retires: false,
            fields: Vec::new(),
            needs_reason: false,
            problem: Vec::new(),
            hint: String::new(),
        }
    }

    /// Of a change that can't be made.
    pub(super) fn refused(frame: Frame, heading: String, rule: &str, problem: Problem) -> Self {
        let (changes, effects) = (Vec::new(), Vec::new());
        let plan = PlanView { revision: 0, rule: rule.to_owned(), changes, effects, detail: None, manifest: None };
        let Problem { detail, hint, .. } = problem;
        Self { problem: parts(&detail), hint, ..Self::of(frame, heading, plan) }
    }
}

impl From<DifferenceView> for Difference {
    fn from(difference: DifferenceView) -> Self {
        let DifferenceView { setting, from, to, .. } = difference;
        let is_parameter = setting.starts_with("parameters.");
        let show = |value: Option<String>| {
            value.unwrap_or_else(|| if is_parameter { "the module's default".to_owned() } else { NOT_KNOWN.to_owned() })
        };
        let setting =
            setting.strip_prefix("parameters.").map_or(setting.replace('_', " "), |name| format!("parameter {name}"));
        Self { setting, from: show(from), to: show(to) }
    }
}

/// The findings of a refusal, one by one: a check says all that it found, with semicolons between.
pub(super) fn parts(detail: &str) -> Vec<String> {
    detail.split("; ").map(str::to_owned).collect()
}

/// What the form's change would do.
pub(super) async fn plan(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Name(name): Name,
    Fields(fields): Sent,
) -> Result<Response, Problem> {
    let mut form = ChangeForm::parse(fields)?;
    is_digest(form.sha256.as_deref())?;
    let detail = rules_api::rule(&state, &who, &name, 0).await?;
    let frame = Frame::new(&state, &who, "rules");
    let heading = match form.action {
        PlannedAction::Patch => format!("Change {name}"),
        PlannedAction::Rollback => format!("Roll {name} back"),
        PlannedAction::Retire => format!("Retire {name}"),
    };
    // An older page's fields are compared with what it did not show: the plan says so.
    if detail.revision == form.revision {
        form.only_what_differs(&detail.rule);
    }
    if form.is_nothing() {
        let (rule, revision) = (name, detail.revision);
        let (changes, effects) = (Vec::new(), Vec::new());
        let plan = PlanView { revision, rule, changes, effects, detail: None, manifest: None };
        return Ok(page(StatusCode::OK, &PlanPage::of(frame, heading, plan)));
    }
    let (rules, request, seen) = (state.rules.clone(), form.plan(&name), form.revision);
    match to_the_end(async move { rules.plan(request, Some(seen)).await }).await {
        Ok(plan) => {
            let (fields, needs_reason) = (form.fields(), form.action == PlannedAction::Rollback);
            let retires = form.action == PlannedAction::Retire;
            Ok(page(StatusCode::OK, &PlanPage { fields, needs_reason, retires, ..PlanPage::of(frame, heading, plan) }))
        }
        Err(problem) if problem.status == 422 => {
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &PlanPage::refused(frame, heading, &name, problem)))
        }
        Err(problem) => Err(problem),
    }
}

/// Does what was shown.
pub(super) async fn change(
    State(state): State<AdminState>,
    Extension(who): Extension<Principal>,
    Name(name): Name,
    Fields(fields): Sent,
) -> Result<Response, Problem> {
    let form = ChangeForm::parse(fields)?;
    is_digest(form.sha256.as_deref())?;
    let reason = reason(form.reason.clone())?;
    if form.action == PlannedAction::Rollback && reason.is_none() {
        return Err(ProblemKind::Invalid
            .problem("a rollback takes a reason", "go back, and say in a line what was wrong with the version"));
    }
    let (rules, rule) = (state.rules.clone(), name.clone());
    let (action, author) = (form.action, Author { who: who.name, reason, seen: Some(form.revision) });
    let revision = to_the_end(async move {
        match action {
            PlannedAction::Patch => rules.patch(&rule, form.patch(), &author).await,
            PlannedAction::Rollback => {
                rules.rollback(&rule, RollbackRequest { sha256: form.sha256, reason: None }, &author).await
            }
            PlannedAction::Retire => rules.retire(&rule, &author).await,
        }
    })
    .await?;
    Ok(match action {
        PlannedAction::Retire => see_other(&format!("/console/rules?done={revision}&rule={name}")),
        PlannedAction::Patch | PlannedAction::Rollback => see_other(&format!("/console/rules/{name}?done={revision}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_named_in_words_and_a_default_is_not_nothing() {
        let of = |setting: &str, from: Option<&str>| {
            let (rule, from, to) = ("r".into(), from.map(str::to_owned), Some("x".to_owned()));
            let difference = Difference::from(DifferenceView { rule, setting: setting.into(), from, to });
            (difference.setting, difference.from)
        };
        assert_eq!(of("parameters.limit", None), ("parameter limit".into(), "the module's default".into()));
        assert_eq!(of("brought_by", Some("api")), ("brought by".into(), "api".into()));
        assert_eq!(of("version", None), ("version".into(), NOT_KNOWN.into()));
    }

    #[test]
    fn findings_are_told_one_by_one() {
        let detail =
            "the manifest is not valid: the rule's name is \"X\": make it snake_case; it has no code: a rule needs one";
        assert_eq!(parts(detail).len(), 2);
    }
}
