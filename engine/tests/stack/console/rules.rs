//! Rules in a browser, over the fakes: their pages are as every page has to be in each look, and changes go through with scripts and
//! without. What a change does to records is the journeys' over a running engine.

use weir::config::May;
use weir_testkit::browser::{Look, Page, Site, journey};
use weir_testkit::fakes::admin::{Fakes, WASM};

const ANA: &str = "ana-of-the-browser-01";
const REA: &str = "rea-of-the-browser-02";

fn site() -> Site {
    let people = vec![("ana", ANA, May::ALL.to_vec()), ("rea", REA, vec![May::Read])];
    Site::of(Fakes { people, ..Fakes::default() }.api())
}

fn signs_in(page: &Page<'_>, token: &str, first: &str) {
    page.go(first);
    page.fill("Your token", token);
    page.follow("button", "Sign in");
}

#[test]
fn a_parameter_is_set_and_a_version_rolled_back_with_scripts_and_without() {
    let site = site();
    for (name, look) in [("rules.desk", Look::DESK), ("rules.plain", Look::PLAIN), ("rules.narrow", Look::NARROW)] {
        journey(name, &look, site.origin(), |page| {
            signs_in(page, ANA, "/console/rules");
            page.says("Revision 4, rules: 1");
            page.check("list");
            page.follow("link", "high_amount");
            page.says("from 0@7");
            page.check("rule");
            page.fill("most decimal", "750.00");
            page.follow("button", "Show what it changes");
            page.says("AMOUNT_HIGH no longer flags a record");
            page.check("plan");
            page.fill("Why (may be left out)", "a lower limit");
            page.follow("button", "Change high_amount");
            page.says("Done: revision 6.");
            assert_eq!(page.address(), "/console/rules/high_amount?done=6");
            page.follow("button", "Show what a rollback changes");
            page.fill("Why", "it flags too much");
            page.check("rollback");
            page.follow("button", "Roll high_amount back");
            page.says("Done: revision 7.");
        });
    }
}

#[test]
fn a_bad_module_is_refused_with_what_to_mend_and_a_good_one_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let [bad, good] = ["bad.wasm", "good.wasm"].map(|name| folder.path().join(name));
    std::fs::write(&bad, b"\0asm bad").unwrap();
    std::fs::write(&good, WASM).unwrap();
    let site = site();
    journey("rules.publish", &Look::DESK, site.origin(), |page| {
        page.expect_status(422);
        signs_in(page, ANA, "/console/publish");
        page.attach("The .wasm file of a rule", &bad);
        page.follow("button", "Check it, and show what it changes");
        page.says("it imports wasi_snapshot_preview1.fd_write");
        page.check("refused");
        page.attach("The .wasm file of a rule", &good);
        page.choose("Mode", "shadow: it judges and is counted");
        page.follow("button", "Check it, and show what it changes");
        page.says("Every check passed.");
        page.check("plan");
        page.fill("Why (may be left out)", "asked for");
        page.follow("button", "Publish high_amount 1.2.0");
        page.says("Done: revision 5.");
    });
}

#[test]
fn who_may_only_read_finds_a_word_in_place_of_each_button_also_in_dark_colors() {
    let site = site();
    journey("rules.reader", &Look::DARK, site.origin(), |page| {
        signs_in(page, REA, "/console/rules");
        page.says("Changing rules takes the right to publish, which you have not.");
        page.check("list");
        page.follow("link", "high_amount");
        page.misses("button", "Show what it changes");
        page.check("rule");
        page.follow("link", "Audit");
        page.says("a first try");
        page.check("audit");
        page.go("/console/publish");
        page.misses("button", "Check it, and show what it changes");
        page.check("publish");
    });
}
