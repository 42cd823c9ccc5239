//! Changes of the fake catalog: what one would do, one that comes too late, and what was done.

use weir::admin::ports::{AdminError, PlanRequest, PlannedAction, PublishRequest};
use weir::admin::views::{AuditView, DifferenceView, ManifestView, MovedView, PlanView, rfc3339};
use weir::model::catalog::{Audit, Entry, Manifest, ManifestParameter, Mode, RuleChange};
use weir::model::ids::Sha256;
use weir::model::record::Kind;

use super::{REVISION, WASM};

/// Err: the change was decided on another set than the fake one.
pub(super) fn is_at(seen: Option<u64>) -> Result<(), AdminError> {
    let Some(seen) = seen.filter(|seen| *seen != REVISION) else { return Ok(()) };
    let since = AuditView {
        at: rfc3339(0),
        who: "bo".into(),
        action: "patch".into(),
        rule: "high_amount".into(),
        revision: REVISION,
        detail: "most 500 -> 1000".into(),
        reason: Some("too many flags".into()),
    };
    let changes = (seen < REVISION).then(|| vec![difference("parameters.most", None, Some("1000"))]);
    let moved = MovedView { seen, now: REVISION, changes, since: vec![since] };
    let detail = format!("the rule set is at revision {REVISION}, and the change was decided on revision {seen}");
    Err(AdminError::Moved { detail, moved: Box::new(moved) })
}

fn difference(setting: &str, from: Option<&str>, to: Option<&str>) -> DifferenceView {
    let [from, to] = [from, to].map(|value| value.map(str::to_owned));
    DifferenceView { rule: "high_amount".into(), setting: setting.into(), from, to }
}

/// A value that begins with `bad` is refused.
pub(super) fn plan(request: PlanRequest) -> Result<PlanView, AdminError> {
    let PlanRequest { rule, action, mode, order, parameters, .. } = request;
    let mode = mode.map(|mode| difference("mode", Some("live"), Some(&format!("{mode:?}").to_lowercase())));
    let order = order.map(|order| difference("order", Some("10"), Some(&order.to_string())));
    let set = parameters.unwrap_or_default();
    if let Some(value) = set.values().flatten().find(|value| value.starts_with("bad")) {
        let (detail, hint) = (format!("configure refused: {value} is no decimal"), "write one like 750.00".into());
        return Err(AdminError::Invalid { detail, hint });
    }
    let set = set.iter().map(|(name, value)| difference(&format!("parameters.{name}"), Some("1000"), value.as_deref()));
    let mut changes: Vec<_> = mode.into_iter().chain(order).chain(set).collect();
    match action {
        PlannedAction::Patch => {}
        PlannedAction::Rollback => changes.push(difference("version", Some("ab"), Some("cd"))),
        PlannedAction::Retire => changes.push(difference("version", Some("ab"), None)),
    }
    let effects = vec!["AMOUNT_HIGH no longer flags a record".to_owned()];
    Ok(PlanView {
        revision: REVISION,
        rule,
        changes,
        effects,
        detail: Some("what the audit says".into()),
        manifest: None,
    })
}

pub(super) fn plan_publish(request: &PublishRequest, manifest: ManifestView) -> PlanView {
    let version = Sha256::of(&request.wasm).to_string();
    PlanView {
        revision: REVISION,
        rule: manifest.name.clone(),
        changes: vec![difference("version", Some("ab"), Some(&version))],
        effects: vec!["another version judges, from the next batch of each partition on".to_owned()],
        detail: Some(format!("ab -> {version}")),
        manifest: Some(manifest),
    }
}

/// A rule that is out of the fake set and has a history.
pub const RETIRED: &str = "small_amount";

/// Three changes: published, its parameter set, another version published; of [`RETIRED`] that it was retired.
pub(super) fn history(rule: &str, limit: u32) -> Vec<RuleChange> {
    if !["high_amount", RETIRED].contains(&rule) {
        return Vec::new();
    }
    let change = |revision: u64, action: &str, wasm: &[u8], version: &str, most: Option<&str>| RuleChange {
        line: Audit {
            at: 0,
            who: "ana".into(),
            action: action.into(),
            rule: rule.into(),
            revision,
            detail: format!("what exactly, at {revision}"),
            reason: Some(format!("why {revision}")),
        },
        entry: Some(Entry {
            name: rule.into(),
            sha256: Sha256::of(wasm),
            order: 10,
            mode: Mode::Live,
            parameters: most.map(|most| ("most".to_owned(), most.to_owned())).into_iter().collect(),
            from_directory: false,
            suspended: None,
        }),
        manifest: Some(Manifest {
            name: rule.into(),
            version: version.into(),
            summary: "Amounts above the most.".into(),
            fields: Vec::new(),
            codes: Vec::new(),
            parameters: vec![ManifestParameter {
                name: "most".into(),
                kind: Kind::Decimal,
                summary: "Hits above it.".into(),
                default: "500".into(),
            }],
        }),
    };
    let last = match rule {
        RETIRED => RuleChange { entry: None, manifest: None, ..change(4, "retire", WASM, "1.2.0", None) },
        _ => change(4, "publish", WASM, "1.2.0", Some("1000")),
    };
    let all = [
        last,
        change(3, "patch", b"\0asm before", "1.1.0", Some("1000")),
        change(1, "publish", b"\0asm before", "1.1.0", None),
    ];
    all.into_iter().take(limit as usize).collect()
}
