//! axe-core in a page, in a world of its own: it sees the document and not the page's scripts, and works without them.

use serde_json::{Value, json};

use super::Page;

/// See `testkit/axe/README.md`.
const SOURCE: &str = include_str!("../../axe/axe.min.js");

/// All of its rules. `preload` would ask for styles of other origins, which a page of ours must not have.
const RUN: &str = "axe.run(document, { preload: false, resultTypes: ['violations'] }).then(({ violations }) =>
    violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(node => [node.target.join(' '), node.failureSummary]) })))";

/// Nodes of a barrier that a failure tells.
const TOLD: usize = 5;

/// Each rule that the page violates, with where.
pub(super) fn barriers(page: &Page<'_>) -> Vec<String> {
    let found = page.with_scripts(|| page.until("axe-core", || run(page)));
    found.as_array().expect("a list of violations").iter().map(barrier).collect()
}

fn run(page: &Page<'_>) -> Result<Value, String> {
    let frame = page.call("Page.getFrameTree", json!({}))?["frameTree"]["frame"]["id"].clone();
    let world = page.call("Page.createIsolatedWorld", json!({ "frameId": frame, "worldName": "axe" }))?;
    let world = &world["executionContextId"];
    page.evaluate(json!({ "contextId": world, "expression": format!("{SOURCE}; null") }))?;
    page.evaluate(json!({ "contextId": world, "expression": RUN }))
}

fn barrier(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<_> = nodes
        .iter()
        .take(TOLD)
        .map(|node| {
            format!("{}: {}", node[0].as_str().unwrap_or("-"), node[1].as_str().unwrap_or("-").replace('\n', " "))
        })
        .collect();
    let (id, help) = (violation["id"].as_str().unwrap_or("-"), violation["help"].as_str().unwrap_or("-"));
    format!("a barrier, {id}: {help}; {} nodes: {}", nodes.len(), shown.join("; "))
}
