//! A module that is not taken, why, and the next one that is.

use std::path::PathBuf;

use weir_testkit::browser::{Look, Page};
use weir_testkit::guest::{self, Guest};
use weir_testkit::pipeline::TestPipeline;

use crate::console::people::{ANA, Console, ends, row, row_says};

/// What a rule must not have: a way out of its room.
fn imports_wasi() -> Vec<u8> {
    let good = Guest::good("fresh");
    let import = r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
    let text = good.text().replacen("(module", import, 1);
    guest::typed(&text, include_str!("../../../../sdk/wit/rule.wit"), good.encoding)
}

fn file(pipeline: &TestPipeline, name: &str, wasm: &[u8]) -> PathBuf {
    let path = pipeline.folder.path().join(name);
    std::fs::write(&path, wasm).expect("the folder is writable");
    path
}

/// From the page of the form to the page that shows what came of the check.
pub(super) fn upload(page: &Page<'_>, file: &std::path::Path, mode: Option<&str>) {
    page.attach("The .wasm file of a rule", file);
    if let Some(mode) = mode {
        page.choose("Mode", mode);
    }
    page.follow("button", "Check it, and show what it changes");
}

#[test]
fn a_bad_module_is_uploaded_and_mended() {
    let console = Console::start(TestPipeline::new("module").with_workers(1));
    let bad = file(&console.pipeline, "bad.wasm", &imports_wasi());
    let text = file(&console.pipeline, "text.wasm", b"a rule, some day");
    let good = file(&console.pipeline, "good.wasm", &guest::module("fresh", guest::GOOD));
    let before = console.revision();
    console.visit("module", &Look::DESK, ANA, |page| {
        page.follow("link", "Rules");
        page.follow("link", "Publish a module");
        page.check("form");
        for (file, status, told) in [(&text, 415, "WebAssembly"), (&bad, 422, "wasi_snapshot_preview1")] {
            page.expect_status(status);
            upload(page, file, None);
            assert_eq!(page.status(), status, "{}", page.text());
            page.says("The module was not taken:");
            page.says(told);
            page.says("What to do: ");
            page.check("findings");
        }
        assert_eq!(console.revision(), before, "nothing was published");

        upload(page, &good, Some("shadow: it judges and is counted"));
        page.sees("heading", "Publish fresh 1.0.0");
        page.says(&format!("What it changes, from revision {before}"));
        page.says("shadow");
        page.sees("rowheader", "BAD");
        page.check("plan");
        assert_eq!(console.revision(), before, "showing it changed nothing");
        page.fill("Why (may be left out)", "tried beside the others first");
        page.follow("button", "Publish fresh 1.0.0");
        page.sees("heading", "fresh");
        page.says(&format!("Done: revision {}.", before + 1));
        page.says("shadow");
        page.check("published");

        page.follow("link", "Audit");
        let audited = row(page, &(before + 1).to_string());
        for told in ["ana", "fresh", "tried beside the others first"] {
            assert!(audited.contains(told), "{told:?}: {audited}");
        }
        page.check("audit");
        page.follow("link", "Rules");
        row_says(page, "fresh", "shadow");
    });
    let fresh = console.rule("fresh");
    assert_eq!(fresh["mode"], "shadow", "{fresh}");
    ends(console);
}
