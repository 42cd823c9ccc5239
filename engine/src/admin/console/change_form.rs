//! What a form about a rule sends: an action with its settings, the revision that its page was made of, and why. The page that
//! shows what would change sends the same on, so that what is done is what was shown.

use std::collections::BTreeMap;

use super::super::ports::{PatchRequest, PlanRequest, PlannedAction};
use super::super::problem::{Problem, ProblemKind};
use super::super::views::RuleView;
use crate::model::catalog::Mode;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChangeForm {
    pub(super) action: PlannedAction,
    /// Revision of the set that the page showed.
    pub(super) revision: u64,
    pub(super) mode: Option<Mode>,
    pub(super) order: Option<i32>,
    /// By name; None: the module's default again.
    pub(super) parameters: BTreeMap<String, Option<String>>,
    /// Version to go back to; None: the one before.
    pub(super) sha256: Option<String>,
    pub(super) reason: Option<String>,
}

impl ChangeForm {
    /// Of the fields of a form. `set.NAME` is a parameter's value, `default.NAME` that it takes its default again.
    pub(super) fn parse(fields: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut form = Self {
            action: PlannedAction::Patch,
            revision: 0,
            mode: None,
            order: None,
            parameters: BTreeMap::new(),
            sha256: None,
            reason: None,
        };
        let (mut action, mut revision) = (None, None);
        for (name, value) in fields {
            match (name.as_str(), name.split_once('.')) {
                ("action", _) => action = action_of(&value),
                ("revision", _) => revision = value.parse().ok(),
                ("mode", _) => form.mode = mode_of(&value)?,
                ("order", _) => form.order = order_of(&value)?,
                ("sha256", _) => form.sha256 = Some(value).filter(|sha256| !sha256.is_empty()),
                ("reason", _) => form.reason = Some(value),
                (_, Some(("default", parameter))) => drop(form.parameters.insert(parameter.to_owned(), None)),
                (_, Some(("set", parameter))) => {
                    form.parameters.entry(parameter.to_owned()).or_insert(Some(value));
                }
                _ => return Err(another_page()),
            }
        }
        let (Some(action), Some(revision)) = (action, revision) else { return Err(another_page()) };
        Ok(Self { action, revision, ..form })
    }

    /// Leaves out what is in force as it is: a form sends every setting that it shows.
    pub(super) fn only_what_differs(&mut self, rule: &RuleView) {
        // The mode that a suspended rule has lifts the suspension.
        self.mode = self.mode.filter(|mode| *mode != rule.mode || rule.suspended.is_some());
        self.order = self.order.filter(|order| *order != rule.order);
        self.parameters.retain(|name, value| match value {
            Some(value) => rule.parameters.get(name) != Some(value),
            None => rule.set.contains(name),
        });
    }

    /// Whether nothing is left to do.
    pub(super) fn is_nothing(&self) -> bool {
        self.action == PlannedAction::Patch && self.mode.is_none() && self.order.is_none() && self.parameters.is_empty()
    }

    /// The question what it would change.
    pub(super) fn plan(&self, rule: &str) -> PlanRequest {
        PlanRequest {
            rule: rule.to_owned(),
            action: self.action,
            mode: self.mode,
            order: self.order,
            parameters: Some(self.parameters.clone()).filter(|parameters| !parameters.is_empty()),
            sha256: self.sha256.clone(),
        }
    }

    /// The change, of a patch.
    pub(super) fn patch(&self) -> PatchRequest {
        let parameters = Some(self.parameters.clone()).filter(|parameters| !parameters.is_empty());
        PatchRequest { mode: self.mode, order: self.order, parameters, reason: None }
    }

    /// The fields of the form that does it, but for the revision and the reason.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let action = match self.action {
            PlannedAction::Patch => "patch",
            PlannedAction::Rollback => "rollback",
            PlannedAction::Retire => "retire",
        };
        let mode = self.mode.map(|mode| ("mode".to_owned(), mode_word(mode).to_owned()));
        let order = self.order.map(|order| ("order".to_owned(), order.to_string()));
        let sha256 = self.sha256.clone().map(|sha256| ("sha256".to_owned(), sha256));
        let parameters = self.parameters.iter().map(|(name, value)| match value {
            Some(value) => (format!("set.{name}"), value.clone()),
            None => (format!("default.{name}"), "yes".to_owned()),
        });
        let first = [("action".to_owned(), action.to_owned())];
        first.into_iter().chain(mode).chain(order).chain(sha256).chain(parameters).collect()
    }
}

fn action_of(word: &str) -> Option<PlannedAction> {
    match word {
        "patch" => Some(PlannedAction::Patch),
        "rollback" => Some(PlannedAction::Rollback),
        "retire" => Some(PlannedAction::Retire),
        _ => None,
    }
}

/// Empty: it stays as it is.
pub(super) fn mode_of(word: &str) -> Result<Option<Mode>, Problem> {
    match word {
        "" => Ok(None),
        "live" => Ok(Some(Mode::Live)),
        "shadow" => Ok(Some(Mode::Shadow)),
        "off" => Ok(Some(Mode::Off)),
        _ => Err(another_page()),
    }
}

/// As forms have it.
pub(super) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live",
        Mode::Shadow => "shadow",
        Mode::Off => "off",
    }
}

/// Empty: it stays as it is.
pub(super) fn order_of(text: &str) -> Result<Option<i32>, Problem> {
    let text = text.trim();
    match text.parse() {
        _ if text.is_empty() => Ok(None),
        Ok(order) => Ok(Some(order)),
        Err(_) => Err(ProblemKind::Invalid.problem(
            "the order is no whole number",
            "go back, and write one such as 10 or -3: rules judge in ascending order",
        )),
    }
}

fn another_page() -> Problem {
    ProblemKind::BadRequest.problem("the form cannot be read", "open the page again and send its form")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_shown_before_a_change_is_sent_on_as_it_was_sent() {
        let sent = fields(&[
            ("action", "patch"),
            ("mode", "shadow"),
            ("order", "-3"),
            ("default.floor", "yes"),
            ("set.limit", "5=6&7"),
        ]);
        let form = ChangeForm::parse([sent.clone(), fields(&[("revision", "42")])].concat()).expect("it is one");
        assert_eq!((form.revision, form.fields()), (42, sent));
        let plan = form.plan("r");
        assert_eq!((plan.mode, plan.order), (Some(Mode::Shadow), Some(-3)));
        let parameters = [("floor".to_owned(), None), ("limit".to_owned(), Some("5=6&7".to_owned()))];
        assert_eq!(plan.parameters, Some(parameters.into()));
    }

    #[test]
    fn a_form_of_another_page_and_an_order_that_is_none_are_refused() {
        let parse = |of: &[(&str, &str)]| ChangeForm::parse(fields(of)).map_err(|problem| problem.status);
        assert_eq!(parse(&[("action", "patch")]), Err(400), "of no revision");
        assert_eq!(parse(&[("revision", "4")]), Err(400));
        assert_eq!(parse(&[("action", "explode"), ("revision", "4")]), Err(400));
        assert_eq!(parse(&[("action", "patch"), ("revision", "4"), ("color", "red")]), Err(400));
        assert_eq!(parse(&[("action", "patch"), ("revision", "4"), ("mode", "loud")]), Err(400));
        assert_eq!(parse(&[("action", "patch"), ("revision", "4"), ("order", "first")]), Err(422));
        assert!(parse(&[("action", "retire"), ("revision", "4")]).is_ok());
    }

    #[test]
    fn what_is_in_force_as_it_is_is_no_change_and_a_default_is_one_where_somebody_set_another_value() {
        let mut rule = crate::admin::console::tests::rule_view("r");
        rule.parameters = [("floor", "1"), ("limit", "10")].map(|(name, value)| (name.into(), value.into())).into();
        rule.set = vec!["limit".into()];
        let all = [
            ("action", "patch"),
            ("revision", "4"),
            ("mode", "live"),
            ("order", "0"),
            ("set.floor", "1"),
            ("set.limit", "10"),
        ];
        let mut form = ChangeForm::parse(fields(&all)).expect("it is one");
        form.only_what_differs(&rule);
        assert!(form.is_nothing(), "{form:?}");
        let default = [&all[..], &[("default.limit", "yes"), ("default.floor", "yes")]].concat();
        let mut form = ChangeForm::parse(fields(&default)).expect("it is one");
        form.only_what_differs(&rule);
        assert_eq!(form.parameters, [("limit".to_owned(), None)].into());
        rule.suspended = Some("it failed".into());
        let mut form = ChangeForm::parse(fields(&all)).expect("it is one");
        form.only_what_differs(&rule);
        assert_eq!(form.mode, Some(Mode::Live), "it lifts the suspension");
    }
}
