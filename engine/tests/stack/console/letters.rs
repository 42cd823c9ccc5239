//! Dead letters, a record and Try in a browser, over the fakes: their pages are as every page has to be in each look, and whoever looks
//! for a reason finds it with scripts and without.

use weir::config::May;
use weir_testkit::browser::{Look, Page, Site, journey};
use weir_testkit::fakes::admin::Fakes;

const ANA: &str = "ana-of-the-browser-01";
const REA: &str = "rea-of-the-browser-02";

fn site(sensitive: bool) -> Site {
    let people = vec![("ana", ANA, May::ALL.to_vec()), ("rea", REA, vec![May::Read])];
    Site::of(Fakes { people, sensitive, ..Fakes::default() }.api())
}

fn signs_in(page: &Page<'_>, token: &str, first: &str) {
    page.go(first);
    page.fill("Your token", token);
    page.follow("button", "Sign in");
}

#[test]
fn a_letter_is_found_by_its_group_and_tried_with_scripts_and_without() {
    let site = site(false);
    for (name, look) in [
        ("letters.desk", Look::DESK),
        ("letters.plain", Look::PLAIN),
        ("letters.narrow", Look::NARROW),
        ("letters.dark", Look::DARK),
    ] {
        journey(name, &look, site.origin(), |page| {
            signs_in(page, ANA, "/console/dead-letters");
            page.says("About 1,234 were passed over");
            page.check("groups");
            page.follow("link", "IBAN_BLOCKED");
            page.says("Found, newest first");
            page.check("found");
            page.follow("link", "0@0");
            page.says("DE8937040044 is blocked");
            page.says("IBAN_SEEN");
            page.check("letter");
            page.follow("link", "3@18234771");
            page.says("In the source topic");
            page.check("record");
            page.follow("link", "Try it with the rules");
            page.says("It would be a dead letter");
            page.check("tried");
            page.follow("button", "Make a test of it for high_amount");
            page.says("fn a_test_of_high_amount() {");
            page.check("test");
        });
    }
}

#[test]
fn a_position_is_typed_and_a_parameter_changed_on_the_spot() {
    let site = site(false);
    journey("letters.position", &Look::DESK, site.origin(), |page| {
        signs_in(page, ANA, "/console/");
        page.follow("link", "Dead letters");
        page.fill("Position of the record", "3@18,234,771");
        page.follow("button", "Find");
        page.says("These are all");
        assert!(page.address().contains("position=3%4018%2C234%2C771"), "{}", page.address());
        page.follow("link", "Try");
        page.fill("Or paste one", "{\"amount\": 1.50}");
        page.click("DisclosureTriangle", "high_amount, live");
        page.fill("most, in force: 1000", "5");
        page.follow("button", "Judge");
        page.says("high_amount, live: changed");
        page.says("AMOUNT_HIGH");
        page.check("changed");
    });
}

#[test]
fn who_may_not_see_values_sees_code_rule_and_position_and_a_word_why_no_more() {
    let site = site(true);
    journey("letters.reader", &Look::DESK, site.origin(), |page| {
        signs_in(page, REA, "/console/dead-letters");
        page.says("iban is sensitive");
        page.misses("textbox", "Key");
        page.misses("link", "Download as NDJSON");
        page.check("groups");
        page.follow("link", "0@0");
        page.says("IBAN_SEEN");
        page.misses("link", "Download the bytes");
        page.check("letter");
        page.follow("link", "Try it with the rules of now");
        page.says("They can't be changed for this record");
        page.misses("button", "Make a test of it for high_amount");
        page.check("tried");
        assert!(!page.text().contains("DE8937040044"), "{}", page.text());
    });
}
