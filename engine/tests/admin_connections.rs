//! The admin API beside peers that are idle or slow: it goes on answering, and lets go of them.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

#[allow(dead_code)]
mod admin_fakes;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use admin_fakes::{Fakes, PUBLISHER};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A served API, and what stops it.
async fn served(fakes: &Fakes) -> (SocketAddr, tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let until = async move { stopped.await.unwrap_or(()) };
    let api = fakes.api();
    let server = tokio::spawn(async move { weir::admin::serve(listener, api, until).await.unwrap() });
    (at, stop, server)
}

async fn idle(at: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(TcpStream::connect(at).await.unwrap());
    }
    streams
}

/// The status of one request on a connection of its own.
async fn ask(at: SocketAddr, head: &str, body: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(format!("{head}\r\nhost: localhost\r\nconnection: close\r\n").as_bytes()).await.unwrap();
    stream.write_all(format!("content-length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}")).parse().unwrap()
}

async fn probe(at: SocketAddr) -> Duration {
    let asked = Instant::now();
    assert_eq!(ask(at, "GET /livez HTTP/1.1", b"").await, 200);
    asked.elapsed()
}

/// Sends a head that never ends, a byte now and then, until the connection is closed.
async fn dawdle(at: SocketAddr) -> Duration {
    let (began, mut stream) = (Instant::now(), TcpStream::connect(at).await.unwrap());
    stream.write_all(b"GET /livez HTTP/1.1\r\nx: ").await.unwrap();
    let mut answer = [0; 1024];
    loop {
        let pause = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut answer)).await;
        match pause {
            Err(_) if stream.write_all(b"y").await.is_ok() => {}
            Ok(Ok(1..)) => {}
            _ => return began.elapsed(),
        }
    }
}

#[tokio::test]
async fn five_hundred_idle_connections_and_slow_heads_keep_nobody_out() {
    let (at, _stop, _server) = served(&Fakes::default()).await;
    let mut streams = idle(at, 250).await;
    let slow: Vec<_> = (0..5).map(|_| tokio::spawn(dawdle(at))).collect();
    streams.extend(idle(at, 250).await);
    for _ in 0..20 {
        let took = probe(at).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    for slow in slow {
        assert!(slow.await.unwrap() < Duration::from_secs(13), "a head that never ends is not waited for");
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_and_so_is_a_connection_that_never_asks() {
    let (at, _stop, _server) = served(&Fakes::default()).await;
    let mut silent = TcpStream::connect(at).await.unwrap();
    let (took, read) = tokio::join!(dawdle(at), silent.read_u8());
    assert!(took > Duration::from_secs(8) && took < Duration::from_secs(13), "{took:?}");
    assert!(read.is_err(), "the silent one is at its end too");
}

#[tokio::test]
async fn a_request_that_is_being_answered_is_never_the_one_that_makes_room() {
    let fakes = Fakes::default();
    let (at, stop, server) = served(&fakes).await;
    let head = format!("POST /rules HTTP/1.1\r\ncontent-type: application/wasm\r\nauthorization: Bearer {PUBLISHER}");
    let slow = tokio::spawn(async move { ask(at, &head, b"\0asm slow").await });
    while fakes.seen.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let streams = idle(at, 400).await;
    probe(at).await;
    assert_eq!(slow.await.unwrap(), 504, "it ran into the API's own time-out, and the answer came");
    stop.send(()).unwrap();
    let stopping = Instant::now();
    server.await.unwrap();
    assert!(
        stopping.elapsed() < Duration::from_secs(1),
        "idle connections are not waited for: {:?}",
        stopping.elapsed()
    );
    drop(streams);
}
