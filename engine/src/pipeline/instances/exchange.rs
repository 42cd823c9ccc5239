//! Writing the instance's own row and reading those of the others, the positions and, where the rule set became another one, who
//! made it so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::report::state;
use super::{HEARD_MS, Instances};
use crate::admin::problem::redact;
use crate::admin::views::{AloneView, InstanceReport};
use crate::clock::now_ms;
use crate::model::catalog::Audit;
use crate::model::instance::{Beat, InstanceRow};
use crate::model::time::to_rfc3339;
use crate::rules::Catalog;
use crate::status::{Change, ChangeKind, History, RulesChange};
use crate::store::{InstanceStore, Position, Store, StoreError};

/// How long the database may take for one round.
const ROUND: Duration = Duration::from_secs(8);
/// How long it may take to delete the row of an instance that ends; what is left goes after a day.
const LEAVE: Duration = Duration::from_millis(300);
/// Lines of the audit that are read: what changed last, also before the start.
const AUDIT: u32 = 20;

/// What the database said of the pipeline's instances when it was last asked.
#[derive(Clone, Default)]
pub(super) struct Known {
    /// The rows, the instance's own included.
    pub(super) rows: Vec<Other>,
    pub(super) positions: Vec<Position>,
    /// When it was asked; None: it never answered.
    pub(super) read: Option<Instant>,
    /// Why nothing is known now.
    pub(super) alone: Option<AloneView>,
}

/// A row, and what it says.
#[derive(Clone)]
pub(super) struct Other {
    pub(super) row: InstanceRow,
    /// None: the instance is silent, or says it in other words.
    pub(super) report: Option<Arc<InstanceReport>>,
}

/// See the module. Whoever looks at the instances reads what was exchanged last.
pub(super) struct Exchange(Mutex<Arc<Known>>);

impl Exchange {
    /// Nobody was asked yet. `now`: epoch milliseconds.
    pub(super) fn new(now: i64) -> Self {
        let alone = AloneView { since: to_rfc3339(now), why: "the database was not asked yet".to_owned() };
        Self(Mutex::new(Arc::new(Known { alone: Some(alone), ..Known::default() })))
    }

    pub(super) fn known(&self) -> Arc<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, known: Known) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }

    /// What was known stays out of sight until the database answers again: positions that stand still look like partitions that
    /// do.
    fn failed(&self, why: &str) {
        let since = self.known().alone.as_ref().map_or_else(|| to_rfc3339(now_ms()), |alone| alone.since.clone());
        self.set(Known { alone: Some(AloneView { since, why: redact(why) }), ..Known::default() });
    }
}

/// Without end.
pub(super) async fn run(
    exchange: &Exchange,
    instances: &Instances,
    catalog: &Catalog,
    store: &dyn Store,
    history: &History,
) {
    let mut ticks = tokio::time::interval(History::EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut audited = None;
    loop {
        ticks.tick().await;
        // None before the first look, which comes at once.
        let Some(report) = instances.view().instances.first().and_then(|own| own.report.clone()) else { continue };
        let beat = Beat {
            instance: instances.id.clone(),
            address: instances.address.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: instances.started_at,
            state: state(&report),
        };
        let round = async {
            let known = ask(store, &beat).await?;
            let revision = catalog.live().revision;
            if audited != Some(revision) {
                tell_of_rules(store.audit(AUDIT).await?, history);
                audited = Some(revision);
            }
            Ok::<Known, StoreError>(known)
        };
        match tokio::time::timeout(ROUND, round).await {
            Ok(Ok(known)) => exchange.set(known),
            Ok(Err(why)) => exchange.failed(&why.to_string()),
            Err(_) => exchange.failed(&format!("the database did not answer within {ROUND:?}")),
        }
    }
}

async fn ask(store: &dyn Store, beat: &Beat) -> Result<Known, StoreError> {
    let rows = store.beat(beat, HEARD_MS).await?;
    let read = Some(Instant::now());
    let positions = store.positions().await?;
    let other = |row: InstanceRow| Other { report: serde_json::from_str(&row.state).ok().map(Arc::new), row };
    Ok(Known { rows: rows.into_iter().map(other).collect(), positions, read, alone: None })
}

/// Newest first, as the audit has them.
fn tell_of_rules(lines: Vec<Audit>, history: &History) {
    for Audit { at, who, action, rule, revision, detail, reason } in lines.into_iter().rev() {
        let text = match detail.is_empty() {
            true => format!("{action} {rule}"),
            false => format!("{action} {rule}: {detail}"),
        };
        let rules = Some(RulesChange { who, reason, rule, action, revision });
        history.change(Change { at, kind: ChangeKind::Rules, text, rules });
    }
}

/// The row of an instance that ends in order goes with it.
pub(super) async fn leave(store: &dyn InstanceStore, id: &str) {
    let left = tokio::time::timeout(LEAVE, store.leave(id)).await;
    if !matches!(left, Ok(Ok(()))) {
        tracing::debug!("the row of this instance stays; it is deleted after a day");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checkpoint::StatsLayout;

    fn beat(instance: &str, state: &str) -> Beat {
        Beat {
            instance: instance.into(),
            address: "http://a".into(),
            version: "1.0.0".into(),
            started_at: 7,
            state: state.into(),
        }
    }

    #[tokio::test]
    async fn what_others_say_in_words_that_are_not_known_leaves_them_heard_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("weir.db").display());
        let store = crate::store::connect(&url, "fraud", "t").await.expect("a file");
        assert!(ask(&*store, &beat("a", "{}")).await.is_err(), "there is no table");
        let layout = StatsLayout { table: "stats".into(), group_by: Vec::new(), measures: Vec::new() };
        let text = include_str!("../../../../weir.toml");
        let config = crate::config::Config::parse(text, &|_| Some("a-secret-of-16-bytes".into()));
        let fingerprint = config.expect("the repository's own").fingerprint();
        store.prepare(&fingerprint, &layout).await.expect("tables");
        ask(&*store, &beat("a", "no JSON")).await.expect("a row");
        let known = ask(&*store, &beat("b", r#"{"workers":3}"#)).await.expect("rows");
        let mut said: Vec<_> = known.rows.iter().map(|other| (&*other.row.instance, other.report.is_some())).collect();
        said.sort_unstable();
        assert_eq!(said, [("a", false), ("b", true)]);
        assert!(known.read.is_some() && known.alone.is_none());
        leave(&*store, "a").await;
        assert_eq!(ask(&*store, &beat("b", "{}")).await.expect("rows").rows.len(), 1);
    }

    #[test]
    fn while_the_database_is_away_nothing_is_kept_but_since_when_and_why() {
        let exchange = Exchange::new(0);
        exchange.set(Known { read: Some(Instant::now()), ..Known::default() });
        exchange.failed("mysql://weir:s3cret@db is away");
        let first = exchange.known().alone.clone().expect("nobody is known");
        assert_eq!(first.why, "mysql://***@db is away");
        std::thread::sleep(Duration::from_millis(5));
        exchange.failed("it is still away");
        let known = exchange.known();
        let still = known.alone.as_ref().expect("nobody is known");
        assert_eq!((&still.since, &*still.why, known.read), (&first.since, "it is still away", None));
    }

    #[test]
    fn the_audit_tells_each_change_once_with_who_and_why() {
        let line = |revision: u64, detail: &str| Audit {
            at: revision as i64,
            who: "ana".into(),
            action: "patch".into(),
            rule: "high_amount".into(),
            revision,
            detail: detail.into(),
            reason: Some("lower limit".into()),
        };
        let history = History::default();
        tell_of_rules(vec![line(3, "most 1000 to 750"), line(2, "")], &history);
        tell_of_rules(vec![line(4, "mode live"), line(3, "most 1000 to 750")], &history);
        let texts: Vec<_> = history.changes().into_iter().map(|change| change.text).collect();
        assert_eq!(texts, ["patch high_amount", "patch high_amount: most 1000 to 750", "patch high_amount: mode live"]);
    }
}
