//! No circles of imports: in each folder, the files and folders in it can be put in an order in which each names only those
//! before it. So every one of them can be understood, and taken out, without those that come after it.
//!
//! A folder's own `mod.rs` is left out of that order. It declares its files, and they use its types: they are one thing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, is_name, sources, strip};

#[test]
fn no_files_and_no_folders_import_each_other_in_a_circle() {
    let crate_ = Crate::of(sources());
    assert!(crate_.files.len() > 200, "{} files", crate_.files.len());
    let circles = crate_.circles();
    assert!(circles.is_empty(), "what both need belongs in a file below both:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_through_a_re_export_and_between_folders_and_a_folder_s_own_face_is_none() {
    let source = |path: &str, code: &str| Source { path: path.into(), code: strip(code) };
    let circles = |sources: Vec<Source>| Crate::of(sources).circles();
    let face = "mod one; mod two; pub use one::{One, inner}; pub struct Shared;";
    let order = || {
        vec![
            source("a/mod.rs", face),
            source("a/one.rs", "use super::Shared; pub struct One;"),
            source("a/two.rs", "use crate::{a::One, b::B};"),
            source("b.rs", "#[cfg(test)] mod tests { use crate::a::One; }"),
        ]
    };
    assert_eq!(circles(order()), [""; 0]);
    let mut siblings = order();
    siblings[1].code.push_str("fn f() { super::two::g() }");
    assert_eq!(circles(siblings), ["a/one.rs names a/two.rs", "a/two.rs names a/one.rs"]);
    let mut folders = order();
    folders[3].code.insert_str(0, "use crate::a::inner::deep as d; ");
    assert_eq!(circles(folders), ["a/two.rs names b.rs", "b.rs names a/one.rs"]);
}

/// A module by its path from the crate's root, `["rules", "judge"]`.
type Module = Vec<String>;

struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    path: String,
    /// Every path in it that begins with `crate`, `super`, `self` or one of its own modules.
    named: Vec<Vec<String>>,
    /// What its `use` lines bring in, by the name that it has here.
    imports: BTreeMap<String, Vec<String>>,
}

impl Crate {
    fn of(sources: Vec<Source>) -> Self {
        let tests = |source: &Source| source.path.split('/').any(|part| ["tests", "tests.rs"].contains(&part));
        let sources: Vec<_> = sources.into_iter().filter(|source| !tests(source) && source.path != "main.rs").collect();
        let modules: BTreeSet<Module> = sources.iter().map(|source| module(&source.path)).collect();
        let file = |source: &Source| {
            let at = module(&source.path);
            let code = without_tests(&source.code);
            let own = |name: &str| modules.contains(&at.iter().cloned().chain([name.to_owned()]).collect::<Module>());
            let starts = |name: &str| ["crate", "super", "self"].contains(&name) || own(name);
            let named = paths(&code, starts).into_iter().map(|(path, _)| path).collect();
            let used = code.split(';').filter_map(|line| line.rsplit_once("use ").map(|(_, tree)| tree));
            let imports = used.flat_map(|tree| tree_paths(tree).into_iter().map(|(path, name)| (name, path))).collect();
            (at, File { path: source.path.clone(), named, imports })
        };
        Self { files: sources.iter().map(file).collect() }
    }

    /// Of each folder the lines "x names y" that make its circles.
    fn circles(&self) -> Vec<String> {
        let edges: Vec<(&Module, &Module)> = self.edges();
        let folders: BTreeSet<&[String]> =
            self.files.keys().flat_map(|at| (0..at.len()).map(|depth| &at[..depth])).collect();
        let mut found = Vec::new();
        for folder in folders {
            // The file or folder directly below it; None: outside, or its own mod.rs.
            let below = |at: &Module| at.strip_prefix(folder).and_then(|rest| rest.first().cloned());
            let ties: Vec<_> = edges
                .iter()
                .filter_map(|(from, to)| Some(((below(from)?, below(to)?), (from, to))))
                .filter(|((from, to), _)| from != to)
                .collect();
            let next: BTreeSet<(&str, &str)> = ties.iter().map(|((a, b), _)| (a.as_str(), b.as_str())).collect();
            for ((from, to), (file, other)) in &ties {
                if reaches(&next, to, from) {
                    found.push(format!("{} names {}", self.files[**file].path, self.files[**other].path));
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// Each file with each other that it names.
    fn edges(&self) -> Vec<(&Module, &Module)> {
        let mut edges = BTreeSet::new();
        for (at, file) in &self.files {
            let named = file.named.iter().filter_map(|path| self.resolve(at, path, 0));
            edges.extend(named.filter(|to| *to != at).map(|to| (at, to)));
        }
        edges.into_iter().collect()
    }

    /// The file that a path in `at` leads to, re-exports followed.
    fn resolve<'a>(&'a self, at: &[String], path: &[String], depth: usize) -> Option<&'a Module> {
        let (mut base, mut rest) = (at.to_vec(), path);
        if rest.first()? == "crate" {
            (base, rest) = (Vec::new(), &rest[1..]);
        }
        while let Some(step) = rest.first().filter(|step| ["self", "super"].contains(&step.as_str())) {
            if step == "super" {
                base.pop();
            }
            rest = &rest[1..];
        }
        while let Some(step) = rest.first() {
            base.push(step.clone());
            if !self.files.contains_key(&base) {
                base.pop();
                break;
            }
            rest = &rest[1..];
        }
        let (module, file) = self.files.get_key_value(&base)?;
        let handed_on = rest.first().and_then(|name| file.imports.get(name)).filter(|_| depth < 8);
        handed_on.and_then(|import| self.resolve(module, import, depth + 1)).or(Some(module))
    }
}

/// `rules/judge/mod.rs` is `rules::judge`; `lib.rs` is the root.
fn module(path: &str) -> Module {
    let name = path.trim_end_matches(".rs").trim_end_matches("/mod");
    if name == "lib" { Vec::new() } else { name.split('/').map(str::to_owned).collect() }
}

/// The code up to its tests, which come last, and without where an item may be seen: `pub(in crate::rules)` names nothing.
fn without_tests(code: &str) -> String {
    let before = code.split("#[cfg(test)]mod tests{").next().unwrap_or_default();
    before.replace("pub(in crate::", "pub(")
}

/// The paths of the code whose first name is one of these, and the name that each has from there on.
fn paths(code: &str, starts: impl Fn(&str) -> bool) -> Vec<(Vec<String>, String)> {
    let ends = code.match_indices("::").map(|(at, _)| at);
    let begins = ends.map(|at| at - code[..at].chars().rev().take_while(|c| is_name(*c)).count());
    let whole = begins.filter(|at| !code[..*at].ends_with("::"));
    let first = |at: &usize| code[*at..].split("::").next().is_some_and(&starts);
    whole.filter(first).flat_map(|at| tree_paths(&code[at..])).collect()
}

/// The paths of a tree as `use` has it, `a::{b, c::{self, D as E}}`, each with the name that it has from there on. The tree
/// ends with the first sign that belongs to none.
fn tree_paths(tree: &str) -> Vec<(Vec<String>, String)> {
    let (mut found, mut groups, mut path) = (Vec::new(), vec![Vec::new()], Vec::new());
    let (mut alias, mut may_grow, mut rest) = (None, true, tree);
    loop {
        rest = rest.trim_start();
        let name: String = rest.chars().take_while(|c| is_name(*c)).collect();
        let sign = rest[name.len()..].chars().next();
        if may_grow && !name.is_empty() {
            rest = &rest[name.len()..];
            path.push(name);
            may_grow = false;
        } else if name == "as" {
            let named = rest[name.len()..].trim_start();
            alias = Some(named.chars().take_while(|c| is_name(*c)).collect::<String>());
            rest = named.trim_start_matches(is_name);
        } else if let Some(deeper) = rest.strip_prefix("::") {
            rest = deeper;
            may_grow = true;
        } else if may_grow && sign == Some('{') {
            groups.push(path.clone());
            rest = &rest[1..];
        } else {
            let before = groups.last().map_or(0, Vec::len);
            if path.len() > before {
                // `a::{self}` is a.
                path.pop_if(|last| last == "self" && before > 0);
                let name = alias.take().or_else(|| path.last().cloned());
                found.push((std::mem::take(&mut path), name.unwrap_or_default()));
            }
            match sign {
                Some('}') if groups.len() > 1 => drop(groups.pop()),
                Some(',') if groups.len() > 1 => {}
                Some('*') if may_grow => {}
                _ => return found,
            }
            path = groups.last().cloned().unwrap_or_default();
            may_grow = sign == Some(',');
            rest = &rest[1..];
        }
    }
}

/// Whether one can be reached from another by these steps.
fn reaches(next: &BTreeSet<(&str, &str)>, from: &str, to: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::from([from]), vec![from]);
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        open.extend(next.iter().filter(|(a, _)| *a == at).map(|(_, b)| *b).filter(|b| seen.insert(*b)));
    }
    false
}
