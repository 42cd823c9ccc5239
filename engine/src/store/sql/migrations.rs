//! The engine's own tables as numbered steps, and the table `weir_schema`, which says which of them a database has had. A
//! start runs those that it lacks ([`super::schema`]), so an older database becomes what a new one is.
//!
//! A step that a released version had never changes: what comes later is a further step, at the end of [`STEPS`]. MySQL
//! commits at each DDL statement, so an engine may die between two statements of a step: whatever is there already is left
//! out when the step is run again, and its row in `weir_schema` is written last. A database that a version before
//! `weir_schema` made is taken over in the same way: the steps that it has had find everything there.

use std::collections::BTreeSet;

use super::{Dialect, Result, Transaction};
use crate::model::store::StoreError;

/// One numbered step.
pub(super) struct Migration {
    /// One more than the step before has.
    pub version: i64,
    /// Whether the engine works without it: a user who may not make it starts all the same.
    pub is_optional: bool,
    /// Tables and indexes, in the words of a database.
    pub makes: fn(&Dialect) -> Vec<Made>,
}

/// Every step, by ascending version.
pub(super) const STEPS: &[Migration] = &[
    Migration { version: 1, is_optional: false, makes: tables },
    // Databases made by 0.1.0 before commit c28ddff lack them.
    Migration { version: 2, is_optional: true, makes: indexes },
    Migration { version: 3, is_optional: false, makes: count },
    Migration { version: 4, is_optional: false, makes: reasons },
    Migration { version: 5, is_optional: false, makes: instances },
];

/// Kind of thing that a statement makes, which says how to find out whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Looked for by its name.
    Table,
    /// Looked for by its name.
    Index,
    /// Looked for by the mark in its text.
    View,
    /// Nothing that could be missing: a row, or the end of a view that another takes the place of.
    Other,
}

/// A statement, and what it makes.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// Kind of what is made.
    pub kind: Kind,
    /// Name for messages.
    pub name: String,
    /// In the notation of [`Dialect`].
    pub sql: String,
    /// The step that is not done without it; None: what is made belongs to the configuration.
    pub step: Option<i64>,
    /// Whether the engine works without it.
    pub is_optional: bool,
}

impl Made {
    pub(super) fn new(kind: Kind, name: impl Into<String>, sql: String) -> Self {
        Self { kind, name: name.into(), sql, step: None, is_optional: false }
    }
}

/// Everything that the steps make in an empty database.
pub(super) fn all(d: &Dialect, steps: &[Migration]) -> Vec<Made> {
    let mut all = vec![schema_table(d)];
    steps.iter().for_each(|step| all.extend(statements(d, step)));
    all
}

/// The part of [`all`] that the database lacks. Refuses a database that a later version of Weir made.
pub(super) async fn pending(tx: &mut Transaction, steps: &[Migration]) -> Result<Vec<Made>> {
    let d = tx.dialect();
    let tables = names(tx, d.own_tables).await?;
    let indexes = names(tx, d.own_indexes).await?;
    let done = done(tx, &tables, steps).await?;
    let is_there = |made: &Made| match made.kind {
        Kind::Table => tables.contains(&made.name),
        Kind::Index => indexes.contains(&made.name),
        Kind::View | Kind::Other => made.step.is_some_and(|step| done.contains(&step)),
    };
    Ok(all(d, steps).into_iter().filter(|made| !is_there(made)).collect())
}

/// Refuses a database that a later version of Weir made: what its tables hold this one does not know.
pub(super) async fn refuse_later(tx: &mut Transaction, steps: &[Migration]) -> Result<()> {
    let tables = names(tx, tx.dialect().own_tables).await?;
    done(tx, &tables, steps).await.map(drop)
}

/// The steps that the database has had.
async fn done(tx: &mut Transaction, tables: &BTreeSet<String>, steps: &[Migration]) -> Result<BTreeSet<i64>> {
    if !tables.contains("weir_schema") {
        return Ok(BTreeSet::new());
    }
    let known = steps.last().map_or(0, |step| step.version);
    let mut done = BTreeSet::new();
    for mut row in tx.rows("SELECT version, made_by FROM weir_schema ORDER BY version DESC", &[]).await? {
        let (version, made_by) = (row.int()?, row.text()?);
        if version > known {
            return Err(StoreError::Fatal(format!(
                "the tables of [sink] are at version {version}, made by Weir {made_by}, and this is Weir {}, which knows \
                 them up to version {known}: run Weir {made_by} or a later one. To go back to this one, restore the backup \
                 that was made before the upgrade",
                env!("CARGO_PKG_VERSION")
            )));
        }
        done.insert(version);
    }
    Ok(done)
}

async fn names(tx: &mut Transaction, query: &str) -> Result<BTreeSet<String>> {
    let rows = tx.rows(query, &[]).await?;
    rows.into_iter().map(|mut row| Ok(row.text()?.to_lowercase())).collect()
}

fn statements(d: &Dialect, step: &Migration) -> Vec<Made> {
    let row = format!(
        "INSERT INTO weir_schema (version, made_by, made_at) VALUES ({}, '{}', {}) {} version = weir_schema.version",
        step.version,
        env!("CARGO_PKG_VERSION"),
        d.now_ms,
        d.upsert("version")
    );
    let mut all = (step.makes)(d);
    all.push(Made::new(Kind::Other, format!("step {}", step.version), row));
    for made in &mut all {
        (made.step, made.is_optional) = (Some(step.version), step.is_optional);
    }
    all
}

/// A table from its name, columns and keys.
fn table(d: &Dialect, text: String) -> Made {
    let name = text.split(' ').next().unwrap_or_default().to_owned();
    Made::new(Kind::Table, name, format!("CREATE TABLE IF NOT EXISTS {text}{}", d.table_suffix))
}

/// One row for each step that was done, by which version of Weir and when, in epoch milliseconds.
fn schema_table(d: &Dialect) -> Made {
    let text = format!(
        "weir_schema (version BIGINT NOT NULL PRIMARY KEY, made_by {} NOT NULL, made_at BIGINT NOT NULL)",
        d.name_type
    );
    table(d, text)
}

/// Step 1.
fn tables(d: &Dialect) -> Vec<Made> {
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
    tables.into_iter().map(|text| table(d, text)).collect()
}

/// Step 2: what the newest rows are found by, whatever the number of rows.
fn indexes(d: &Dialect) -> Vec<Made> {
    let index =
        |name: &str, on: &str| Made::new(Kind::Index, name, format!("CREATE INDEX {}{name} ON {on}", d.index_if));
    vec![
        index("weir_activation_newest", "weir_activation (pipeline, topic, revision, first_offset)"),
        index("weir_rule_version_newest", "weir_rule_version (pipeline, published_at, sha256)"),
    ]
}

/// Step 3: how many rules the newest set has, so that one whose row is gone is missed.
fn count(d: &Dialect) -> Vec<Made> {
    let text = format!(
        "weir_rule_count (pipeline {} NOT NULL PRIMARY KEY, revision BIGINT NOT NULL, rules BIGINT NOT NULL)",
        d.name_type
    );
    vec![table(d, text)]
}

/// Step 4: why a change was made. A table and no column of `weir_audit`: whoever may make tables need not be allowed to alter
/// them, and an instance of an older version that runs beside writes its lines as before.
fn reasons(d: &Dialect) -> Vec<Made> {
    let Dialect { name_type: name, text_type: text, .. } = d;
    let text = format!(
        "weir_audit_reason (pipeline {name} NOT NULL, revision BIGINT NOT NULL, at BIGINT NOT NULL, reason {text} NOT NULL, \
         PRIMARY KEY (pipeline, revision))"
    );
    vec![table(d, text)]
}

/// Step 5: which instances there are, and what each says of itself.
fn instances(d: &Dialect) -> Vec<Made> {
    let Dialect { name_type: name, text_type: text, .. } = d;
    let text = format!(
        "weir_instance (pipeline {name} NOT NULL, instance {name} NOT NULL, address {text} NOT NULL, version {name} NOT NULL, \
         started_at BIGINT NOT NULL, seen_at BIGINT NOT NULL, state {text} NOT NULL, PRIMARY KEY (pipeline, instance))"
    );
    vec![table(d, text)]
}
