//! Changes of rules between the API's words and the catalog's, and why the catalog refuses one.

use super::advice::advice;
use crate::admin::ports::{AdminError, Author, PlanRequest, PlannedAction, PublishRequest};
use crate::admin::views::{AuditView, DifferenceView, ManifestView, MovedView, PlanView};
use crate::model::catalog::Origin;
use crate::model::ids::{Revision, Sha256};
use crate::rules::{Action, Difference, Moved, Patch, Plan, Publish, Refused};

impl From<Refused> for AdminError {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::TooLarge { most, .. } => Self::TooLarge { limit: most as u64 },
            Refused::NotWasm => Self::NotWasm,
            Refused::Module(_) => Self::Invalid { hint: advice(&detail).into(), detail },
            Refused::Unfit(_) => Self::Invalid {
                detail,
                hint: "change the rule, or declare the field or the parameter in the pipeline's configuration".into(),
            },
            Refused::NoSuchRule(_) | Refused::NoSuchVersion { .. } => Self::NotFound(detail),
            Refused::Conflict(_) => Self::Conflict(detail),
            Refused::Moved(moved) => Self::Moved { detail, moved: Box::new(moved_view(*moved)) },
            Refused::InForce { .. } => Self::InForce(detail),
            Refused::Unknown { rule, .. } => Self::Unknown { rule, detail },
            Refused::Compiler(_) | Refused::Store(_) => Self::Unavailable(detail),
        }
    }
}

/// A module, and how it comes.
pub(super) fn how(request: PublishRequest) -> (Vec<u8>, Publish) {
    let PublishRequest { wasm, source, author: Author { who, reason, seen }, order, mode, replace } = request;
    let (who, seen) = (who.to_string(), seen.map(Revision));
    (wasm, Publish { origin: Origin::Api, source, who, reason, seen, order, mode, replace })
}

/// The rule, and what is to be done to it.
pub(super) fn action(request: PlanRequest) -> Result<(String, Action), AdminError> {
    let PlanRequest { rule, action, mode, order, parameters, sha256 } = request;
    let action = match action {
        PlannedAction::Patch => Action::Patch(Patch { mode, order, parameters }),
        PlannedAction::Rollback => Action::Rollback(version(sha256)?),
        PlannedAction::Retire => Action::Retire,
    };
    Ok((rule, action))
}

/// A version by its digest.
pub(super) fn version(sha256: Option<String>) -> Result<Option<Sha256>, AdminError> {
    let parsed = sha256.map(|text| text.parse::<Sha256>()).transpose();
    parsed.map_err(|why| AdminError::NotFound(why.to_string()))
}

/// The plan as the API has it.
pub(super) fn view(plan: Plan, manifest: Option<ManifestView>) -> PlanView {
    let Plan { revision, rule, differences, effects, detail } = plan;
    let changes = differences.into_iter().map(difference_view).collect();
    PlanView { revision: revision.0, rule, changes, effects, detail, manifest }
}

/// What differs since a change was decided on.
fn moved_view(moved: Moved) -> MovedView {
    let Moved { seen, now, differences, lines } = moved;
    let changes = differences.map(|all| all.into_iter().map(difference_view).collect());
    MovedView { seen: seen.0, now: now.0, changes, since: lines.into_iter().map(AuditView::from).collect() }
}

fn difference_view(difference: Difference) -> DifferenceView {
    let Difference { rule, setting, from, to } = difference;
    DifferenceView { rule, setting, from, to }
}
