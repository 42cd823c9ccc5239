//! What a person would name on a page: a role and a name, as assistive technology is told them.

use serde_json::{Value, json};

use super::Page;
use super::page::returned;

/// A node of the document. It is gone with its document, or when a script replaced it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node(i64);

/// What assistive technology is told of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// As `button`, `link`, `textbox`, `heading`.
    pub role: String,
    /// Its text or label.
    pub name: String,
}

/// Of a page's nodes with a role, how many names a failure tells.
const TOLD: usize = 40;

impl Page<'_> {
    /// The node with this role and exactly this name.
    ///
    /// # Errors
    /// There is none or more than one; with what there is of that role.
    pub(super) fn node(&self, role: &str, name: &str) -> Result<Node, String> {
        let found = self.query(json!({ "role": role, "accessibleName": name }))?;
        match found.as_slice() {
            [(node, _)] => Ok(*node),
            [] => {
                let there: Vec<_> =
                    self.query(json!({ "role": role }))?.into_iter().map(|(_, told)| told.name).collect();
                let more = there.len().saturating_sub(TOLD);
                Err(format!("there is no {role} {name:?}, but {:?}, and {more} more", &there[..there.len() - more]))
            }
            several => Err(format!("there are {} of {role} {name:?}", several.len())),
        }
    }

    /// The first node with this role and a name that is it. The browser finds a field for files by no name, though it tells one.
    ///
    /// # Errors
    /// There is none; with what there is of that role.
    pub(super) fn named(&self, role: &str, is_it: impl Fn(&str) -> bool) -> Result<Node, String> {
        let all = self.query(json!({ "role": role }))?;
        let found = all.iter().find(|(_, told)| is_it(&told.name)).map(|(node, _)| *node);
        found.ok_or_else(|| format!("there is no such {role}, but {all:?}"))
    }

    /// Names of all nodes with this role, in the page's order.
    pub fn names(&self, role: &str) -> Vec<String> {
        let all = self.until(role, || self.query(json!({ "role": role })));
        all.into_iter().map(|(_, told)| told.name).collect()
    }

    /// Waits until there is such a node.
    pub fn sees(&self, role: &str, name: &str) {
        self.until(&format!("a {role} {name:?}"), || self.node(role, name));
    }

    /// Waits until there is no such node.
    pub fn misses(&self, role: &str, name: &str) {
        self.until(&format!("no {role} {name:?}"), || {
            let found = self.query(json!({ "role": role, "accessibleName": name }))?;
            found.is_empty().then_some(()).ok_or_else(|| format!("there are {}", found.len()))
        });
    }

    /// What has the focus.
    ///
    /// # Errors
    /// Nothing has, or the document is on its way.
    pub(super) fn focus(&self) -> Result<(Node, Told), String> {
        let active = self.call("Runtime.evaluate", json!({ "expression": "document.activeElement" }))?;
        let object = active["result"]["objectId"].as_str().ok_or("nothing has the focus")?;
        let tree =
            self.call("Accessibility.getPartialAXTree", json!({ "objectId": object, "fetchRelatives": false }))?;
        let node = tree["nodes"].as_array().and_then(|nodes| nodes.iter().find_map(read));
        node.ok_or_else(|| "what has the focus is hidden from assistive technology".into())
    }

    /// Calls a function of JavaScript on a node: `this`.
    ///
    /// # Errors
    /// The node is gone, or what the function threw.
    pub(super) fn on(&self, node: Node, function: &str) -> Result<Value, String> {
        let resolved = self.call("DOM.resolveNode", json!({ "backendNodeId": node.0 }))?;
        let call = json!({
            "objectId": resolved["object"]["objectId"],
            "functionDeclaration": function,
            "returnByValue": true,
            "awaitPromise": true,
        });
        returned(self.call("Runtime.callFunctionOn", call)?)
    }

    /// Gives files to a field for files.
    ///
    /// # Errors
    /// The node is gone, or no such field.
    pub(super) fn give(&self, node: Node, files: &[&str]) -> Result<(), String> {
        self.call("DOM.setFileInputFiles", json!({ "files": files, "backendNodeId": node.0 })).map(drop)
    }

    /// What is looked for meanwhile is what this part of the page has: a `region`, a `row`, by its name.
    pub fn within<T>(&self, role: &str, name: &str, walk: impl FnOnce() -> T) -> T {
        let before = self.part.replace(Some(Told { role: role.into(), name: name.into() }));
        let result = walk();
        self.part.replace(before);
        result
    }

    /// The node below which is looked for others.
    fn part(&self) -> Result<Value, String> {
        let document = self.call("DOM.getDocument", json!({ "depth": 0 }))?["root"]["backendNodeId"].clone();
        let Some(Told { role, name }) = self.part.borrow().clone() else { return Ok(document) };
        let found = self.query_in(document, json!({ "role": role, "accessibleName": name }))?;
        match found.as_slice() {
            [(node, _)] => Ok(node.0.into()),
            others => Err(format!("there are {} of {role} {name:?}", others.len())),
        }
    }

    fn query(&self, wanted: Value) -> Result<Vec<(Node, Told)>, String> {
        self.query_in(self.part()?, wanted)
    }

    fn query_in(&self, part: Value, mut wanted: Value) -> Result<Vec<(Node, Told)>, String> {
        wanted["backendNodeId"] = part;
        let found = self.call("Accessibility.queryAXTree", wanted)?;
        Ok(found["nodes"].as_array().into_iter().flatten().filter_map(read).collect())
    }
}

/// A node of the accessibility tree, unless it is left out of what is told.
fn read(node: &Value) -> Option<(Node, Told)> {
    let text = |key: &str| node[key]["value"].as_str().unwrap_or_default().to_owned();
    let id = node["backendDOMNodeId"].as_i64()?;
    (node["ignored"] != true).then(|| (Node(id), Told { role: text("role"), name: text("name") }))
}
