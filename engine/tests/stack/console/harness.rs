//! That the browser of the tests sees what it should: a page that is as every page has to be passes however one looks at it, and each
//! fault fails the journey, in words that name it. The pages here are the test's own, under the policy that the console's will have.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::Router;
use axum::extract::Query;
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use weir_testkit::browser::{Browser, Key, Look, Page, Site, Told, journey};

/// Nothing but what comes from here, and no text that becomes markup or code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types weir";

/// A page with this between its heading and its end.
fn page(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>{title}</title>\
         <meta name=viewport content=\"width=device-width\"><meta name=color-scheme content=\"light dark\">\
         <link rel=icon href=/icon.svg><link rel=stylesheet href=/style.css></head>\
         <body><main><h1>{title}</h1>{content}</main></body></html>"
    )
}

fn under(policy: &'static str, body: String) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(body)).into_response()
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

#[derive(Deserialize)]
struct Limit {
    limit: String,
}

const RULE: &str = "<form action=/set><p><label>Limit <input name=limit value=500></label></p>\
                    <p><label>Mode <select name=mode><option>live<option>shadow</select></label></p>\
                    <p><button type=button id=ask>Set</button></p>\
                    <dialog aria-label=\"Set the limit?\"><h2>Set the limit?</h2>\
                    <button>Yes</button> <button type=button id=no>No</button></dialog>\
                    <noscript><p><button>Set at once</button></p></noscript></form>\
                    <p><a href=/slow>The slow page</a></p><script type=module src=/rule.js></script>";

/// Without a script the form is sent at once; with one it asks first.
const SCRIPT: &str = "const dialog = document.querySelector('dialog');
document.getElementById('ask').addEventListener('click', () => dialog.showModal());
document.getElementById('no').addEventListener('click', () => dialog.close());";

/// The button is under an element that a script takes away after a while.
const COVERED: &str = "<p><button type=button>Uncovered</button></p><p id=said></p>\
                       <div id=cover></div><script type=module src=/cover.js></script>";
const COVER: &str = "setTimeout(() => document.getElementById('cover').remove(), 400);
document.querySelector('button').addEventListener('click', () => { document.getElementById('said').textContent = 'clicked'; });";

/// Without a background of its own axe takes a dark page for a white one.
const STYLE: &str = "html { background: Canvas; color: CanvasText; } body { font: 1rem sans-serif; } #cover { position: fixed; inset: 0; } .wide { width: 120rem; }";

fn pages() -> Router {
    let of =
        |title: &'static str, content: &'static str| get(move || async move { under(POLICY, page(title, content)) });
    let free = |title: &'static str, content: &'static str| get(move || async move { under("", page(title, content)) });
    let script = |text: &'static str| get(move || async move { file("text/javascript", text) });
    let set = |Query(Limit { limit }): Query<Limit>| async move { Redirect::to(&format!("/done?limit={limit}")) };
    let done = |Query(Limit { limit }): Query<Limit>| async move {
        under(POLICY, page("Done", &format!("<p>It is {limit} now</p>")))
    };
    Router::new()
        .route("/style.css", get(|| async { file("text/css", STYLE) }))
        .route("/icon.svg", get(|| async { file("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>") }))
        .route("/rule", of("Rule", RULE))
        .route("/rule.js", script(SCRIPT))
        .route("/set", get(set))
        .route("/done", get(done))
        .route("/covered", of("Covered", COVERED))
        .route("/cover.js", script(COVER))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(std::time::Duration::from_millis(700)).await;
                under(POLICY, page("Slow", "<p>It came</p>"))
            }),
        )
        // Each has one fault.
        .route("/error", of("Error", "<script type=module src=/error.js></script>"))
        .route("/error.js", script("console.error('the list is empty', 7)"))
        .route("/throws", of("Throws", "<script type=module src=/throws.js></script>"))
        .route("/throws.js", script("null.nothing"))
        .route("/inline", of("Inline", "<script>window.ran = true</script>"))
        .route("/markup", of("Markup", "<p id=here></p><script type=module src=/markup.js></script>"))
        .route("/markup.js", script("try { document.getElementById('here').innerHTML = '<b>x</b>' } catch {}"))
        .route("/elsewhere", free("Elsewhere", "<img alt=x src=http://elsewhere.example/x.png>"))
        .route("/missing", of("Missing", "<img alt=x src=/nothing.png>"))
        .route("/nameless", of("Nameless", "<p><input name=amount></p>"))
        .route("/wide", of("Wide", "<p class=wide>Wide</p>"))
}

#[test]
fn a_page_that_is_as_it_should_be_passes_however_one_looks_at_it() {
    let (site, browser) = (Site::of(pages()), Browser::start());
    for (name, look) in [("desk", Look::DESK), ("narrow", Look::NARROW), ("dark", Look::DARK), ("plain", Look::PLAIN)] {
        browser.visit(&format!("harness.{name}"), &look, site.origin(), |page| {
            page.go("/rule");
            page.sees("heading", "Rule");
            assert_eq!(page.status(), 200);
            page.fill("Limit", "750");
            page.choose("Mode", "shadow");
            page.check("filled");
            if look.scripts {
                page.click("button", "Set");
                page.check("asked");
                page.follow("button", "Yes");
            } else {
                page.follow("button", "Set at once");
            }
            assert_eq!(page.address(), "/done?limit=750");
            page.says("It is 750 now");
            let dark: bool = page.value("matchMedia('(prefers-color-scheme: dark)').matches");
            let width: u32 = page.value("innerWidth");
            assert_eq!((dark, width), (look.dark, look.width));
        });
    }
}

#[test]
fn a_visitor_with_a_keyboard_alone_comes_through() {
    let site = Site::of(pages());
    journey("harness.keyboard", &Look::DESK, site.origin(), |page| {
        page.go("/rule");
        page.tab_to("textbox", "Limit");
        page.write("6");
        page.tab_to("button", "Set");
        page.press(Key::Enter);
        page.sees("dialog", "Set the limit?");
        page.press(Key::Escape);
        page.misses("dialog", "Set the limit?");
        assert_eq!(page.focused(), Told { role: "button".into(), name: "Set".into() });
        page.press(Key::Space);
        page.tab_to("button", "Yes");
        page.press_to_leave(Key::Enter);
        page.says("It is 6 now");
    });
}

#[test]
fn an_act_waits_until_it_is_possible() {
    let site = Site::of(pages());
    journey("harness.waits", &Look::DESK, site.origin(), |page| {
        page.go("/covered");
        page.click("button", "Uncovered");
        page.says("clicked");
        page.go("/rule");
        page.follow("link", "The slow page");
        page.sees("heading", "Slow");
        page.reload();
        page.says("It came");
        assert!(page.weight() > 100, "{}", page.weight());
        assert!(page.first_paint().as_millis() > 0);
        page.hide();
        page.show();
    });
}

#[test]
fn what_no_visitor_sees_fails_the_journey_in_words_that_name_it() {
    let (site, browser) = (Site::of(pages()), Browser::start());
    for (path, wanted) in [
        ("/error", "the console has an error: the list is empty 7"),
        ("/throws", "nobody caught: TypeError"),
        ("/inline", "against the Content-Security-Policy: script-src"),
        ("/markup", "against the Content-Security-Policy: require-trusted-types-for"),
        ("/elsewhere", "a request to another origin: http://elsewhere.example/x.png"),
        ("/missing", "a status of 404"),
        ("/nameless", "a barrier, label"),
        ("/wide", "the page is 19"),
    ] {
        let walk = |page: &Page<'_>| {
            page.go(path);
            page.check("faulty");
        };
        let name = format!("harness.fault.{}", path.trim_matches('/'));
        let walked = catch_unwind(AssertUnwindSafe(|| browser.visit(&name, &Look::DESK, site.origin(), walk)));
        let why = walked.expect_err(path);
        let said = why.downcast_ref::<String>().map(String::as_str).unwrap_or_default();
        assert!(said.contains(wanted), "{path}: {wanted:?} is wanted, and it said {said:?}");
        let picture = weir_testkit::stack::root().join(format!("target/screenshots/{name}.01.faulty.png"));
        assert!(std::fs::read(&picture).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG")), "{}", picture.display());
    }
}

#[test]
fn two_visitors_of_one_browser_have_no_cookie_in_common() {
    let (site, browser) = (Site::of(pages()), Browser::start());
    browser.visit("harness.first", &Look::DESK, site.origin(), |first| {
        first.go("/rule");
        first.value::<String>("document.cookie = 'who=first; SameSite=Strict'");
        let cookies = first.cookies();
        assert_eq!((cookies.len(), cookies[0].name.as_str(), cookies[0].http_only), (1, "who", false), "{cookies:?}");
        assert_eq!(cookies[0].same_site.as_deref(), Some("Strict"));
        browser.visit("harness.second", &Look::DESK, site.origin(), |second| {
            second.go("/rule");
            assert_eq!(second.value::<String>("document.cookie"), "");
        });
        let tab = first.tab("other");
        tab.go("/rule");
        assert_eq!(tab.value::<String>("document.cookie"), "who=first");
        tab.check("rule");
    });
}
