//! The console over the fakes, for whoever looks at its pages without services.

use weir_testkit::fakes::admin::{FakeWindows, Fakes, PUBLISHER};

use super::{ANALYST, READER, people};

/// `cargo test -p weir --test fast console::by_hand -- --ignored --nocapture`, until it is interrupted.
#[tokio::test]
#[ignore = "serves until it is interrupted"]
async fn pages_are_served_for_somebody_to_look_at() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    println!("http://{at}/console/ with {READER}, {ANALYST} or {PUBLISHER}");
    let types = ["CASH_OUT", "PAYMENT", "TRANSFER"].map(str::to_owned).to_vec();
    let fakes = Fakes { windows: FakeWindows { more: 40, types }, ..people() };
    weir::admin::serve(listener, fakes.api(), std::future::pending()).await;
}
