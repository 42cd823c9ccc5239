//! Every document that a text of this repository names is in it, and so is the section, the link's target, the test and
//! the source file. A stranger can follow each of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::named::missing;
use super::root;

/// Folders of what is built, measured or drawn: no text of ours.
const SKIPPED: [&str; 8] = ["target", ".git", "rules.d", "data", "corpus", "artifacts", "results", "node_modules"];

/// Endings of text files. A file without one counts if it begins with `#!`, as scripts do, or is a Makefile.
const TEXTS: [&str; 9] = ["rs", "md", "toml", "py", "sh", "yml", "yaml", "wit", "txt"];

/// What a release said stays as it was, whatever became of the files that it names.
const HISTORY: &str = "CHANGELOG.md";

#[test]
fn every_document_and_section_that_is_named_exists() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    // The examples in this file are none.
    for file in texts().iter().filter(|file| !file.path.ends_with("layout/references.rs")) {
        for named in documents_in(&file.text) {
            seen += 1;
            wrong.extend(file.document_missing(&named));
        }
    }
    assert!(seen > 60, "only {seen} references were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut wrong = Vec::new();
    for file in texts().iter().filter(|file| file.is_document()) {
        for target in links_in(&file.text) {
            wrong.extend(file.link_missing(target));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_test_that_a_document_names_exists() {
    let mut wrong = Vec::new();
    for file in texts().iter().filter(|file| file.is_document() && !file.path.ends_with(HISTORY)) {
        for name in code_in(&file.text).filter(|code| code.contains(".rs::")) {
            wrong.extend(missing(name).map(|why| format!("{}: {why}", file.path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_source_file_that_a_document_names_exists() {
    let texts = texts();
    let sources: BTreeSet<String> = texts.iter().map(|file| format!("/{}", file.path.display())).collect();
    let mut wrong = Vec::new();
    for file in texts.iter().filter(|file| file.is_document() && !file.path.ends_with(HISTORY)) {
        let names = code_in(&file.text).filter(|code| code.ends_with(".rs") && !code.contains([' ', '*', '{', 'N']));
        for name in names {
            let end = format!("/{}", name.trim_start_matches("../"));
            if !sources.iter().any(|source| source.ends_with(&end)) {
                wrong.push(format!("{}: there is no source file {name}", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn references_are_found_in_each_of_their_forms() {
    let text = "see guides/a.md#one-two, B.md, \"Three, four\" and [c](d/e.md); *.md and https://x.org/f.md are none";
    let found: Vec<_> = documents_in(text).into_iter().map(|named| (named.path, named.section)).collect();
    let wanted = [
        ("guides/a.md", Some(Section::Anchor("one-two".into()))),
        ("B.md", Some(Section::Heading("Three, four".into()))),
        ("d/e.md", None),
    ];
    assert_eq!(found, wanted.map(|(path, section)| (path.to_owned(), section)));
    assert_eq!(slug("What `weir run` may do, and when?"), "what-weir-run-may-do-and-when");
    assert_eq!(links_in("[a](b.md) and ![c](d.svg) `[e](f)`").collect::<Vec<_>>(), ["b.md", "d.svg"]);
    let page = "# One `two`\n```sh\n# no heading\n```\n## One two\n";
    assert_eq!(anchors(page), BTreeSet::from(["one-two".into(), "one-two-1".into()]));
}

/// A text file of the repository.
pub(super) struct Text {
    /// From the root.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A document that some text names.
struct Named {
    path: String,
    section: Option<Section>,
}

#[derive(Debug, PartialEq)]
enum Section {
    /// `path/x.md#the-anchor`
    Anchor(String),
    /// `path/x.md, "The heading"`, or with the word section between.
    Heading(String),
}

impl Text {
    fn is_document(&self) -> bool {
        self.path.extension().is_some_and(|ending| ending == "md")
    }

    /// The file that a path names, from the root or from the folder of this text.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        let beside = self.path.parent().unwrap_or(Path::new("")).join(path);
        [PathBuf::from(path), beside].into_iter().map(|path| plain(&root().join(path))).find(|path| path.exists())
    }

    fn document_missing(&self, named: &Named) -> Option<String> {
        let at = self.path.display();
        let Some(path) = self.resolve(&named.path) else {
            return Some(format!("{at}: there is no document {}", named.path));
        };
        let text = fs::read_to_string(&path).unwrap_or_default();
        match named.section.as_ref()? {
            Section::Anchor(anchor) if anchors(&text).contains(anchor) => None,
            Section::Heading(heading) if headings(&text).any(|line| line == heading) => None,
            section => Some(format!("{at}: {} has no section {section:?}", named.path)),
        }
    }

    fn link_missing(&self, target: &str) -> Option<String> {
        if target.contains("://") || target.starts_with("mailto:") {
            return None;
        }
        let at = self.path.display();
        let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let path = if path.is_empty() { root().join(&self.path) } else { root().join(folder).join(path) };
        if !path.exists() {
            return Some(format!("{at}: the link to {target} leads nowhere"));
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let there = anchor.is_none_or(|anchor| anchors(&text).contains(anchor));
        (!there).then(|| format!("{at}: the link to {target} names no section"))
    }
}

/// Without `..` and `.`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

pub(super) fn texts() -> Vec<Text> {
    let (mut texts, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder of the repository") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            let (path, kind) = (folder.join(&name), entry.file_type().expect("a kind"));
            if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
                folders.push(path);
            } else if kind.is_file() && is_text(&root().join(&path)) {
                // What is not UTF-8 is no text of ours.
                let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
                texts.push(Text { path, text });
            }
        }
    }
    assert!(texts.len() > 300, "only {} texts were found", texts.len());
    texts
}

fn is_text(path: &Path) -> bool {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some(ending) => TEXTS.contains(&ending),
        None => {
            let named = path.file_name().is_some_and(|name| name == "Makefile" || name == "Dockerfile");
            named || fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"#!"))
        }
    }
}

/// Every `….md` of a text, with the section behind it. Not those of URLs, nor `*.md`.
fn documents_in(text: &str) -> Vec<Named> {
    let in_path = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let in_anchor = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut found = Vec::new();
    for (at, _) in text.match_indices(".md") {
        let (before, after) = (&text[..at], &text[at + 3..]);
        if after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let start =
            before.rfind(|c| !in_path(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let name = &before[start..];
        let only_a_pattern = name.is_empty() || name.ends_with(['/', '.']);
        if only_a_pattern || name.starts_with("//") {
            continue;
        }
        let anchor = after.strip_prefix('#').map(|rest| &rest[..rest.find(|c| !in_anchor(c)).unwrap_or(rest.len())]);
        let heading = [", \"", ", section \"", " section \""].iter().find_map(|mark| after.strip_prefix(mark));
        let section = match (anchor, heading.and_then(|rest| rest.split_once('"'))) {
            (Some(anchor), _) if !anchor.is_empty() => Some(Section::Anchor(anchor.to_owned())),
            (_, Some((heading, _))) => Some(Section::Heading(heading.to_owned())),
            _ => None,
        };
        found.push(Named { path: format!("{name}.md"), section });
    }
    found
}

/// The targets of `[text](target)`, but for those in code.
fn links_in(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split('`').step_by(2);
    prose.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// What is between backticks, line by line, code blocks left out.
fn code_in(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| line.split('`').skip(1).step_by(2))
}

fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !in_block && !fence
    })
}

/// The texts of a document's headings.
fn headings(text: &str) -> impl Iterator<Item = &str> {
    prose(text).filter_map(|line| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then(|| title.strip_prefix(' ')).flatten()
    })
}

/// The anchors of a document's headings, as GitHub makes them.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in headings(text) {
        let slug = slug(heading);
        let numbered = (1..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone()).chain(numbered).find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}
