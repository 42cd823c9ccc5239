//! Bodies of 1 GiB: refused early, whatever their head says of them, and nothing of them is kept.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use crate::admin_schemathesis::alone;
use crate::admin_schemathesis::served::{PUBLISHER, connect, served, status};
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::wait::Fair;

const BODY: u64 = 1 << 30;
/// What the kernel holds of a connection that nobody reads from, and some room: Linux grows each side to 6 MiB.
const IN_FLIGHT: u64 = 24 << 20;

/// Every path that takes a body, its type and the most that it takes.
const PATHS: [(&str, &str, &str, u64); 6] = [
    ("POST", "/rules", "application/wasm", 8 << 20),
    ("POST", "/rules/check", "application/wasm", 8 << 20),
    ("PATCH", "/rules/high_amount", "application/json", 1 << 20),
    ("POST", "/rules/high_amount/rollback", "application/json", 1 << 20),
    ("POST", "/evaluate", "application/json", 1 << 20),
    ("POST", "/evaluate", "application/x-ndjson", 1 << 20),
];

struct Sent {
    answer: String,
    bytes: u64,
    took: Duration,
}

/// Sends until the service closes; reads meanwhile, as curl does.
fn flood(pipeline: &TestPipeline, method: &str, path: &str, kind: &str, token: &str, chunked: bool) -> Sent {
    let (began, mut stream) = (Fair::start(), connect(pipeline));
    let length = if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {BODY}") };
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n{length}\r\n");
    stream.write_all(format!("{head}authorization: Bearer {token}\r\n\r\n").as_bytes()).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let spaces = [b' '; 1 << 16];
        let mut bytes = 0;
        while bytes < BODY {
            let block = [&b"10000\r\n"[..], &spaces, b"\r\n"];
            let sent = if chunked {
                block.iter().try_for_each(|part| writer.write_all(part))
            } else {
                writer.write_all(&spaces)
            };
            if sent.is_err() {
                break;
            }
            bytes += spaces.len() as u64;
        }
        bytes
    });
    let mut answer = Vec::new();
    let mut block = [0; 4096];
    // An end or a reset: closed either way. A time-out would be neither.
    let end = loop {
        match stream.read(&mut block) {
            Ok(0) => break None,
            Ok(read) => answer.extend(&block[..read]),
            Err(why) => break Some(why),
        }
    };
    let closed = end.as_ref().is_none_or(|why| why.kind() == std::io::ErrorKind::ConnectionReset);
    assert!(closed, "{method} {path} chunked {chunked}: not closed: {end:?}");
    let _ = stream.shutdown(Shutdown::Both);
    Sent { answer: String::from_utf8(answer).unwrap(), bytes: sending.join().unwrap(), took: began.elapsed() }
}

#[test]
fn bodies_of_a_gibibyte_are_refused_early_and_cost_no_memory() {
    let _alone = alone();
    let (pipeline, engine) = served("bodies");
    let before = engine.memory();
    engine.forget_peak();
    for (method, path, kind, limit) in PATHS {
        for chunked in [false, true] {
            let case = format!("{method} {path} {kind} chunked {chunked}");
            let Sent { answer, bytes, took } = flood(&pipeline, method, path, kind, PUBLISHER, chunked);
            assert_eq!(status(&answer), 413, "{case}: {answer}");
            assert!(answer.contains("urn:weir:problem:too-large") && answer.contains("connection: close"), "{answer}");
            let read = if chunked { limit } else { 0 };
            assert!(bytes < read + IN_FLIGHT, "{case}: {bytes} bytes were taken");
            assert!(took < Duration::from_secs(20), "{case}: {took:?}");
        }
    }
    for (path, token, wanted) in [("/rules", "a guess", 401), ("/nowhere", PUBLISHER, 404)] {
        let Sent { answer, bytes, .. } = flood(&pipeline, "POST", path, "application/wasm", token, true);
        assert_eq!(status(&answer), wanted, "{answer}");
        assert!(bytes < IN_FLIGHT, "{path}: {bytes} bytes were taken");
    }
    // Those that would be held together, if any were.
    std::thread::scope(|scope| {
        let flood = || flood(&pipeline, "POST", "/evaluate", "application/json", PUBLISHER, true);
        let floods: Vec<_> = (0..16).map(|_| scope.spawn(flood)).collect();
        for flood in floods {
            assert_eq!(status(&flood.join().unwrap().answer), 413);
        }
    });
    let peak = engine.peak_memory();
    println!("memory: {before} MiB before, {peak} MiB at most");
    assert!(peak < before + 64, "memory grew from {before} to {peak} MiB");
    engine.stop();
}
