//! `weir rules repair`: works on the database of a configuration, as the engine refuses to start on such rows.

use std::path::Path;

use anyhow::Context;
use secrecy::ExposeSecret;

use crate::cli::out;
use crate::clock::now_ms;
use crate::config::Config;
use crate::model::catalog::{Entry, Repaired};
use crate::store;

pub(super) fn repair(path: &Path) -> anyhow::Result<()> {
    let config = Config::load(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let repaired = runtime.block_on(async {
        let (name, topic) = (&config.pipeline.name, &config.source.topic);
        let store = store::connect_with(config.sink.url.expose_secret(), name, topic, config.window.idle_after).await?;
        store.repair_rules(now_ms(), "weir rules repair").await
    });
    let name = &config.pipeline.name;
    out::line(match repaired.context("sink.url")? {
        Some(repaired) => told(name, &repaired),
        None => format!(
            "pipeline {name}: nothing to repair, the rows of its rule set do not contradict each other; nothing was written"
        ),
    });
    Ok(())
}

fn told(pipeline: &str, repaired: &Repaired) -> String {
    let Repaired { was, highest, taken, set } = repaired;
    let said = match was {
        Some(was) => format!("said that revision {was} is in force"),
        None => "had no row".to_owned(),
    };
    let lost = match taken == highest {
        true => String::new(),
        false => {
            format!(" The entries of revision {highest} are gone: what was changed after {taken} has to be done again.")
        }
    };
    let rules = match set.entries.is_empty() {
        true => "it holds no rule".to_owned(),
        false => format!("its rules: {}", set.entries.iter().map(rule).collect::<Vec<_>>().join(", ")),
    };
    format!(
        "pipeline {pipeline}: weir_rule_current {said}, and {highest} was the highest revision. Revision {taken} is in force \
         again, as {}; {rules}.{lost}",
        set.revision
    )
}

/// `high_amount (shadow)`
fn rule(entry: &Entry) -> String {
    let suspended = if entry.suspended.is_some() { ", suspended" } else { "" };
    format!("{} ({}{suspended})", entry.name, format!("{:?}", entry.mode).to_lowercase())
}
