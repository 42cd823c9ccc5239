//! A visitor who has a keyboard alone.

use weir_testkit::browser::{Key, Look, Page, Told};
use weir_testkit::pipeline::another_build;

use crate::console::people::{ANA, ends, token};
use crate::console::swap::below_the_limit;

/// Goes to a link by the Tab key and follows it.
fn follows(page: &Page<'_>, name: &str) {
    page.tab_to("link", name);
    page.press_to_leave(Key::Enter);
}

fn presses(page: &Page<'_>, name: &str) {
    page.tab_to("button", name);
    page.press_to_leave(Key::Space);
}

fn told(role: &str, name: &str) -> Told {
    Told { role: role.into(), name: name.into() }
}

#[test]
fn everything_is_done_by_keyboard() {
    let console = below_the_limit("keyboard");
    console.publish(&another_build("high_amount"));
    console.visit_unknown("keyboard", &Look::DESK, |page| {
        page.go("/console/");
        page.sees("heading", "Sign in");
        assert_eq!(page.focused(), told("textbox", "Your token"), "one can begin to type");
        page.write(&token(ANA));
        page.press_to_leave(Key::Enter);
        page.sees("heading", "Now");

        page.press(Key::Tab);
        assert_eq!(page.focused(), told("link", "To the content"), "the first stop leads past the others");
        page.press(Key::Enter);
        let content: bool = page.value("document.activeElement === document.querySelector('main')");
        assert!(content, "the focus is at the content");
        page.check("content");
        stays_where_it_is(page);

        follows(page, "Rules");
        follows(page, "high_amount");
        page.tab_to("textbox", "limit decimal");
        page.write("1000");
        page.press(Key::Tab);
        page.press(Key::ShiftTab);
        assert_eq!(page.focused(), told("textbox", "limit decimal"), "Shift+Tab leads back");
        presses(page, "Show what it changes");
        page.sees("heading", "Change high_amount");
        page.tab_to("textbox", "Why (may be left out)");
        page.write("by keyboard");
        presses(page, "Change high_amount");
        page.says("Done: revision");
        page.check("changed");

        presses(page, "Show what a rollback changes");
        page.tab_to("textbox", "Why");
        page.write("by keyboard, too");
        presses(page, "Roll high_amount back");
        page.says("Done: revision");
        page.check("rolled back");
        presses(page, "Sign out");
        page.sees("heading", "Sign in");
    });
    ends(console);
}

/// The focus is in a part that refreshes; after three refreshes it is there still.
fn stays_where_it_is(page: &Page<'_>) {
    page.tab_to("group", "Partitions, worst first");
    let asked = "performance.getEntriesByType('resource').filter(of => of.initiatorType === 'fetch').length";
    let before: u32 = page.value(asked);
    weir_testkit::wait::until("three refreshes", || page.value::<u32>(asked) >= before + 3);
    assert_eq!(page.focused(), told("group", "Partitions, worst first"));
    page.go("/console/");
}
