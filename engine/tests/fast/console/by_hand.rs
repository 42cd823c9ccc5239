//! The console over the fakes, for whoever looks at its pages without services.

use weir_testkit::fakes::admin::PUBLISHER;

use super::{ANALYST, READER, people};

/// `cargo test -p weir --test fast console::by_hand -- --ignored --nocapture`, until it is interrupted.
#[tokio::test]
#[ignore = "serves until it is interrupted"]
async fn pages_are_served_for_somebody_to_look_at() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    println!("http://{at}/console/ with {READER}, {ANALYST} or {PUBLISHER}");
    weir::admin::serve(listener, people().api(), std::future::pending()).await;
}
