//! What was done last to each rule. Read of the audit once for each revision that comes into force, so that pages which are asked
//! for every 2 s find it in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::AdminState;
use super::kept::Kept;
use super::pipeline_api::reading;
use super::views::AuditView;

/// Lines of the audit that are looked at, the newest.
const LINES: u32 = 1_000;
/// How long lines are good: they never change, but for a restored database.
const FRESH: Duration = Duration::from_secs(600);
/// How long it is remembered that the database did not say it.
const NO_ANSWER: Duration = Duration::from_secs(5);
/// How long the database is waited for: rules are shown without it.
const ASK: Duration = Duration::from_secs(2);

/// The last change of each rule, by the revision in force.
pub(super) type LastChanges = Kept<u64, Arc<BTreeMap<String, AuditView>>, String>;

/// Nothing is known yet.
pub(super) fn unknown() -> LastChanges {
    Kept::new(FRESH, NO_ANSWER)
}

/// The last change of each rule by its name, if one is among the newest 1,000 changes of the set.
///
/// # Errors
/// Why the database could not be asked; a text for a person.
pub(super) async fn last_changes(
    state: &AdminState,
    revision: u64,
) -> Result<Arc<BTreeMap<String, AuditView>>, String> {
    let ask = async {
        let asked = reading(state.clone(), move |store| async move { store.audit(LINES).await });
        match tokio::time::timeout(ASK, asked).await {
            Ok(Ok(lines)) => Ok(newest(lines.into_iter().map(AuditView::from))),
            Ok(Err(problem)) => Err(problem.detail),
            Err(_) => Err(format!("the database did not answer within {ASK:?}")),
        }
    };
    state.last_changes.get(revision, ask).await
}

fn newest(lines: impl Iterator<Item = AuditView>) -> Arc<BTreeMap<String, AuditView>> {
    let mut last = BTreeMap::new();
    for line in lines {
        last.entry(line.rule.clone()).or_insert(line);
    }
    Arc::new(last)
}
