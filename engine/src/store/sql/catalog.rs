//! The catalog's rows: immutable versions, numbered sets of entries, the audit and what the directory last published.
//! It gives them no meaning; whether they are whole is [`super::whole`]'s to say.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::revision::revision;
use super::{Bind, Result, Row, Transaction};
use crate::fault;
use crate::model::catalog::{Audit, Entry, Version, VersionInfo};
use crate::model::ids::{Revision, Sha256};
use crate::model::store::StoreError;

/// Entries of a set in one statement, whose number of binds is bounded.
const ENTRIES: usize = 200;

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps with text keys and plain enums always serialize")
}

pub(super) fn parsed<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| StoreError::Fatal(format!("the {what} in the store is not readable: {e}")))
}

fn sha(bytes: Vec<u8>) -> Result<Sha256> {
    let wrong = |b: Vec<u8>| StoreError::Fatal(format!("a sha256 in the store has {} bytes, not 32", b.len()));
    bytes.try_into().map(Sha256).map_err(wrong)
}

const ENTRY: &str = "rule, sha256, `order`, mode, parameters, from_directory, suspended";

/// Of the columns of [`ENTRY`], in their order.
pub(super) fn entry(row: &mut Row) -> Result<Entry> {
    Ok(Entry {
        name: row.text()?,
        sha256: sha(row.blob()?)?,
        order: row.int()? as i32,
        mode: parsed(&row.text()?, "mode of a rule")?,
        parameters: parsed(&row.text()?, "parameters of a rule")?,
        from_directory: row.int()? != 0,
        suspended: row.maybe_text()?,
    })
}

pub(super) async fn entries_at(tx: &mut Transaction, pipeline: &str, revision: Revision) -> Result<Vec<Entry>> {
    let sql = format!("SELECT {ENTRY} FROM weir_rule_set WHERE pipeline = ? AND revision = ?");
    let rows = tx.rows(&sql, &[Bind::Text(pipeline), Bind::Int(revision.0 as i64)]).await?;
    let mut entries = rows.into_iter().map(|mut row| entry(&mut row)).collect::<Result<Vec<_>>>()?;
    entries.sort_by(|a: &Entry, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
    Ok(entries)
}

pub(super) async fn last_entry(tx: &mut Transaction, pipeline: &str, rule: &str) -> Result<Option<Entry>> {
    let sql =
        format!("SELECT {ENTRY} FROM weir_rule_set WHERE pipeline = ? AND rule = ? ORDER BY revision DESC LIMIT 1");
    let mut rows = tx.rows(&sql, &[Bind::Text(pipeline), Bind::Text(rule)]).await?;
    rows.first_mut().map(entry).transpose()
}

const INFO: &str = "sha256, manifest, origin, source, published_at, published_by";

fn info(row: &mut Row) -> Result<VersionInfo> {
    Ok(VersionInfo {
        sha256: sha(row.blob()?)?,
        manifest: parsed(&row.text()?, "manifest of a version")?,
        origin: parsed(&row.text()?, "origin of a version")?,
        source: row.text()?,
        published_at: row.int()?,
        published_by: row.text()?,
    })
}

pub(super) async fn version(tx: &mut Transaction, pipeline: &str, sha256: Sha256) -> Result<Option<Version>> {
    let sql = format!("SELECT {INFO}, wasm FROM weir_rule_version WHERE pipeline = ? AND sha256 = ?");
    let mut rows = tx.rows(&sql, &[Bind::Text(pipeline), Bind::Blob(&sha256.0)]).await?;
    let Some(row) = rows.first_mut() else {
        return Ok(None);
    };
    let VersionInfo { sha256, manifest, origin, source, published_at, published_by } = info(row)?;
    Ok(Some(Version { sha256, wasm: row.blob()?, manifest, origin, source, published_at, published_by }))
}

pub(super) async fn version_info(tx: &mut Transaction, pipeline: &str, sha256: Sha256) -> Result<Option<VersionInfo>> {
    let sql = format!("SELECT {INFO} FROM weir_rule_version WHERE pipeline = ? AND sha256 = ?");
    let mut rows = tx.rows(&sql, &[Bind::Text(pipeline), Bind::Blob(&sha256.0)]).await?;
    rows.first_mut().map(info).transpose()
}

pub(super) async fn versions(
    tx: &mut Transaction,
    pipeline: &str,
    rule: Option<&str>,
    limit: u32,
) -> Result<Vec<VersionInfo>> {
    let only = if rule.is_some() { " AND rule = ?" } else { "" };
    let sql = format!(
        "SELECT {INFO} FROM weir_rule_version WHERE pipeline = ?{only} ORDER BY published_at DESC, sha256 DESC LIMIT ?"
    );
    let mut binds = vec![Bind::Text(pipeline)];
    binds.extend(rule.map(Bind::Text));
    binds.push(Bind::Int(limit.into()));
    let rows = tx.rows(&sql, &binds).await?;
    rows.into_iter().map(|mut row| info(&mut row)).collect()
}

/// The current-revision row is locked first, so two writers queue here and the second is `Stale`.
pub(super) async fn advance(
    tx: &mut Transaction,
    pipeline: &str,
    base: Revision,
    change: (Option<&Version>, &[Entry], &Audit),
) -> Result<Revision> {
    let (version, entries, audit) = change;
    let next = Revision(base.0 + 1);
    let sql = "UPDATE weir_rule_current SET revision = ? WHERE pipeline = ? AND revision = ?";
    let binds = [Bind::Int(next.0 as i64), Bind::Text(pipeline), Bind::Int(base.0 as i64)];
    if tx.execute(sql, &binds).await? != 1 {
        let current = revision(tx, pipeline).await?;
        if current != base {
            return Err(StoreError::Stale(current));
        }
        // Before the first change nothing contradicts a row that was lost.
        let sql = "INSERT INTO weir_rule_current (pipeline, revision) VALUES (?, ?)";
        tx.execute(sql, &[Bind::Text(pipeline), Bind::Int(next.0 as i64)]).await?;
    }
    fault::at("store.catalog.current")?;
    if let Some(version) = version {
        add_version(tx, pipeline, version).await?;
        fault::at("store.catalog.version")?;
    }
    add_set(tx, pipeline, next, entries, audit).await?;
    fault::at("store.catalog.written")?;
    Ok(next)
}

/// The number of entries that a revision was written with; None: a version before this table wrote it.
pub(super) async fn count(tx: &mut Transaction, pipeline: &str, revision: Revision) -> Result<Option<i64>> {
    let sql = "SELECT rules FROM weir_rule_count WHERE pipeline = ? AND revision = ?";
    let mut rows = tx.rows(sql, &[Bind::Text(pipeline), Bind::Int(revision.0 as i64)]).await?;
    rows.first_mut().map(Row::int).transpose()
}

async fn set_count(tx: &mut Transaction, pipeline: &str, revision: Revision, entries: &[Entry]) -> Result<()> {
    let sql = format!(
        "INSERT INTO weir_rule_count (pipeline, revision, rules) VALUES (?, ?, ?) {} revision = ?, rules = ?",
        tx.dialect().upsert("pipeline")
    );
    let (revision, rules) = (Bind::Int(revision.0 as i64), Bind::Int(entries.len() as i64));
    tx.execute(&sql, &[Bind::Text(pipeline), revision, rules, revision, rules]).await.map(|_| ())
}

/// The entries of a new revision, their number, and its line of audit.
pub(super) async fn add_set(
    tx: &mut Transaction,
    pipeline: &str,
    next: Revision,
    entries: &[Entry],
    audit: &Audit,
) -> Result<()> {
    for some in entries.chunks(ENTRIES) {
        add_entries(tx, pipeline, next, some).await?;
        fault::at("store.catalog.entry")?;
    }
    set_count(tx, pipeline, next, entries).await?;
    let sql = "INSERT INTO weir_audit (pipeline, revision, at, who, action, rule, detail) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let binds = [
        Bind::Text(pipeline),
        Bind::Int(next.0 as i64),
        Bind::Int(audit.at),
        Bind::Text(&audit.who),
        Bind::Text(&audit.action),
        Bind::Text(&audit.rule),
        Bind::Text(&audit.detail),
    ];
    tx.execute(sql, &binds).await?;
    match &audit.reason {
        Some(reason) => add_reason(tx, pipeline, next, audit.at, reason).await,
        None => Ok(()),
    }
}

/// Its time says to which line it belongs: rows that some restore left must not give their reason to another change that has
/// their revision.
async fn add_reason(tx: &mut Transaction, pipeline: &str, revision: Revision, at: i64, reason: &str) -> Result<()> {
    let sql = format!(
        "INSERT INTO weir_audit_reason (pipeline, revision, at, reason) VALUES (?, ?, ?, ?) {} at = ?, reason = ?",
        tx.dialect().upsert("pipeline, revision")
    );
    let (revision, at, reason) = (Bind::Int(revision.0 as i64), Bind::Int(at), Bind::Text(reason));
    tx.execute(&sql, &[Bind::Text(pipeline), revision, at, reason, at, reason]).await.map(|_| ())
}

/// Whether the revision after `base` is this change: it alone wrote this line of audit. Waits for a writer that is
/// still undecided.
pub(super) async fn is_made(tx: &mut Transaction, pipeline: &str, base: Revision, audit: &Audit) -> Result<bool> {
    let d = tx.dialect();
    let current = format!("SELECT revision FROM weir_rule_current WHERE pipeline = ?{}", d.for_update);
    tx.rows(&current, &[Bind::Text(pipeline)]).await?;
    let sql = "SELECT at, who, action, rule, detail FROM weir_audit WHERE pipeline = ? AND revision = ?";
    let mut rows = tx.rows(sql, &[Bind::Text(pipeline), Bind::Int(base.0 as i64 + 1)]).await?;
    let Some(row) = rows.first_mut() else { return Ok(false) };
    let line = (row.int()?, row.text()?, row.text()?, row.text()?, row.text()?);
    Ok(line == (audit.at, audit.who.clone(), audit.action.clone(), audit.rule.clone(), audit.detail.clone()))
}

async fn add_version(tx: &mut Transaction, pipeline: &str, version: &Version) -> Result<()> {
    let d = tx.dialect();
    let sql = format!(
        "INSERT INTO weir_rule_version (pipeline, sha256, rule, wasm, manifest, origin, source, published_at, \
         published_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) {} wasm = ?, manifest = ?",
        d.upsert("pipeline, sha256")
    );
    let (manifest, origin) = (json(&version.manifest), json(&version.origin));
    let binds = [
        Bind::Text(pipeline),
        Bind::Blob(&version.sha256.0),
        Bind::Text(&version.manifest.name),
        Bind::Blob(&version.wasm),
        Bind::Text(&manifest),
        Bind::Text(&origin),
        Bind::Text(&version.source),
        Bind::Int(version.published_at),
        Bind::Text(&version.published_by),
        // The same bytes, unless somebody changed the row: then it is whole again.
        Bind::Blob(&version.wasm),
        Bind::Text(&manifest),
    ];
    tx.execute(&sql, &binds).await.map(|_| ())
}

/// In one statement: the database may be far.
async fn add_entries(tx: &mut Transaction, pipeline: &str, revision: Revision, entries: &[Entry]) -> Result<()> {
    let sql = format!(
        "INSERT INTO weir_rule_set (pipeline, revision, rule, sha256, `order`, mode, parameters, from_directory, \
         suspended) VALUES {}",
        vec!["(?, ?, ?, ?, ?, ?, ?, ?, ?)"; entries.len()].join(", ")
    );
    let texts: Vec<_> = entries.iter().map(|entry| (json(&entry.mode), json(&entry.parameters))).collect();
    let rows = entries.iter().zip(&texts).flat_map(|(entry, (mode, parameters))| {
        [
            Bind::Text(pipeline),
            Bind::Int(revision.0 as i64),
            Bind::Text(&entry.name),
            Bind::Blob(&entry.sha256.0),
            Bind::Int(entry.order.into()),
            Bind::Text(mode),
            Bind::Text(parameters),
            Bind::Int(entry.from_directory.into()),
            Bind::text(entry.suspended.as_deref()),
        ]
    });
    tx.execute(&sql, &rows.collect::<Vec<_>>()).await.map(|_| ())
}

pub(super) async fn directory_seen(tx: &mut Transaction, pipeline: &str, file: &str) -> Result<Option<Sha256>> {
    let sql = "SELECT sha256 FROM weir_directory WHERE pipeline = ? AND file = ?";
    match tx.rows(sql, &[Bind::Text(pipeline), Bind::Text(file)]).await?.first_mut() {
        Some(row) => sha(row.blob()?).map(Some),
        None => Ok(None),
    }
}

pub(super) async fn set_directory_seen(
    tx: &mut Transaction,
    pipeline: &str,
    file: &str,
    sha256: Option<Sha256>,
) -> Result<()> {
    let d = tx.dialect();
    let (p, f) = (Bind::Text(pipeline), Bind::Text(file));
    let Some(sha256) = sha256 else {
        return tx.execute("DELETE FROM weir_directory WHERE pipeline = ? AND file = ?", &[p, f]).await.map(|_| ());
    };
    let sql = format!(
        "INSERT INTO weir_directory (pipeline, file, sha256) VALUES (?, ?, ?) {} sha256 = ?",
        d.upsert("pipeline, file")
    );
    let bytes = Bind::Blob(&sha256.0);
    tx.execute(&sql, &[p, f, bytes, bytes]).await.map(|_| ())
}

pub(super) async fn audit(tx: &mut Transaction, pipeline: &str, limit: u32) -> Result<Vec<Audit>> {
    let sql = "SELECT a.at, a.who, a.action, a.rule, a.revision, a.detail, r.reason FROM weir_audit a \
               LEFT JOIN weir_audit_reason r ON r.pipeline = a.pipeline AND r.revision = a.revision AND r.at = a.at \
               WHERE a.pipeline = ? ORDER BY a.revision DESC LIMIT ?";
    let rows = tx.rows(sql, &[Bind::Text(pipeline), Bind::Int(limit.into())]).await?;
    rows.into_iter().map(|mut row| line(&mut row)).collect()
}

/// Of a line's columns and its reason.
pub(super) fn line(row: &mut Row) -> Result<Audit> {
    Ok(Audit {
        at: row.int()?,
        who: row.text()?,
        action: row.text()?,
        rule: row.text()?,
        revision: row.int()? as u64,
        detail: row.text()?,
        reason: row.maybe_text()?,
    })
}
