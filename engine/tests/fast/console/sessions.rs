//! Signing in, staying in and being let out.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use tower::ServiceExt;
use weir_testkit::fakes::admin::client::{call, read, send};
use weir_testkit::fakes::admin::{Fakes, VIEWER};

use super::{ANALYST, READER, ROLES, browse, cookie, location, people, session, submit};

#[tokio::test]
async fn somebody_signs_in_sees_a_page_and_signs_out() {
    let api = people().api();
    for first in ["/", "/console", "/console/"] {
        let answer = send(&api, browse(first)).await;
        assert_eq!((answer.status, location(&answer)), (303, "/console/sign-in?next=/console/"), "{first}");
    }
    let form = send(&api, browse("/console/sign-in?next=/console/")).await;
    assert_eq!(form.status, 200);
    assert!(form.text.contains("action=\"/console/sign-in\"") && !form.text.contains("Sign out"), "{}", form.text);

    let wrong = send(&api, submit("/console/sign-in", "token=wrong&next=/console/")).await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.text.contains("is not one of [admin.tokens]") && !wrong.headers.contains_key("set-cookie"));

    let right = send(&api, submit("/console/sign-in", &format!("token={ANALYST}&next=/console/"))).await;
    assert_eq!((right.status, location(&right)), (303, "/console/"));
    let kept = cookie(&right).to_owned();
    assert!(kept.starts_with("weir-session-fraud=ana.") && !kept.contains(ANALYST), "{kept}");
    assert!(kept.ends_with("; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict"), "{kept}");
    let session = kept.split(';').next().unwrap().to_owned();

    let now = send(&api, browse("/console/").header("cookie", session.clone())).await;
    assert_eq!(now.status, 200);
    for part in ["<h1>Now</h1>", "data-live", "ana</span>", "may read, values, publish", "Sign out", "revision 4"] {
        assert!(now.text.contains(part), "{part:?} is not in {}", now.text);
    }
    let again = send(&api, browse("/console/sign-in").header("cookie", session.clone())).await;
    assert_eq!((again.status, location(&again)), (303, "/console/"), "she is signed in already");
    let out = send(&api, submit("/console/sign-out", "").header("cookie", session)).await;
    assert_eq!((out.status, location(&out)), (303, "/console/sign-in"));
    assert!(cookie(&out).starts_with("weir-session-fraud=; Max-Age=0;"), "{}", cookie(&out));
}

#[tokio::test]
async fn the_tokens_without_a_name_sign_in_too() {
    let api = Fakes::default().api();
    for (name, token) in ROLES {
        let session = session(&api, token).await;
        let page = send(&api, browse("/console/").header("cookie", session)).await;
        assert!(page.status == 200 && page.text.contains(&format!("{name}</span>")), "{}", page.text);
    }
}

#[tokio::test]
async fn a_password_that_a_proxy_asked_for_is_no_token_and_counts_as_no_guess() {
    let api = people().api();
    let session = session(&api, READER).await;
    for _ in 0..20 {
        let mut request =
            browse("/console/").header("cookie", session.clone()).header("authorization", "Basic YTpi").request();
        request.extensions_mut().insert(ConnectInfo("10.0.0.7:1".parse::<SocketAddr>().unwrap()));
        assert_eq!(read(api.clone().oneshot(request).await.unwrap()).await.status, 200);
    }
}

#[tokio::test]
async fn a_session_is_good_at_every_instance_that_has_the_token_and_at_no_other() {
    let session = session(&people().api(), READER).await;
    let ask =
        async |fakes: Fakes| send(&fakes.api(), browse("/console/").header("cookie", session.clone())).await.status;
    assert_eq!(ask(people()).await, 200);
    assert_eq!(ask(Fakes::default()).await, 303, "she is not known there");
    let mut replaced = people();
    replaced.people[0].1 = "reader-token-number-9";
    assert_eq!(ask(replaced).await, 303, "her token is another one by now");
    assert_eq!(ask(Fakes { tokens: Some((READER, ANALYST)), ..Fakes::default() }).await, 303, "it is somebody else's");
}

#[tokio::test]
async fn behind_tls_the_cookie_goes_over_tls_only_and_to_this_host_alone() {
    let api = Fakes { public_url: Some("https://weir.example.com"), ..people() }.api();
    let form = call("POST", "/console/sign-in").token(None).header("host", "127.0.0.1:8080");
    let form = form.body("application/x-www-form-urlencoded", format!("token={READER}"));
    let answer = send(&api, form.header("origin", "https://weir.example.com")).await;
    let kept = cookie(&answer).to_owned();
    assert!(kept.starts_with("__Host-weir-session-fraud=rea.") && kept.ends_with("; Secure"), "{kept}");
    let session = kept.split(';').next().unwrap().to_owned();
    assert_eq!(send(&api, browse("/console/").header("cookie", session.clone())).await.status, 200);
    let bare = session.trim_start_matches("__Host-").to_owned();
    assert_eq!(
        send(&api, browse("/console/").header("cookie", bare)).await.status,
        303,
        "any host of the domain could set it"
    );
}

/// A page of somebody else's can make a browser send the cookie's host a form, and a script of the API's own host any path.
#[tokio::test]
async fn a_session_changes_nothing_but_from_a_page_of_the_console_and_opens_no_path_of_the_api() {
    let api = people().api();
    let session = session(&api, ANALYST).await;
    for path in ["/rules", "/pipeline", "/metrics", "/openapi.json"] {
        assert_eq!(send(&api, browse(path).header("cookie", session.clone())).await.status, 401, "{path}");
    }
    let publish = call("POST", "/rules").token(None).header("origin", "http://localhost:8080");
    let publish = publish.header("host", "localhost:8080").header("cookie", session.clone());
    assert_eq!(send(&api, publish).await.status, 401);

    let host = ("host", "localhost:8080");
    let own = ("origin", "http://localhost:8080");
    for (headers, status) in [
        (vec![host, own], 404),
        (vec![host, own, ("sec-fetch-site", "same-origin")], 404),
        (vec![host, ("sec-fetch-site", "same-origin")], 404),
        (vec![host], 403),
        (vec![host, ("origin", "https://evil.example")], 403),
        (vec![host, ("origin", "null")], 403),
        (vec![host, own, ("sec-fetch-site", "cross-site")], 403),
        (vec![host, ("sec-fetch-site", "same-site")], 403),
    ] {
        let mut form = call("POST", "/console/nowhere").token(None).header("cookie", session.clone());
        for (name, value) in &headers {
            form = form.header(name, *value);
        }
        assert_eq!(send(&api, form).await.status, status, "{headers:?}");
    }
    // Nor does anybody sign a browser in or out by a page of theirs.
    for path in ["/console/sign-in", "/console/sign-out"] {
        let foreign = call("POST", path).token(None).header("host", "localhost:8080");
        let foreign = foreign.body("application/x-www-form-urlencoded", format!("token={ANALYST}"));
        assert_eq!(send(&api, foreign.header("origin", "https://evil.example")).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn wrong_tokens_in_the_form_and_in_headers_are_counted_together() {
    let api = people().api();
    let ask = async |form: bool, token: &str| {
        let body = format!("token={token}");
        let call = if form { submit("/console/sign-in", &body) } else { call("GET", "/rules").token(Some(token)) };
        let mut request = call.request();
        request.extensions_mut().insert(ConnectInfo("10.0.0.7:1".parse::<SocketAddr>().unwrap()));
        read(api.clone().oneshot(request).await.unwrap()).await
    };
    for number in 0..5 {
        assert_eq!(ask(true, &format!("guess-{number}")).await.status, 403);
        assert_eq!(ask(false, &format!("guess-{number}")).await.status, 401);
    }
    let waits = ask(true, ANALYST).await;
    assert_eq!(waits.status, 429, "{}", waits.text);
    assert_eq!(waits.headers["retry-after"], "60");
    assert!(waits.text.contains("wrong tokens came from this address") && !waits.headers.contains_key("set-cookie"));
    assert_eq!(ask(false, VIEWER).await.status, 429);
}

#[tokio::test]
async fn where_another_site_led_the_browser_goes_on_by_itself_and_then_shows_who_it_is() {
    let api = people().api();
    let led = send(&api, browse("/console/?a=%22b").header("sec-fetch-site", "cross-site")).await;
    assert_eq!(led.status, 200);
    assert!(led.text.contains("http-equiv=\"refresh\" content=\"0; url=/console/?a=%22b\""), "{}", led.text);
    let from_here = send(&api, browse("/console/?a=%22b").header("sec-fetch-site", "same-origin")).await;
    assert_eq!((from_here.status, location(&from_here)), (303, "/console/sign-in?next=/console/%3Fa%3D%2522b"));
}

#[tokio::test]
async fn nobody_is_sent_out_of_the_console_by_signing_in() {
    let api = people().api();
    for next in ["https://evil.example/", "//evil.example", "/console//evil.example", "/console/%5C", "/rules", ""] {
        let answer = send(&api, submit("/console/sign-in", &format!("token={READER}&next={next}"))).await;
        assert_eq!((answer.status, location(&answer)), (303, "/console/"), "{next}");
    }
}

#[tokio::test]
async fn without_tokens_the_console_is_open_to_this_machine_and_nobody_signs_in() {
    let api = Fakes { tokens: None, ..Fakes::default() }.api();
    let page = send(&api, browse("/console/")).await;
    assert!(page.status == 200 && page.text.contains("No token is asked for"), "{}", page.text);
    assert!(!page.text.contains("Sign out"));
    assert_eq!(location(&send(&api, browse("/console/sign-in")).await), "/console/");
    let rebound = call("GET", "/console/").token(None).header("host", "evil.example:8080");
    let refused = send(&api, rebound).await;
    assert_eq!(refused.status, 403);
    assert!(!refused.text.contains("revision 4"), "{}", refused.text);
}

#[tokio::test]
async fn where_hosts_are_listed_no_other_name_is_served_but_to_probes() {
    let api = Fakes { hosts: vec!["weir.internal"], ..people() }.api();
    let ask = async |path: &'static str, host: &str| {
        send(&api, call("GET", path).token(Some(VIEWER)).header("host", host)).await.status
    };
    for (host, status) in
        [("weir.internal:8080", 200), ("localhost:8080", 200), ("10.0.0.5:8080", 200), ("evil.example", 403)]
    {
        assert_eq!(ask("/rules", host).await, status, "{host}");
        assert_eq!(ask("/livez", host).await, 200, "{host}");
    }
    let page = send(&api, call("GET", "/console/sign-in").token(None).header("host", "evil.example")).await;
    assert_eq!(page.status, 403);
    assert!(
        page.text.contains("admin.hosts") && page.headers["content-type"] == "text/html; charset=utf-8",
        "{}",
        page.text
    );
}
