//! How much is asked at once: requests, readers of the database, modules that are compiled.

use std::time::Duration;

use axum::http::StatusCode;
use tower::ServiceExt;
use weir_testkit::fakes::admin::client::{call, send};
use weir_testkit::fakes::admin::{Fakes, WASM};

use crate::admin_api::{MODULE, assert_problem};

#[tokio::test]
async fn one_request_too_many_is_turned_away_and_the_probes_are_not() {
    let fakes = Fakes { requests: 1, ..Fakes::default() };
    let api = fakes.api();
    let slow = tokio::spawn(api.clone().oneshot(call("POST", "/rules").body(MODULE, b"\0asm slow").request()));
    while fakes.seen.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let busy = send(&api, call("GET", "/rules")).await;
    assert_problem(&busy, 503);
    assert!(busy.headers.contains_key("retry-after"));
    assert_eq!(send(&api, call("GET", "/livez")).await.status, 200);
    assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(send(&api, call("GET", "/rules")).await.status, 200);
}

/// Whoever reads the database leaves checkpoints alone: two at once, the third waits for a second and is told.
#[tokio::test(start_paused = true)]
async fn a_third_reader_of_the_database_is_turned_away_and_the_rest_of_the_api_is_not() {
    let api = Fakes::default().api();
    let slow = || tokio::spawn(api.clone().oneshot(call("GET", "/windows?limit=17").request()));
    let readers = [slow(), slow()];
    tokio::time::sleep(Duration::from_millis(10)).await;
    let busy = send(&api, call("GET", "/activations")).await;
    assert_problem(&busy, 503);
    assert!(busy.headers.contains_key("retry-after"));
    assert_eq!(busy.json()["detail"], "2 requests are reading the database already");
    for path in ["/rules", "/pipeline", "/livez"] {
        assert_eq!(send(&api, call("GET", path)).await.status, 200, "{path}");
    }
    // The two end within the second that this one waits.
    assert_eq!(send(&api, call("GET", "/audit")).await.status, 200);
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn modules_that_are_still_compiled_after_the_time_out_hold_their_places() {
    let api = Fakes::default().api();
    let slow = || tokio::spawn(api.clone().oneshot(call("POST", "/rules").body(MODULE, b"\0asm slow").request()));
    for slow in [slow(), slow(), slow(), slow()] {
        assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
    }
    assert_problem(&send(&api, call("POST", "/rules").body(MODULE, WASM)).await, 503);
    assert_problem(&send(&api, call("POST", "/rules/check").body(MODULE, WASM)).await, 503);
    assert_eq!(send(&api, call("GET", "/rules")).await.status, 200);
}
