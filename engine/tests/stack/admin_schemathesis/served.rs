//! An engine of a test's own with tokens, and a bare connection to its API.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::engine::Engine;

pub(crate) const VIEWER: &str = "viewer-2b7e151628aed2a6";
pub(crate) const PUBLISHER: &str = "publisher-abf7158809cf4f3c";

/// The pipeline with tokens.
pub(crate) fn guard(pipeline: TestPipeline) -> TestPipeline {
    let tokens = format!("tokens = {{ viewer = \"{VIEWER}\", publisher = \"{PUBLISHER}\" }}");
    pipeline.with("[admin]\n", &format!("[admin]\n{tokens}\n"))
}

/// An engine that is ready.
pub(crate) fn served(name: &str) -> (TestPipeline, Engine) {
    let pipeline = guard(TestPipeline::new(name));
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    (pipeline, engine)
}

/// A connection that fails a test instead of hanging it.
pub(crate) fn connect(pipeline: &TestPipeline) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", pipeline.admin)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Status and body of a read on a connection of its own.
pub(crate) fn get(pipeline: &TestPipeline, path: &str, token: &str) -> (u16, String) {
    let mut stream = connect(pipeline);
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}");
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (status(head), body.to_owned())
}

/// Of an answer that begins so.
pub(crate) fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {head:?}"))
}
