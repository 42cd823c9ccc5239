//! Who may call what: by a token, without one, from another page, after wrong guesses.

use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt;
use weir_testkit::fakes::admin::client::{call, read, send};
use weir_testkit::fakes::admin::{Fakes, PUBLISHER, VIEWER, WASM};

use crate::admin_api::{MODULE, PATCH, assert_problem};

#[tokio::test]
async fn a_viewer_reads_a_publisher_writes_and_a_stranger_sees_the_probes_only() {
    let api = Fakes::default().api();
    let publish = |token| call("POST", "/rules").body(MODULE, WASM).token(token);
    let evaluate = |token| call("POST", "/evaluate").body(PATCH, "{}").token(token);
    let rows: &[(&str, Option<&str>, u16, u16, u16)] = &[
        ("nobody", None, 401, 401, 401),
        ("stranger", Some("wrong"), 401, 401, 401),
        ("empty", Some(""), 401, 401, 401),
        ("viewer", Some(VIEWER), 200, 403, 200),
        ("publisher", Some(PUBLISHER), 200, 201, 200),
    ];
    for (who, token, read, write, evaluated) in rows {
        for path in ["/rules", "/metrics", "/openapi.json", "/pipeline"] {
            assert_eq!(send(&api, call("GET", path).token(*token)).await.status, *read, "{who} {path}");
        }
        assert_eq!(send(&api, publish(*token)).await.status, *write, "{who}");
        assert_eq!(send(&api, evaluate(*token)).await.status, *evaluated, "{who}");
        for method in ["PATCH", "DELETE"] {
            let status =
                send(&api, call(method, "/rules/nobody").token(*token).body(PATCH, r#"{"order":1}"#)).await.status;
            assert_eq!(status, if *write == 201 { 404 } else { *write }, "{who} {method}");
        }
        for probe in ["/livez", "/readyz"] {
            assert_eq!(send(&api, call("GET", probe).token(*token)).await.status, 200, "{who} {probe}");
        }
    }
    let refused = send(&api, call("GET", "/nowhere").token(None)).await;
    assert_problem(&refused, 401);
    assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
}

#[tokio::test]
async fn without_tokens_all_is_open_to_this_machine_and_shut_to_pages_of_another() {
    let api = Fakes { tokens: None, ..Fakes::default() }.api();
    assert_eq!(send(&api, call("POST", "/rules").token(None).body(MODULE, WASM)).await.status, 201);
    for (header, value, status) in [
        ("host", "127.0.0.1:8080", 200),
        ("host", "localhost:8080", 200),
        ("host", "[::1]:8080", 200),
        ("host", "evil.example:8080", 403),
        ("origin", "http://localhost:3000", 200),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
    ] {
        let request = Request::get("/rules").header(header, value).body(Body::empty()).unwrap();
        let answer = read(api.clone().oneshot(request).await.unwrap()).await;
        assert_eq!(answer.status, status, "{header}: {value}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing_with_a_token_or_without() {
    let (with, without) = (Fakes::default(), Fakes { tokens: None, ..Fakes::default() });
    for (fakes, token) in [(with, Some(PUBLISHER)), (without, None)] {
        let api = fakes.api();
        let host = ("host", "127.0.0.1:8080");
        let cases: [(&[(&str, &str)], u16); 13] = [
            (&[host], 200),
            (&[host, ("origin", "http://127.0.0.1:8080")], 200),
            (&[host, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")], 200),
            (&[host, ("sec-fetch-site", "none")], 200),
            (&[("host", "localhost"), ("origin", "http://LOCALHOST:80")], 200),
            (&[("host", "localhost"), ("origin", "https://localhost:80")], 403),
            // Another service of this machine: the same host, another port.
            (&[host, ("origin", "http://127.0.0.1:3000")], 403),
            (&[host, ("origin", "http://localhost:8080")], 403),
            (&[host, ("origin", "null")], 403),
            (&[host, ("sec-fetch-site", "cross-site")], 403),
            (&[host, ("sec-fetch-site", "same-site")], 403),
            (&[host, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "cross-site")], 403),
            (&[("origin", "http://127.0.0.1:8080")], 403),
        ];
        for (headers, status) in cases {
            // What a page may send without being asked first: no body, no type.
            let mut request = Request::post("/rules/high_amount/rollback");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let answer = read(api.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()).await;
            assert_eq!(answer.status, status, "{headers:?}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn an_address_with_ten_wrong_tokens_waits_also_with_a_right_one_and_others_do_not() {
    let api = Fakes::default().api();
    let ask = async |from: &str, path: &str, token: Option<&str>| {
        let mut request = call("GET", path).token(token).request();
        let peer: std::net::SocketAddr = from.parse().unwrap();
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        read(api.clone().oneshot(request).await.unwrap()).await
    };
    // A request without a token is no guess.
    for _ in 0..20 {
        assert_eq!(ask("10.0.0.7:1", "/rules", None).await.status, 401);
    }
    for number in 0..10 {
        assert_eq!(ask("10.0.0.7:1", "/rules", Some(&format!("guess-{number}"))).await.status, 401);
    }
    for token in ["guess-10", VIEWER, PUBLISHER] {
        let answer = ask("10.0.0.7:2", "/rules", Some(token)).await;
        assert_problem(&answer, 429);
        assert_eq!(answer.headers["retry-after"], "60");
    }
    assert_eq!(ask("10.0.0.7:3", "/livez", Some(VIEWER)).await.status, 200);
    assert_eq!(ask("10.0.0.8:1", "/rules", Some(VIEWER)).await.status, 200);
    // Callers of this machine share an address with the operator and with a proxy.
    for _ in 0..20 {
        assert_eq!(ask("127.0.0.1:1", "/rules", Some("guess")).await.status, 401);
    }
    assert_eq!(ask("127.0.0.1:1", "/rules", Some(VIEWER)).await.status, 200);
}
