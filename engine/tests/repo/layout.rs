//! The architecture's invariants: who may know whom. Reads the sources as text, comments and literals left out. Here too, as
//! it reads sources: whether the tests and messages are there that the documents name (`named`), the documents that
//! any text names (`references`), what dependencies (`dependencies`) and their features (`features`) may be, that no imports make a
//! circle (`circles`), and spelling (`words`).

mod circles;
mod dependencies;
mod features;
mod named;
mod references;
mod words;

pub(crate) use references::anchors;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A stage and the other stages that it may name.
const STAGES: [(&str, &[&str]); 10] = [
    ("kafka", &[]),
    ("source", &["kafka"]),
    ("decode", &[]),
    ("enrich", &[]),
    ("rules", &[]),
    ("window", &[]),
    // The way of one batch through these, without a broker, a store or a checkpoint.
    ("processor", &["decode", "enrich", "rules", "window"]),
    ("store", &[]),
    ("outbox", &["kafka"]),
    ("admin", &["rules", "store"]),
];

/// What joins the stages; no stage knows of it.
const JOINTS: [&str; 4] = ["checkpoint", "worker", "pipeline", "cli"];

/// What every stage may use, and what of the rest each of them may.
const SHARED: [(&str, &[&str]); 5] = [
    ("model", &[]),
    ("config", &["model"]),
    ("clock", &[]),
    ("conditions", &[]),
    ("status", &["clock", "conditions", "config", "model"]),
];

/// A library and the modules that may name it.
const LIBRARIES: [(&str, &[&str]); 8] = [
    ("wasmtime", &["rules"]),
    ("rdkafka", &["kafka", "source", "outbox", "cli"]),
    ("rdkafka_sys", &["kafka"]),
    ("openssl", &["kafka"]),
    ("sqlx", &["store"]),
    ("redis", &["enrich"]),
    ("fail", &["fault"]),
    ("libc", &["arenas"]),
];

/// The only files that may hold `unsafe`.
const UNSAFE: [&str; 4] = ["arenas.rs", "kafka/ffi/batch.rs", "kafka/ffi/flush.rs", "rules/module/compiled.rs"];

#[test]
fn stages_never_import_each_other() {
    for source in sources() {
        let Some((stage, allowed)) = STAGES.iter().find(|(stage, _)| source.belongs_to(stage)) else { continue };
        for module in source.crate_modules() {
            let other = STAGES.iter().any(|(name, _)| *name == module && module != *stage);
            let joint = JOINTS.contains(&module.as_str());
            assert!(
                !(other || joint) || allowed.contains(&module.as_str()),
                "{}: stage `{stage}` imports `crate::{module}`; only pipeline and checkpoint join stages",
                source.path
            );
        }
    }
}

#[test]
fn what_every_stage_may_use_knows_no_stage() {
    for source in sources() {
        let Some((module, allowed)) = SHARED.iter().find(|(module, _)| source.belongs_to(module)) else { continue };
        for other in source.crate_modules() {
            // `made` holds documents in tests.
            let known = other == *module || other == "made" || allowed.contains(&other.as_str());
            assert!(known, "{} imports `crate::{other}`", source.path);
        }
    }
}

#[test]
fn each_library_stays_in_its_stage() {
    for source in sources() {
        for (library, modules) in LIBRARIES {
            let allowed = modules.iter().any(|module| source.belongs_to(module));
            let named = source.names_crate(library);
            assert!(allowed || !named, "{} names `{library}`, which belongs in {modules:?}", source.path);
        }
    }
}

#[test]
fn every_client_of_kafka_is_made_in_one_file() {
    for source in sources().iter().filter(|source| !source.path.ends_with("tests.rs")) {
        let made = source.code.split(|c| !is_name(c)).any(|word| word == "ClientConfig");
        assert!(!made || source.path == "kafka/client.rs", "{}: `kafka::ClientSettings` makes clients", source.path);
    }
}

#[test]
fn a_room_of_rules_knows_no_room_above_it() {
    const ABOVE: [(&str, &[&str]); 3] = [
        ("rules/module", &["live", "judge", "catalog", "watch"]),
        ("rules/judge", &["catalog", "watch"]),
        ("rules/catalog", &["watch"]),
    ];
    for source in sources() {
        let Some((room, above)) = ABOVE.iter().find(|(room, _)| source.belongs_to(room)) else { continue };
        for other in source.code.split("crate::rules::").skip(1).flat_map(first_names) {
            assert!(!above.contains(&other.as_str()), "{}: {room} names `{other}`", source.path);
        }
    }
}

#[test]
fn decode_window_processor_and_the_worker_s_machine_are_pure() {
    const IMPURE: [&str; 8] =
        ["SystemTime", "Instant::now", "Utc::now", "Local::now", "tokio::", "std::fs", "std::net", "std::env"];
    const PURE: [&str; 4] = ["decode", "window", "processor", "worker/machine"];
    let tests = |source: &Source| source.path.ends_with("tests.rs");
    for source in sources().iter().filter(|source| PURE.iter().any(|pure| source.belongs_to(pure)) && !tests(source)) {
        for word in IMPURE {
            assert!(!source.code.contains(word), "{} names {word}; bytes and time come in as arguments", source.path);
        }
        let tells = ["tracing", "metrics"].iter().any(|library| source.names_crate(library));
        assert!(!tells || !source.belongs_to("worker/machine"), "{} tells; its driver does", source.path);
    }
}

#[test]
fn unsafe_code_stands_in_four_files_only() {
    for source in sources() {
        let allowed = UNSAFE.contains(&source.path.as_str());
        let held = source.code.split(|c| !is_name(c)).any(|word| word == "unsafe");
        assert!(allowed || !held, "{} holds unsafe code; only {UNSAFE:?} may", source.path);
    }
}

/// They panic when nobody reads or the disk is full.
#[test]
fn nothing_prints_by_a_macro_of_the_standard_library() {
    for source in sources() {
        for word in source.code.split(|c| !(is_name(c) || c == '!')) {
            let prints = ["print!", "println!", "eprint!", "eprintln!", "dbg!"].contains(&word);
            assert!(!prints, "{} uses {word}: `cli/out.rs` prints, `telemetry::say` complains", source.path);
        }
    }
}

#[test]
fn main_is_a_page_at_most() {
    let lines = fs::read_to_string(src().join("main.rs")).expect("main.rs").lines().count();
    assert!(lines <= 40, "main.rs has {lines} lines; everything belongs in the library");
}

#[test]
fn the_scan_sees_code_and_neither_comments_nor_literals() {
    let code = strip(concat!(
        "use crate::{rules::{Set, store}, model}; // crate::window\n",
        "/* crate::enrich /* crate::cli */ */ let a = \"crate::admin \\\" crate::source\"; let b = r#\"crate::decode\"#;\n",
        "let c = '\"'; fn f<'a>(x: &'a crate::config::Config) {} let d = b'\\''; pub(in crate::telemetry) fn g() {}\n",
    ));
    let source = Source { path: "x.rs".into(), code };
    let expected = ["config", "model", "rules", "telemetry"].map(String::from);
    assert_eq!(source.crate_modules(), BTreeSet::from(expected));
}

#[test]
fn a_module_of_our_own_is_no_library() {
    let names = |code: &str| Source { path: "x.rs".into(), code: code.into() }.names_crate("redis");
    assert!(
        names("use redis::Client;") && names("use redis;") && names("let c: redis::Client;") && names("::redis::x")
    );
    assert!(!names("use self::redis::Client;") && !names("my_redis::x") && !names("mod redis;"));
}

struct Source {
    /// Below engine/src.
    path: String,
    code: String,
}

impl Source {
    fn belongs_to(&self, module: &str) -> bool {
        self.path.strip_prefix(module).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    }

    /// Top-level modules that `crate::…` paths name, groups (`crate::{a, b::c}`) included.
    fn crate_modules(&self) -> BTreeSet<String> {
        let paths = self.code.split("crate::").skip(1).flat_map(first_names);
        // `pub(in crate::x)` and macros' `$crate::x` are paths too; `crate::` alone, before a macro's variable, is none.
        paths.filter(|name| !name.is_empty()).collect()
    }

    fn names_crate(&self, name: &str) -> bool {
        let path = self.code.match_indices(&format!("{name}::")).any(|(at, _)| self.starts_a_path(at));
        path || self.code.contains(&format!("use {name};")) || self.code.contains(&format!("use {name} as"))
    }

    /// Whether a path starts here: not the end of a longer name, and not a module of our own (`self::redis::`).
    fn starts_a_path(&self, at: usize) -> bool {
        let before = &self.code[..at];
        let within = before.strip_suffix("::").is_some_and(|outer| outer.ends_with(is_name));
        !before.ends_with(is_name) && !within
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The names that a path starts with: one, or those of a group at its first level.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| text.trim_start().chars().take_while(|c| is_name(*c)).collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' => {
                names.push(name(&group[start..]));
                break;
            }
            ',' if depth == 0 => {
                names.push(name(&group[start..]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// The code without comments and literals: the compiler's tokens, with a blank only where two words would run together.
fn strip(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    append(text.parse().expect("Rust"), &mut code);
    code
}

fn append(tokens: TokenStream, code: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                code.push_str(open);
                append(group.stream(), code);
                code.push_str(close);
            }
            TokenTree::Ident(word) => {
                if code.ends_with(is_name) {
                    code.push(' ');
                }
                code.push_str(&word.to_string());
            }
            TokenTree::Punct(sign) => code.push(sign.as_char()),
            TokenTree::Literal(_) => code.push(' '),
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<Source> {
    let source = |path: &PathBuf| {
        let code = strip(&fs::read_to_string(path).expect("a source file"));
        Source { path: path.strip_prefix(src()).expect("below src").to_string_lossy().into_owned(), code }
    };
    rust_files().iter().map(source).collect()
}

/// Below engine/src.
fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![src()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty());
    files
}
