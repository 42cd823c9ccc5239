//! What the form of Try holds, and the same as a call of the API.

use serde::Deserialize;

use super::super::super::evaluate_api::Parameters;
use super::super::super::problem::{Problem, ProblemKind};
use super::super::super::views::RuleView;
use super::super::dress::encoded;

/// Begins the name of a parameter's field: `parameter:RULE:NAME`.
const PARAMETER: &str = "parameter";

/// Which record is picked; both absent or empty: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::admin::console) struct Pick {
    pub(super) record: String,
    pub(super) letter: String,
}

/// What the form holds.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) pick: Pick,
    /// The record as text; empty: the one that was picked, as it is.
    pub(super) text: String,
    pub(super) parameters: Parameters,
    /// The rule that a test is made for.
    pub(super) test: Option<String>,
}

impl Asked {
    pub(super) fn of(fields: Vec<(String, String)>) -> Result<Self, Problem> {
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
pub(super) fn changed(mut parameters: Parameters, in_force: &[RuleView]) -> Parameters {
    for (rule, values) in &mut parameters {
        let known = in_force.iter().find(|view| view.name == *rule).map(|view| &view.parameters);
        values.retain(|name, value| known.and_then(|known| known.get(name)) != Some(&*value));
    }
    parameters.retain(|_, values| !values.is_empty());
    parameters
}

/// Of the same at the API.
pub(super) fn query(pick: &Pick, is_own: bool, parameters: &Parameters, test: Option<&str>) -> String {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

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
