//! What the documents name is there: tests by file and function, and the messages of docs/errors.md in the sources.

use std::collections::BTreeSet;
use std::fs;

use proc_macro2::{TokenStream, TokenTree};

use super::{is_name, root, rust_files, src};

/// The ids of the faults that bench/reliability.md answers for, each with a row of its own.
const FAULTS: [(char, u8); 8] = [('A', 7), ('B', 3), ('C', 6), ('D', 14), ('E', 5), ('F', 6), ('H', 6), ('I', 5)];

/// The folders of engine/tests: where a test is named, the binary that it is in is left out.
const BINARIES: [&str; 4] = ["fast", "stack", "chaos", "repo"];

/// That each of them is there, `references` says of all documents.
#[test]
fn the_protocol_s_documents_name_their_tests() {
    for (path, least) in [
        ("docs/interleavings.md", 30),
        ("docs/protocol.md", 40),
        ("docs/decoding.md", 15),
        ("docs/rule-runtime.md", 30),
    ] {
        let text = document(path);
        let named: BTreeSet<_> = text.split('`').filter(|word| word.contains(".rs::")).collect();
        assert!(named.len() >= least, "{path} names {}: {named:?}", named.len());
    }
}

/// So that nobody claims a message whose words no test has seen.
#[test]
fn every_message_in_the_list_of_errors_names_a_test_that_is_there() {
    for row in rows("docs/errors.md", "# Messages") {
        let [message, cause, hint, tests] = &row[..] else { panic!("docs/errors.md: four cells are wanted: {row:?}") };
        assert!([message, cause, hint].iter().all(|cell| !cell.is_empty()), "docs/errors.md: an empty cell in {row:?}");
        for test in tests.split(", ") {
            let name = test.strip_prefix('`').and_then(|test| test.strip_suffix('`')).unwrap_or_default();
            assert_eq!(missing(name), None, "docs/errors.md, {message}: {tests}");
        }
    }
}

/// A message that is written anew has to be written anew in the list, too.
#[test]
fn every_message_in_the_list_of_errors_stands_in_the_code() {
    let said = literals();
    for row in rows("docs/errors.md", "# Messages") {
        let fragments = fragments(&row[0]);
        let longest = fragments.iter().max_by_key(|fragment| fragment.len()).expect("a message has words");
        for fragment in fragments.iter().filter(|fragment| fragment.len() >= 10 || *fragment == longest) {
            assert!(said.contains(fragment.as_str()), "docs/errors.md, {}: no source says {fragment:?}", row[0]);
        }
    }
}

/// What a program tells apart is in the list by its name: the codes of conditions, of dead letters and of problems.
#[test]
fn the_list_of_errors_holds_every_code() {
    let list = document("docs/errors.md");
    let (_, list) = list.split_once("<!-- end of what is made -->").expect("the tables come after the index of codes");
    let codes = codes();
    assert!(codes.len() > 40, "{codes:?}");
    let lacks: Vec<_> = codes.iter().filter(|code| !list.contains(&format!("`{code}`"))).collect();
    assert!(lacks.is_empty(), "docs/errors.md lacks {lacks:?}");
}

/// The index of codes is made from the code. `make docs` writes it.
#[test]
fn docs_errors_lists_the_codes_that_the_code_has() {
    let list = |codes: BTreeSet<String>| codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "- Dead letters (header `weir.code`; a rule's own codes beside these): {}.\n\
         - Conditions (`/readyz`, `GET /pipeline`, `weir_conditions`): {}.\n\
         - Problems of the API (the end of `type`): {}.",
        list(letter_codes()),
        list(conditions()),
        list(problem_codes())
    );
    weir_testkit::made::hold("docs/errors.md", &text);
}

/// Free words may be beside the names; a row whose tests are still to be written begins with "open: ".
#[test]
fn every_test_that_answers_for_a_fault_is_there() {
    for row in rows("bench/reliability.md", "## Faults that trying it found") {
        let [id, tests, _] = &row[..] else { panic!("bench/reliability.md: three cells are wanted: {row:?}") };
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() || tests.starts_with("open: "), "bench/reliability.md, {id}: names no test");
        named.into_iter().for_each(|name| assert_eq!(missing(name), None, "bench/reliability.md, {id}"));
    }
}

#[test]
fn every_fault_has_its_row() {
    let rows = rows("bench/reliability.md", "## Faults that trying it found");
    let there: BTreeSet<_> = rows.iter().filter_map(|row| row[0].split(' ').next()).map(str::to_owned).collect();
    let numbered =
        FAULTS.iter().chain(&[('J', 3)]).flat_map(|(kind, most)| (1..=*most).map(move |n| format!("{kind}{n}")));
    let lacks: Vec<_> = numbered.chain(["G".to_owned()]).filter(|id| !there.contains(id)).collect();
    assert!(lacks.is_empty(), "bench/reliability.md has no row of {lacks:?}");
}

#[test]
fn a_row_is_read_with_its_escapes_and_a_message_is_taken_apart() {
    assert_eq!(cells(r"| a \| b | `c` | d |"), ["a | b", "`c`", "d"]);
    let message = r"`CODE_OF_IT`: … is no \_\_name\_\_: write … / take it out";
    assert_eq!(fragments(message), ["CODE_OF_IT", "is no __name__", "write", "take it out"]);
    assert_eq!(
        text_of(
            r#""a \"b\" \
                           c\\d {{e}}""#
        ),
        "a \"b\" c\\d {e}"
    );
    assert_eq!(text_of("r#\"a \\\"b\"#"), "a \\\"b");
    assert!(missing("layout/named.rs::no_such_test").is_some() && missing("layout/named.rs").is_some());
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// What is wrong with the name of a test, `path/file.rs::test`: below a binary's folder in engine/tests, below engine where it begins with
/// `src/`, or from the root where it begins with `sdk/`.
pub(super) fn missing(name: &str) -> Option<String> {
    let Some((file, test)) = name.split_once(".rs::") else { return Some(format!("{name:?} is no `file.rs::test`")) };
    let below = |binary: &str| root().join("engine/tests").join(binary).join(format!("{file}.rs"));
    let path = match file.split('/').next() {
        Some("src") => root().join("engine").join(format!("{file}.rs")),
        Some("sdk") => root().join(format!("{file}.rs")),
        _ => BINARIES.map(below).into_iter().find(|path| path.is_file()).unwrap_or_else(|| below("*")),
    };
    match fs::read_to_string(&path) {
        Ok(source) if source.contains(&format!("fn {test}(")) && test.chars().all(is_name) => None,
        Ok(_) => Some(format!("{} has no test {test:?}", path.display())),
        Err(why) => Some(format!("{}: {why}", path.display())),
    }
}

/// The rows of a document's tables from a heading on, without their own headings.
fn rows(path: &str, heading: &str) -> Vec<Vec<String>> {
    let text = document(path);
    let from = text.find(heading).unwrap_or_else(|| panic!("{path} has no {heading:?}"));
    let lines: Vec<&str> = text[from..].lines().collect();
    let is_rule = |at: usize| lines.get(at).is_some_and(|line| line.starts_with("|---"));
    let rows: Vec<_> = (0..lines.len())
        .filter(|at| lines[*at].starts_with('|') && !is_rule(*at) && !is_rule(*at + 1))
        .map(|at| cells(lines[at]))
        .collect();
    assert!(rows.len() > 30, "{path} has {} rows", rows.len());
    rows
}

fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "\u{0}");
    inner.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

/// The pieces of a message that a source writes in one go: between what differs (`…`), code (backticks), the joints of an error's
/// chain (`: `) and one wording and the next (` / `); without the signs at their ends.
fn fragments(message: &str) -> Vec<String> {
    let plain = message.replace("\\_", "_").replace(": ", "…").replace(" / ", "…").replace('`', "…");
    plain
        .split('…')
        .map(|piece| piece.trim_matches([' ', ',', ';', '.', '(', ')']).to_owned())
        .filter(|piece| !piece.is_empty())
        .collect()
}

/// The literals of the engine's code, tests left out, one a line.
fn literals() -> String {
    let mut all = String::new();
    for path in rust_files() {
        let name = path.strip_prefix(src()).expect("below src").to_string_lossy().into_owned();
        if name.contains("tests") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        collect(code.parse().expect("Rust"), &mut all);
    }
    all
}

/// Doc comments, which are attributes with a text, say nothing to anybody who runs the engine.
fn collect(tokens: TokenStream, all: &mut String) {
    let doc = |tokens: &TokenStream| {
        tokens.clone().into_iter().next().is_some_and(|first| matches!(first, TokenTree::Ident(name) if name == "doc"))
    };
    for token in tokens {
        match token {
            TokenTree::Group(group) if !doc(&group.stream()) => collect(group.stream(), all),
            TokenTree::Literal(literal) => {
                let literal = literal.to_string();
                if literal.starts_with(['"', 'r']) {
                    all.push_str(&text_of(&literal));
                    all.push('\n');
                }
            }
            _ => {}
        }
    }
}

/// A literal as it is printed, without what `format!` puts in.
fn text_of(literal: &str) -> String {
    if let Some(raw) = literal.strip_prefix('r') {
        return raw.trim_matches('#').trim_matches('"').to_owned();
    }
    let body = literal.trim_start_matches('"');
    let body = body.strip_suffix('"').unwrap_or(body);
    let mut text = String::new();
    let mut characters = body.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek().copied()) {
            ('\\', Some('\n')) => while characters.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                characters.next();
                text.push('\n');
            }
            ('\\', Some(escaped)) => {
                characters.next();
                text.push(escaped);
            }
            ('{', Some('{')) | ('}', Some('}')) => {
                characters.next();
                text.push(c);
            }
            _ => text.push(c),
        }
    }
    text
}

fn codes() -> BTreeSet<String> {
    letter_codes().into_iter().chain(problem_codes()).chain(conditions()).collect()
}

/// The engine's own codes of dead letters.
fn letter_codes() -> BTreeSet<String> {
    let text = source("model/catalog.rs");
    let (_, codes) = text.split_once("ENGINE_CODES").expect("the codes of dead letters");
    let (codes, _) = codes.split_once("];").expect("the end of these codes");
    quoted(codes).into_iter().collect()
}

/// The last words of problems' URNs, each as `(StatusCode::CONFLICT, "conflict", …)`.
fn problem_codes() -> BTreeSet<String> {
    let text = source("admin/problem.rs");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let arm = |arm: &str| Some(arm.split_once(',')?.1.trim_start().strip_prefix('"')?.split_once('"')?.0.to_owned());
    code.split("(StatusCode::").skip(1).filter_map(arm).collect()
}

fn source(path: &str) -> String {
    fs::read_to_string(src().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// The codes that some `raise` names: as a literal, a constant of its file, or the `code:` of a struct.
fn conditions() -> BTreeSet<String> {
    let sources: Vec<_> = rust_files().iter().map(|path| fs::read_to_string(path).expect("a source file")).collect();
    let code = |text: &str| text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    let sources: Vec<_> = sources.iter().map(|text| code(text)).collect();
    let mut codes = BTreeSet::new();
    for source in &sources {
        for call in source.split(".raise(").skip(1) {
            let argument = call.split(',').nth(1).unwrap_or_default().trim();
            let after = |start: &str, text: &str| quoted(text.split_once(start)?.1).into_iter().next();
            let found: Vec<_> = if argument.starts_with('"') {
                quoted(argument)
            } else if argument.ends_with(".code") {
                sources
                    .iter()
                    .flat_map(|text| text.split("code: \"").skip(1))
                    .filter_map(|rest| after("", &format!("\"{rest}")))
                    .collect()
            } else {
                after(&format!("const {argument}: &str ="), source).into_iter().collect()
            };
            assert!(!found.is_empty(), "what code is {argument:?}?");
            codes.extend(found.into_iter().filter(|code| code.contains('.')));
        }
    }
    codes
}

/// The texts between quotes; none of them holds one.
fn quoted(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
