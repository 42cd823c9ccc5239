//! The tables and the view. Names that the configuration gives are
//! validated before they stand in SQL; everything else is bound.

use super::{Bind, Dialect, Result, Transaction, columns};
use crate::fault;
use crate::model::ids::Sha256;
use crate::model::step::StatsLayout;
use crate::model::store::StoreError;

/// A table, index or view, and the statement that makes it.
struct Made {
    name: String,
    sql: String,
    is_table: bool,
    /// Without it a look takes longer, and nothing else.
    optional: bool,
}

/// Every statement that makes what is there from the start, for somebody who runs them for an engine that may not.
pub(crate) fn ddl(d: &Dialect, layout: &StatsLayout, idle_ms: i64) -> Result<Vec<String>> {
    columns::validate(layout)?;
    let mut all: Vec<String> = own_tables(d).into_iter().chain([stats_table(d, layout)]).map(|made| made.sql).collect();
    all.extend(indexes(d).into_iter().map(|made| made.sql));
    let (mark, _) = marked(d, layout, idle_ms);
    if d.drop_view {
        all.push(format!("DROP VIEW IF EXISTS `{}_final`", layout.table));
    }
    all.push(final_view(d, layout, idle_ms, &mark, true));
    Ok(all.iter().map(|statement| d.render(statement).into_owned()).collect())
}

/// Makes what is not there, and touches nothing that is: a user who may only read and write rows can start on tables that somebody
/// else made. `idle_ms`: a partition that moved so much earlier than the newest one no longer holds back the final windows.
pub(super) async fn create(tx: &mut Transaction, layout: &StatsLayout, idle_ms: i64) -> Result<()> {
    let d = tx.dialect();
    let there = names(tx, d.own_tables).await?;
    let mut missing: Vec<Made> = own_tables(d).into_iter().filter(|made| !there.contains(&made.name)).collect();
    if !tx.rows(d.view_of, &[Bind::Text(&layout.table)]).await?.is_empty() {
        // What is written to the view of a pipeline would stand in that pipeline's table.
        let table = &layout.table;
        return Err(StoreError::Fatal(format!("{table} is a view, not a table: name another table in [sink]")));
    }
    let has_table = !tx.rows(d.columns_of, &[Bind::Text(&layout.table)]).await?.is_empty();
    if !has_table {
        missing.push(stats_table(d, layout));
    }
    let there = names(tx, d.own_indexes).await?;
    missing.extend(indexes(d).into_iter().filter(|made| !there.contains(&made.name)));
    if has_table {
        columns::check(tx, layout).await?;
    }
    let (view, replaced) = missing_view(tx, layout, idle_ms).await?;
    missing.extend(view);
    if replaced && d.drop_view {
        tx.execute(&format!("DROP VIEW IF EXISTS `{}_final`", layout.table), &[]).await?;
    }
    for (at, made) in missing.iter().enumerate() {
        match tx.execute(&made.sql, &[]).await {
            Ok(_) => {}
            Err(why) if made.optional => {
                tracing::info!("the index {} is not made, some looks take longer without it: {why}", made.name);
            }
            Err(StoreError::Fatal(why)) => {
                // Another instance that starts at this moment may have made the view.
                if made.is_table || missing_view(tx, layout, idle_ms).await?.0.is_some() {
                    return Err(refused(&missing[at..], &why));
                }
            }
            Err(other) => return Err(other),
        }
        fault::pass("store.prepare.table");
    }
    Ok(())
}

fn refused(missing: &[Made], why: &str) -> StoreError {
    let names: Vec<&str> = missing.iter().filter(|made| !made.optional).map(|made| made.name.as_str()).collect();
    StoreError::Fatal(format!(
        "the database lacks {}, and the user of [sink] could not make it ({why}). Either GRANT CREATE, CREATE VIEW, DROP ON the \
         database TO this user for one start, or have somebody else run what `weir schema CONFIG` prints; afterwards SELECT, \
         INSERT, UPDATE, DELETE and SHOW VIEW are enough",
        names.join(", ")
    ))
}

async fn names(tx: &mut Transaction, sql: &str) -> Result<Vec<String>> {
    let rows = tx.rows(sql, &[]).await?;
    rows.into_iter().map(|mut row| Ok(row.text()?.to_lowercase())).collect()
}

/// The view's mark, which the server leaves as it is where it rewrites the rest, and the whole statement that it is of.
fn marked(d: &Dialect, layout: &StatsLayout, idle_ms: i64) -> (String, String) {
    let wanted = final_view(d, layout, idle_ms, "", true);
    (Sha256::of(wanted.as_bytes()).to_string(), wanted)
}

/// The view, unless the wanted one is there: replacing it waits for everybody who reads it. And whether another is there.
async fn missing_view(tx: &mut Transaction, layout: &StatsLayout, idle_ms: i64) -> Result<(Option<Made>, bool)> {
    let d = tx.dialect();
    let name = format!("{}_final", layout.table);
    let (mark, _) = marked(d, layout, idle_ms);
    let there = match tx.rows(d.view_of, &[Bind::Text(&name)]).await?.first_mut() {
        // Without the right SHOW VIEW its text is empty: it is taken for the wanted one, as nobody can tell.
        Some(row) => Some(row.maybe_text()?.unwrap_or_default()),
        None => None,
    };
    if there.as_ref().is_some_and(|text| text.is_empty() || text.contains(&mark)) {
        return Ok((None, false));
    }
    let replaces = there.is_some();
    let sql = final_view(d, layout, idle_ms, &mark, replaces);
    let name = if replaces { format!("the present view {name}") } else { format!("the view {name}") };
    Ok((Some(Made { name, sql, is_table: false, optional: false }), replaces))
}

/// What the newest rows are found by, whatever the number of rows.
fn indexes(d: &Dialect) -> [Made; 2] {
    let index = |name: &str, on: &str| Made {
        name: name.to_owned(),
        sql: format!("CREATE INDEX {}{name} ON {on}", d.index_if),
        is_table: false,
        optional: true,
    };
    [
        index("weir_activation_newest", "weir_activation (pipeline, topic, revision, first_offset)"),
        index("weir_rule_version_newest", "weir_rule_version (pipeline, published_at, sha256)"),
    ]
}

fn own_tables(d: &Dialect) -> Vec<Made> {
    let Dialect { name_type: name, text_type: text, blob_type: blob, sha_type: sha, .. } = d;
    let at = format!("pipeline {name} NOT NULL, topic {name} NOT NULL, `partition` INT NOT NULL");
    let tables = [
        format!(
            "weir_partition ({at}, next_offset BIGINT, published BIGINT, watermark BIGINT, owner BIGINT NOT NULL, \
             `checkpoint` BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (pipeline, topic, `partition`))"
        ),
        format!(
            "weir_outbox ({at}, first_offset BIGINT NOT NULL, chunk BIGINT NOT NULL, letters {blob} NOT NULL, \
             PRIMARY KEY (pipeline, topic, `partition`, first_offset, chunk))"
        ),
        format!(
            "weir_activation ({at}, first_offset BIGINT NOT NULL, revision BIGINT NOT NULL, \
             PRIMARY KEY (pipeline, topic, `partition`, first_offset))"
        ),
        format!(
            "weir_pipeline (pipeline {name} NOT NULL PRIMARY KEY, topic {name} NOT NULL, stats_table {name} NOT NULL, \
             fingerprint {text} NOT NULL, UNIQUE (stats_table))"
        ),
        format!("weir_rule_current (pipeline {name} NOT NULL PRIMARY KEY, revision BIGINT NOT NULL)"),
        format!(
            "weir_rule_version (pipeline {name} NOT NULL, sha256 {sha} NOT NULL, rule {name} NOT NULL, \
             wasm {blob} NOT NULL, manifest {text} NOT NULL, origin {name} NOT NULL, source {text} NOT NULL, \
             published_at BIGINT NOT NULL, published_by {text} NOT NULL, PRIMARY KEY (pipeline, sha256))"
        ),
        format!(
            "weir_rule_set (pipeline {name} NOT NULL, revision BIGINT NOT NULL, rule {name} NOT NULL, \
             sha256 {sha} NOT NULL, `order` INT NOT NULL, mode {name} NOT NULL, parameters {text} NOT NULL, \
             from_directory INT NOT NULL, suspended {text}, PRIMARY KEY (pipeline, revision, rule))"
        ),
        format!(
            "weir_audit (pipeline {name} NOT NULL, revision BIGINT NOT NULL, at BIGINT NOT NULL, who {text} NOT NULL, \
             action {name} NOT NULL, rule {name} NOT NULL, detail {text} NOT NULL, PRIMARY KEY (pipeline, revision))"
        ),
        format!(
            "weir_directory (pipeline {name} NOT NULL, file {name} NOT NULL, sha256 {sha} NOT NULL, \
             PRIMARY KEY (pipeline, file))"
        ),
    ];
    let made = |table: String| Made {
        name: table.split(' ').next().unwrap_or_default().to_owned(),
        sql: format!("CREATE TABLE IF NOT EXISTS {table}{}", d.table_suffix),
        is_table: true,
        optional: false,
    };
    tables.into_iter().map(made).collect()
}

fn stats_table(d: &Dialect, layout: &StatsLayout) -> Made {
    let mut columns = format!("window_start {0} NOT NULL, window_end {0} NOT NULL, ", d.time_type);
    for field in &layout.group_by {
        columns += &format!("`{field}` {}, ", d.group_type);
    }
    columns += &format!("group_id {} NOT NULL, records BIGINT NOT NULL, flagged BIGINT NOT NULL, ", d.group_id_type);
    columns += "late BIGINT NOT NULL, ";
    for (column, scale) in columns::aggregates(layout) {
        columns += &format!("`{column}` {}, ", d.decimal(scale));
    }
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS `{}` ({columns}updated_at {} NOT NULL, PRIMARY KEY (window_start, group_id)){}",
        layout.table, d.time_type, d.table_suffix
    );
    Made { name: layout.table.clone(), sql, is_table: true, optional: false }
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

fn final_view(d: &Dialect, layout: &StatsLayout, idle_ms: i64, mark: &str, replaces: bool) -> String {
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
