//! Windows and alerts in a browser, over the fakes: their pages are as every page has to be in each look, and say in words what a
//! picture shows.

use weir::config::May;
use weir_testkit::browser::{Look, Page, Site, journey};
use weir_testkit::fakes::admin::{FakeWindows, Fakes, IBAN};

const ANA: &str = "ana-of-the-browser-01";
const REA: &str = "rea-of-the-browser-02";

fn site(sensitive: bool) -> Site {
    let people = vec![("ana", ANA, May::ALL.to_vec()), ("rea", REA, vec![May::Read])];
    let types = ["CASH_OUT", "PAYMENT", "<b>TRANSFER</b>"].map(str::to_owned).to_vec();
    Site::of(Fakes { people, sensitive, windows: FakeWindows { more: 40, types }, ..Fakes::default() }.api())
}

fn signs_in(page: &Page<'_>, token: &str, first: &str) {
    page.go(first);
    page.fill("Your token", token);
    page.follow("button", "Sign in");
}

#[test]
fn windows_are_charted_and_open_ones_and_late_records_are_told_by_words_too() {
    let site = site(false);
    let looks = [Look::DESK, Look::DARK, Look::NARROW, Look::PLAIN];
    for (name, look) in ["windows.desk", "windows.dark", "windows.narrow", "windows.plain"].into_iter().zip(looks) {
        journey(name, &look, site.origin(), |page| {
            signs_in(page, ANA, "/console/windows");
            page.sees("image", "amount_sum");
            page.says("open: can still change");
            page.says("late records are among them");
            page.says("<b>TRANSFER</b>");
            page.says("1970-01-01 00:03:20");
            page.check("all");
            page.choose("Rows", "100");
            page.follow("button", "Show");
            page.says("There may be older rows than these");
            page.check("some");
            page.go("/console/windows?final=true&from=2026-01-01T00:00");
            page.says("There is no such window");
            page.check("none");
        });
    }
}

#[test]
fn alerts_are_grouped_stand_still_in_a_pause_and_go_on() {
    let site = site(false);
    for (name, look) in [("alerts.desk", Look::DESK), ("alerts.narrow", Look::NARROW), ("alerts.plain", Look::PLAIN)] {
        journey(name, &look, site.origin(), |page| {
            signs_in(page, ANA, "/console/alerts");
            page.says("8 flagged records were not sent");
            page.check("all");
            page.follow("link", IBAN);
            assert_eq!(page.address(), format!("/console/alerts?key={IBAN}"));
            page.says("AMOUNT_HIGH ×9");
            page.follow("link", "Pause here");
            page.says("0 messages came since");
            page.check("paused");
            page.follow("link", "Go on");
            page.choose("Group by", "code");
            page.follow("button", "Show");
            page.says("By code, the most first");
        });
    }
}

#[test]
fn who_may_not_see_values_sees_alerts_by_code_without_keys() {
    let site = site(true);
    journey("alerts.reader", &Look::DARK, site.origin(), |page| {
        signs_in(page, REA, "/console/alerts");
        page.says("iban is sensitive");
        page.says("By code, the most first");
        page.misses("textbox", "Key");
        page.check("hidden");
        page.go("/console/windows");
        page.says("Not shown to you: measures of sensitive fields.");
        page.check("windows");
    });
}
