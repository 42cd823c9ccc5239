//! Makes the database ready for an engine: the steps of [`migrations`] that it lacks, and the table and view of this
//! configuration. Two instances that start at once do each of it once: whoever finds something missing looks again under a
//! lock. Names that the configuration gives are validated before they are in SQL; everything else is bound.

use std::collections::BTreeSet;

use super::migrations::{self, Kind, Made, Migration};
use super::{Bind, Dialect, Result, Transaction, columns};
use crate::fault;
use crate::model::checkpoint::StatsLayout;
use crate::model::ids::Sha256;
use crate::model::store::StoreError;

/// What decides which tables, columns and view an engine needs.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Numbered steps of the engine's own tables.
    pub steps: &'a [Migration],
    /// Columns of the table of sums.
    pub layout: &'a StatsLayout,
    /// `window.idle_after`: a partition that moved so many milliseconds earlier than the newest one no longer holds back
    /// the final windows.
    pub idle_ms: i64,
}

/// Every statement that makes what an engine needs in an empty database.
pub(crate) fn ddl(d: &Dialect, layout: &StatsLayout, idle_ms: i64) -> Result<Vec<String>> {
    columns::validate(layout)?;
    let mut all = migrations::all(d, migrations::STEPS);
    all.push(stats_table(d, layout));
    if d.drop_view {
        all.push(dropped_view(layout));
    }
    all.push(final_view(d, layout, idle_ms, true));
    Ok(rendered(d, &all))
}

/// The statements that make what the database lacks, in their order; empty: it lacks nothing. Refuses one that a later version of
/// Weir made, and a table that does not fit the configuration.
pub(super) async fn pending(tx: &mut Transaction, wanted: Wanted<'_>) -> Result<Vec<Made>> {
    let (d, layout) = (tx.dialect(), wanted.layout);
    let mut missing = migrations::pending(tx, wanted.steps).await?;
    if !tx.rows(d.view_of, &[Bind::Text(&layout.table)]).await?.is_empty() {
        // What is written to the view of a pipeline would be in that pipeline's table.
        let table = &layout.table;
        return Err(StoreError::Fatal(format!("{table} is a view, not a table: name another table in [sink]")));
    }
    if tx.rows(d.columns_of, &[Bind::Text(&layout.table)]).await?.is_empty() {
        missing.push(stats_table(d, layout));
    } else {
        columns::check(tx, layout).await?;
    }
    missing.extend(missing_view(tx, layout, wanted.idle_ms).await?);
    Ok(missing)
}

/// [`pending`] as SQL, for somebody who runs it where the engine may not.
pub(super) async fn pending_ddl(tx: &mut Transaction, wanted: Wanted<'_>) -> Result<Vec<String>> {
    let missing = pending(tx, wanted).await?;
    Ok(rendered(tx.dialect(), &missing))
}

/// Makes what is not there, and touches nothing that is: a user who may only read and write rows can start on tables that
/// somebody else made.
pub(super) async fn prepare(tx: &mut Transaction, wanted: Wanted<'_>) -> Result<()> {
    if pending(tx, wanted).await?.is_empty() {
        return Ok(());
    }
    lock(tx).await?;
    let made = make(tx, wanted).await;
    // A connection that goes back to the pool must not keep the lock; one on which this fails is closed.
    let unlocked = unlock(tx).await;
    made.and(unlocked)
}

/// Waits for another instance that makes tables in this database. A SQLite transaction is such a lock from its beginning.
async fn lock(tx: &mut Transaction) -> Result<()> {
    let Some((lock, _)) = tx.dialect().lock else { return Ok(()) };
    let locked = tx.rows(lock, &[]).await?.first_mut().map(super::Row::maybe_int).transpose()?.flatten();
    match locked {
        Some(1) => Ok(()),
        _ => Err(StoreError::Unavailable(
            "another instance has been changing the tables of [sink] for 20 s: start again when it is done".into(),
        )),
    }
}

async fn unlock(tx: &mut Transaction) -> Result<()> {
    match tx.dialect().lock {
        Some((_, unlock)) => tx.rows(unlock, &[]).await.map(drop),
        None => Ok(()),
    }
}

async fn make(tx: &mut Transaction, wanted: Wanted<'_>) -> Result<()> {
    let missing = pending(tx, wanted).await?;
    // Steps that are left for another start.
    let mut left = BTreeSet::new();
    for (at, made) in missing.iter().enumerate() {
        if made.step.is_some_and(|step| left.contains(&step)) {
            continue;
        }
        match tx.execute(&made.sql, &[]).await {
            Ok(_) => {}
            Err(why) if made.is_optional => {
                left.extend(made.step);
                tracing::info!("{} is not made, some looks take longer without it: {why}", made.name);
            }
            Err(StoreError::Fatal(why)) => {
                // An instance of a version that knows no lock may have made it at this moment.
                let still = pending(tx, wanted).await?;
                if still.iter().any(|still| still.name == made.name) {
                    return Err(refused(&missing[at..], &why));
                }
            }
            Err(other) => return Err(other),
        }
        fault::pass("store.prepare.table");
    }
    let done: BTreeSet<_> = missing.iter().filter_map(|made| made.step).filter(|step| !left.contains(step)).collect();
    if !done.is_empty() {
        tracing::info!(steps = ?done, "the tables of [sink] are brought up to this version");
    }
    Ok(())
}

fn refused(missing: &[Made], why: &str) -> StoreError {
    let told = |made: &&Made| !made.is_optional && made.kind != Kind::Other;
    let names: Vec<&str> = missing.iter().filter(told).map(|made| made.name.as_str()).collect();
    StoreError::Fatal(format!(
        "the database lacks {}, and the user of [sink] could not make it ({why}). Either GRANT CREATE, CREATE VIEW, DROP ON the \
         database TO this user for one start, or have somebody else run what `weir schema --pending CONFIG` prints; \
         afterwards SELECT, INSERT, UPDATE, DELETE and SHOW VIEW are enough",
        names.join(", ")
    ))
}

fn rendered(d: &Dialect, all: &[Made]) -> Vec<String> {
    all.iter().map(|made| d.render(&made.sql).into_owned()).collect()
}

/// The view, unless the wanted one is there: replacing it waits for everybody who reads it.
async fn missing_view(tx: &mut Transaction, layout: &StatsLayout, idle_ms: i64) -> Result<Vec<Made>> {
    let d = tx.dialect();
    let name = format!("{}_final", layout.table);
    let there = match tx.rows(d.view_of, &[Bind::Text(&name)]).await?.first_mut() {
        // Without the right SHOW VIEW its text is empty: it is taken for the wanted one, as nobody can tell.
        Some(row) => Some(row.maybe_text()?.unwrap_or_default()),
        None => None,
    };
    let mark = mark(d, layout, idle_ms);
    match there {
        None => Ok(vec![final_view(d, layout, idle_ms, false)]),
        Some(text) if text.is_empty() || text.contains(&mark) => Ok(Vec::new()),
        Some(_) => {
            let mut view = final_view(d, layout, idle_ms, true);
            view.name = format!("the present view {name}");
            let dropped = d.drop_view.then(|| dropped_view(layout));
            Ok(dropped.into_iter().chain([view]).collect())
        }
    }
}

fn stats_table(d: &Dialect, layout: &StatsLayout) -> Made {
    let mut columns = format!("window_start {0} NOT NULL, window_end {0} NOT NULL, ", d.time_type);
    for field in &layout.group_by {
        columns += &format!("`{field}` {}, ", d.group_type);
    }
    columns += &format!("group_id {} NOT NULL, records BIGINT NOT NULL, flagged BIGINT NOT NULL, ", d.group_id_type);
    columns += "late BIGINT NOT NULL, ";
    for measure in &layout.measures {
        columns += &format!("{} {}, ", columns::quoted(measure), d.decimal(measure.scale));
    }
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS `{}` ({columns}updated_at {} NOT NULL, PRIMARY KEY (window_start, group_id)){}",
        layout.table, d.time_type, d.table_suffix
    );
    Made::new(Kind::Table, layout.table.clone(), sql)
}

/// An expression for when the last final window ended: the least watermark of the partitions that still move; NULL while one
/// of them has none.
pub(super) fn final_upto(d: &Dialect, layout: &StatsLayout, idle_ms: i64) -> String {
    let own = format!(
        "FROM weir_partition p JOIN weir_pipeline w ON w.pipeline = p.pipeline AND w.topic = p.topic \
         WHERE w.stats_table = '{}'",
        layout.table
    );
    let ms = "CASE WHEN COUNT(*) = COUNT(p.watermark) THEN MIN(p.watermark) END";
    let moving = format!("p.updated_at >= (SELECT MAX(p.updated_at) {own}) - {idle_ms}");
    format!("(SELECT {} {own} AND {moving})", d.time_of_ms.replace("{ms}", ms))
}

fn dropped_view(layout: &StatsLayout) -> Made {
    let name = format!("{}_final", layout.table);
    let sql = format!("DROP VIEW IF EXISTS `{name}`");
    Made::new(Kind::Other, format!("the end of the view {name}"), sql)
}

/// The mark in a view's text that says which statement made it: the server rewrites the text, but leaves literals as they
/// are.
fn mark(d: &Dialect, layout: &StatsLayout, idle_ms: i64) -> String {
    Sha256::of(view_statement(d, layout, idle_ms, "", true).as_bytes()).to_string()
}

fn final_view(d: &Dialect, layout: &StatsLayout, idle_ms: i64, replaces: bool) -> Made {
    let sql = view_statement(d, layout, idle_ms, &mark(d, layout, idle_ms), replaces);
    Made::new(Kind::View, format!("the view {}_final", layout.table), sql)
}

fn view_statement(d: &Dialect, layout: &StatsLayout, idle_ms: i64, mark: &str, replaces: bool) -> String {
    let table = &layout.table;
    let mut columns = columns::filled(layout);
    columns.push("updated_at".to_owned());
    let or_replace = if d.drop_view || !replaces { "" } else { "OR REPLACE " };
    format!(
        "CREATE {or_replace}VIEW `{table}_final` AS SELECT {} FROM `{table}` \
         WHERE window_end <= {} AND 'weir {mark}' <> ''",
        columns.join(", "),
        final_upto(d, layout, idle_ms)
    )
}
