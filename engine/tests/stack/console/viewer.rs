//! What one may not do is no button, and nothing that another page could have a browser do.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use weir_testkit::browser::{Look, Page, Site};
use weir_testkit::pipeline::TestPipeline;

use crate::console::people::{ANA, BEN, Console, ends, payment, sign_in, token};

/// A page of a stranger's that has the browser of whoever looks at it change a rule.
fn stranger(origin: &str, revision: u64) -> Site {
    let form = format!(
        "<!doctype html><html lang=en><title>Win</title><h1>Win</h1>\
         <form method=post action=\"{origin}/console/rules/high_amount/change\">\
         <input type=hidden name=action value=patch><input type=hidden name=revision value={revision}>\
         <input type=hidden name=set.limit value=1><input type=hidden name=reason value=luck><button>Win</button></form>"
    );
    Site::of(Router::new().route("/", get(move || async move { Html(form) })))
}

#[test]
fn a_viewer_is_stopped() {
    let console = Console::start(TestPipeline::new("viewer").with_workers(1));
    console.judges(&[payment("4.20", "C1", "M1")]);
    let revision = console.revision();

    console.visit("viewer.ben", &Look::DESK, BEN, |page| {
        has_no_buttons(page);
        let cookies = page.cookies();
        let [session] = cookies.as_slice() else { panic!("{cookies:?}") };
        assert_eq!((session.http_only, session.same_site.as_deref()), (true, Some("Strict")), "{session:?}");
        let posted: u16 = page.value(
            "fetch('/console/rules/high_amount/change', {
                method: 'POST', body: new URLSearchParams({ action: 'patch', revision: '1', 'set.limit': '1' }),
            }).then(answer => answer.status)",
        );
        page.expect_status(403);
        assert_eq!(posted, 403, "whoever sends the form nevertheless is told so, too");

        page.go("/console/");
        page.sees("heading", "Now");
        let other = token(BEN).replace("journeys", "evening");
        let text = std::fs::read_to_string(console.pipeline.config()).expect("the configuration");
        std::fs::write(console.pipeline.config(), text.replace(&token(BEN), &other)).expect("it is writable");
        console.engine.borrow().signal("HUP");
        page.says("the session has ended");
        page.check("ended");
        page.go("/console/rules");
        page.sees("heading", "Sign in");
        page.fill("Your token", &token(BEN));
        page.follow("button", "Sign in");
        assert_eq!(page.status(), 403, "the old token is nobody's any more");
        page.says("the token is not one of");
        page.check("refused");
        page.fill("Your token", &other);
        page.follow("button", "Sign in");
        page.sees("heading", "Rules");
        page.follow("button", "Sign out");
        page.sees("heading", "Sign in");
        assert_eq!(page.cookies(), []);
    });

    let site = stranger(&console.origin(), revision);
    console.visit_unknown("viewer.ana", &Look::DESK, |page| {
        page.go("/console/rules");
        sign_in(page, ANA);
        page.sees("heading", "Rules");
        // A request to another origin by its own doing: it is not checked.
        let elsewhere = page.tab_at("elsewhere", site.origin());
        elsewhere.go("/");
        elsewhere.follow("button", "Win");
        assert_eq!(elsewhere.status(), 403, "{}", elsewhere.text());
        page.reload();
        page.says(&format!("Revision {revision}"));
    });
    assert_eq!(console.revision(), revision, "nothing of all that changed the rule set");
    ends(console);
}

fn has_no_buttons(page: &Page<'_>) {
    page.follow("link", "Rules");
    page.sees("heading", "Rules");
    page.says("Changing rules takes the right to publish, which you have not.");
    page.misses("link", "Publish a module");
    page.check("rules");
    page.follow("link", "high_amount");
    page.sees("heading", "high_amount");
    page.says("Changing a rule takes the right to publish, which you have not.");
    for button in ["Show what it changes", "Show what a rollback changes", "Show what retiring changes"] {
        page.misses("button", button);
    }
    assert_eq!(page.names("textbox"), [""; 0]);
    page.check("rule");
    page.go("/console/publish");
    page.says("Publishing takes the right to publish, which you have not.");
    page.misses("button", "Check it, and show what it changes");
    page.check("publish");
}
