//! Parts of docs/ that are made from the code. Tests hold that each is what the code says; with `UPDATE_DOCS=1` they write it.

use std::path::Path;

/// The line before a made part begins so, and says from what it is made.
const BEGIN: &str = "<!-- made from ";
const END: &str = "<!-- end of what is made -->";

/// Compares the made part of a document with what it should be, or writes it. `document`: its path from the repository's root.
///
/// # Panics
/// If they differ, or the document has no such part.
pub fn hold(document: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{document}: {why}"));
    let begin = text.find(BEGIN).unwrap_or_else(|| panic!("{document} has no line {BEGIN:?}"));
    let begin = begin + text[begin..].find('\n').expect("the line ends") + 1;
    let end = begin + text[begin..].find(END).unwrap_or_else(|| panic!("{document} has no line {END:?}"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let whole = format!("{}\n{}\n\n{}", &text[..begin], wanted.trim(), &text[end..]);
        std::fs::write(&path, whole).expect("the document can be written");
        return;
    }
    let how = "make docs";
    assert!(text[begin..end].trim() == wanted.trim(), "{document} is not what the code says: run {how}");
}
