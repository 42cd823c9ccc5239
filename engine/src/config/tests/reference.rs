//! docs/configuration.md is made from the doc comments of `config/`, and the defaults that they name are the code's.

use std::collections::BTreeMap;

use super::super::Config;
use weir_testkit::made;

/// A configuration that sets nothing that has a default, and that has one of everything that the user names.
const LEAST: &str = r#"
    pipeline = { name = "p" }
    source = { brokers = "host:9092", group = "g" }
    window = {}
    sink = { url = "sqlite://file" }
    rule = { some_rule = {} }
    admin = { people = { ana = { token = "a-token-of-26-characters-x", may = ["read"] } } }
    alerts = { topic = "alerts", codes = ["SOME_CODE"] }

    [record.fields]
    event_time = { kind = "timestamp", required = true }
    amount = { kind = "decimal" }

    [lookup.customer]
    url = "redis://host"
    key = "customer:{amount}"
    fields = { segment = { kind = "text" } }
"#;

/// What the user names in it.
const NAMES: [(&str, &str); 5] = [
    ("record.fields.NAME", "amount"),
    ("lookup.NAME", "customer"),
    ("lookup.NAME.fields.NAME", "segment"),
    ("rule.NAME", "some_rule"),
    ("admin.people.NAME", "ana"),
];

/// A struct of `config/`.
#[derive(Default)]
struct Table {
    /// Whether serde fills in what is left out.
    filled_in: bool,
    keys: Vec<Key>,
}

struct Key {
    name: String,
    ty: String,
    doc: String,
    /// Whether serde fills it in.
    filled_in: bool,
}

/// A key as the reference lists it.
struct Row {
    /// `NAME` where the user names something.
    path: String,
    default: String,
    meaning: String,
}

#[test]
fn docs_configuration_is_what_the_code_says() {
    let tables = tables();
    let mut text = String::new();
    for key in &tables["Config"].keys {
        let (inner, path) = inside(&tables, key, &key.name);
        text += &format!("## `[{path}]`\n\n{}\n\n| key | default | meaning |\n|---|---|---|\n", key.doc);
        for row in rows(&tables, inner.expect("a table"), &path) {
            assert!(!row.meaning.is_empty(), "{} has no doc comment", row.path);
            text += &format!("| `{}` | {} | {} |\n", row.path, row.default, row.meaning.replace('|', "\\|"));
        }
        text.push('\n');
    }
    made::hold("docs/configuration.md", text.trim_end());
}

#[test]
fn a_default_that_is_documented_is_the_one_that_holds() {
    let tables = tables();
    let without = debug(LEAST.parse().unwrap());
    let mut tried = 0;
    for key in &tables["Config"].keys {
        let (inner, path) = inside(&tables, key, &key.name);
        for row in rows(&tables, inner.expect("a table"), &path) {
            let Some(default) = row.default.strip_prefix('`').and_then(|text| text.strip_suffix('`')) else { continue };
            let value: toml::Table = format!("v = {default}").parse().unwrap();
            let mut config: toml::Table = LEAST.parse().unwrap();
            set(&mut config, &row.path, value["v"].clone());
            assert_eq!(debug(config), without, "{} = {default}", row.path);
            tried += 1;
        }
    }
    assert!(tried > 30, "{tried}");
}

/// Every key that a file can set, `NAME` for what the user names.
pub(super) fn keys() -> Vec<String> {
    let tables = tables();
    let below = |key: &Key| {
        let (inner, path) = inside(&tables, key, &key.name);
        rows(&tables, inner.expect("a table"), &path)
    };
    let all = tables["Config"].keys.iter().flat_map(below).map(|row| row.path);
    all.filter(|path| !path.ends_with(".NAME")).collect()
}

fn debug(table: toml::Table) -> String {
    format!("{:?}", Config::parse(&table.to_string(), &|_| None).unwrap())
}

/// Sets the key of a path; `NAME` stands for what `LEAST` names there.
fn set(table: &mut toml::Table, path: &str, value: toml::Value) {
    let mut names: BTreeMap<&str, &str> = NAMES.into();
    let (mut at, mut so_far, parts) = (table, String::new(), path.split('.').collect::<Vec<_>>());
    for part in &parts[..parts.len() - 1] {
        so_far = if so_far.is_empty() { (*part).to_owned() } else { format!("{so_far}.{part}") };
        let name = if *part == "NAME" { names.remove(so_far.as_str()).unwrap() } else { part };
        let inner = at.entry(name).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = inner.as_table_mut().unwrap();
    }
    at.insert(parts[parts.len() - 1].to_owned(), value);
}

/// Every key below a table.
fn rows(tables: &BTreeMap<String, Table>, table: &str, prefix: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for key in &tables[table].keys {
        let path = format!("{prefix}.{}", key.name);
        let (inner, path) = inside(tables, key, &path);
        let named_by_the_user = path.ends_with(".NAME");
        if inner.is_none() || named_by_the_user {
            let (meaning, default) = default_of(key, tables[table].filled_in);
            rows.push(Row { path: path.clone(), default, meaning });
        }
        if let Some(inner) = inner {
            rows.extend(self::rows(tables, inner, &path));
        }
    }
    rows
}

/// The struct that a key holds, if it is one or a map of them; the path to it.
fn inside<'t>(tables: &'t BTreeMap<String, Table>, key: &'t Key, path: &str) -> (Option<&'t str>, String) {
    let of = |outer: &str| key.ty.strip_prefix(outer).and_then(|ty| ty.strip_suffix('>'));
    let map = of("BTreeMap<String, ");
    let inner = map.or(of("Option<")).unwrap_or(&key.ty);
    match (tables.contains_key(inner), map) {
        (true, Some(_)) => (Some(inner), format!("{path}.NAME")),
        (true, None) => (Some(inner), path.to_owned()),
        (false, _) => (None, path.to_owned()),
    }
}

/// What the doc comment says, without its default; the default.
fn default_of(key: &Key, filled_in: bool) -> (String, String) {
    if let Some((meaning, default)) = key.doc.rsplit_once("Default: ") {
        return (meaning.trim_end().to_owned(), default.trim_end_matches('.').to_owned());
    }
    let left_out = key.filled_in || filled_in || key.ty.starts_with("Option<");
    (key.doc.clone(), if left_out { "none" } else { "required" }.to_owned())
}

/// The files with the keys.
const KEYS: [&str; 4] =
    [include_str!("../mod.rs"), include_str!("../record.rs"), include_str!("../rules.rs"), include_str!("../admin.rs")];

/// The structs of these files, read as text: the compiler keeps no doc comments.
fn tables() -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::new();
    let text = KEYS.join("\n");
    let mut parts = text.split("pub struct ");
    let mut before = parts.next().unwrap_or_default();
    for text in parts {
        let (name, rest) = text.split_once(" {").expect("a struct has a body");
        let (body, after) = rest.split_once("\n}").expect("a body ends");
        let attributes = before.rsplit("\n\n").next().unwrap_or_default();
        let mut table = Table { filled_in: attributes.contains(", default)]"), ..Table::default() };
        let (mut doc, mut attributes) = (Vec::new(), String::new());
        for line in body.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("/// ") {
                doc.push(text);
            } else if line.starts_with("#[") {
                attributes += line;
            } else if let Some((name, ty)) = line.strip_prefix("pub ").and_then(|line| line.split_once(": ")) {
                let (doc, attributes) = (std::mem::take(&mut doc).join(" "), std::mem::take(&mut attributes));
                if !attributes.contains("(skip)") {
                    let filled_in = attributes.contains("default");
                    table.keys.push(Key { name: name.into(), ty: ty.trim_end_matches(',').into(), doc, filled_in });
                }
            }
        }
        tables.insert(name.to_owned(), table);
        before = after;
    }
    tables
}
