//! The admin API beside peers that are idle or slow: it goes on answering, and lets go of them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use weir_testkit::fakes::admin::{Fakes, PUBLISHER, WASM};
use weir_testkit::wait::Fair;

/// For an answer that waits for none of the slow ones, which have 10 s or more; a busy machine is slow by itself.
const SOON: Duration = Duration::from_secs(5);

/// A served API, and what stops it.
async fn served(fakes: &Fakes) -> (SocketAddr, tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let socket = TcpSocket::new_v4().unwrap();
    // So that little of an answer is on its way to a peer that does not read.
    socket.set_send_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1024).unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let until = async move { stopped.await.unwrap_or(()) };
    let server = tokio::spawn(weir::admin::serve(listener, fakes.api(), until));
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
    let asked = Fair::start();
    assert_eq!(ask(at, "GET /livez HTTP/1.1", b"").await, 200);
    asked.elapsed()
}

/// Sends a head that never ends, a byte now and then, until the connection is closed.
async fn dawdle(at: SocketAddr) -> Fair {
    let (began, mut stream) = (Fair::start(), TcpStream::connect(at).await.unwrap());
    stream.write_all(b"GET /livez HTTP/1.1\r\nx: ").await.unwrap();
    let mut answer = [0; 1024];
    loop {
        let pause = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut answer)).await;
        match pause {
            Err(_) if stream.write_all(b"y").await.is_ok() => {}
            Ok(Ok(1..)) => {}
            _ => return began,
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
        assert!(took < SOON, "{took:?}");
    }
    for slow in slow {
        assert!(slow.await.unwrap().elapsed() < Duration::from_secs(13), "a head that never ends is not waited for");
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_and_so_is_a_connection_that_never_asks() {
    let (at, _stop, _server) = served(&Fakes::default()).await;
    let mut silent = TcpStream::connect(at).await.unwrap();
    let (took, read) = tokio::join!(dawdle(at), silent.read_u8());
    let (wall, fair) = (took.wall(), took.elapsed());
    assert!(wall > Duration::from_secs(8) && fair < Duration::from_secs(13), "{wall:?}, {fair:?}");
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
    let stopping = Fair::start();
    server.await.unwrap();
    assert!(stopping.elapsed() < SOON, "idle connections are not waited for: {:?}", stopping.elapsed());
    drop(streams);
}

/// Sends the head of a request with a body of which a byte comes now and then; the answer's status, once the connection is
/// closed, and how long that took: all of it, and fairly.
async fn trickle(at: SocketAddr, line: &str, media_type: &str) -> (u16, Duration, Duration) {
    let (began, mut stream) = (Fair::start(), TcpStream::connect(at).await.unwrap());
    let head = format!("{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {PUBLISHER}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(format!("content-type: {media_type}\r\ncontent-length: 1000\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        match tokio::time::timeout(Duration::from_millis(100), stream.read_buf(&mut answer)).await {
            Err(_) if stream.write_all(b"x").await.is_ok() => {}
            Ok(Ok(1..)) => {}
            _ => break,
        }
    }
    let status = String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer within {:?}", began.wall())), began.wall(), began.elapsed())
}

/// What others meet meanwhile.
async fn others_are_answered(at: SocketAddr) {
    assert!(probe(at).await < SOON);
    let asked = Fair::start();
    assert_eq!(ask(at, &format!("GET /rules HTTP/1.1\r\nauthorization: Bearer {PUBLISHER}"), b"").await, 200);
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn bodies_that_come_by_the_byte_are_cut_when_the_request_s_time_is_over_and_keep_nobody_out() {
    let (at, _stop, _server) = served(&Fakes::default()).await;
    let lines = ["POST /rules", "POST /rules", "POST /rules/check", "POST /rules/check", "POST /evaluate"];
    let slow = lines.map(|line| tokio::spawn(trickle(at, line, "application/wasm")));
    // What needs no body does not wait for it.
    for line in ["GET /livez", "GET /rules"] {
        // Waited for, the time of the request would end it: 504.
        let (status, took, _) = trickle(at, line, "application/wasm").await;
        assert_eq!(status, 200, "{line}: after {took:?}");
    }
    for _ in 0..10 {
        others_are_answered(at).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (line, slow) in lines.iter().zip(slow) {
        let (status, took, fair) = slow.await.unwrap();
        let in_time = took > Duration::from_secs(1) && fair < Duration::from_secs(8);
        assert!(status == 504 && in_time, "{line}: {status} after {took:?}, where a request may take 2 s");
    }
    let head = format!("POST /rules HTTP/1.1\r\ncontent-type: application/wasm\r\nauthorization: Bearer {PUBLISHER}");
    assert_eq!(ask(at, &head, WASM).await, 201, "the places that they had are free again");
}

/// Whoever signs in has shown no token yet: by forms that never end nobody keeps the others out, nor the probes.
#[tokio::test]
async fn forms_to_sign_in_that_come_by_the_byte_keep_nobody_out_who_has_a_token() {
    let (at, _stop, _server) = served(&Fakes::default()).await;
    let form = "application/x-www-form-urlencoded";
    let slow: Vec<_> = (0..20).map(|_| tokio::spawn(trickle(at, "POST /console/sign-in", form))).collect();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        others_are_answered(at).await;
    }
    let mut statuses = Vec::new();
    for slow in slow {
        statuses.push(slow.await.unwrap().0);
    }
    // The API's own time-out of the fakes is shorter than that of the form.
    let so_many = |status: u16| statuses.iter().filter(|other| **other == status).count();
    assert!(so_many(503) > 0 && so_many(503) + so_many(504) == 20, "{statuses:?}");
}

/// Asks so many times for an answer that does not fit into what the kernel keeps, and reads none.
async fn ask_and_leave(at: SocketAddr, times: usize, more: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    let mut stream = socket.connect(at).await.unwrap();
    let get =
        format!("GET /openapi.json HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {PUBLISHER}\r\n{more}\r\n");
    stream.write_all(get.repeat(times).as_bytes()).await.unwrap();
    stream
}

/// The bytes that are still to be had.
async fn rest(mut stream: TcpStream) -> usize {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer.len()
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up_and_one_that_is_read_late_is_whole() {
    let (at, _stop, _server) = served(&Fakes::default()).await;
    // One answer; one on a connection that is kept; more than a connection's buffers take.
    let kinds = [(1, "connection: close\r\n"), (1, ""), (8, "")];
    let (began, mut never, mut late) = (Fair::start(), Vec::new(), Vec::new());
    for _ in 0..30 {
        for (times, more) in kinds {
            never.push(ask_and_leave(at, times, more).await);
        }
    }
    for (times, more) in kinds {
        late.push(ask_and_leave(at, times, more).await);
    }
    // By the clock, as the server's 20 s are: on a busy machine a stopwatch that stands still would pass them.
    while began.wall() < Duration::from_secs(8) {
        others_are_answered(at).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut whole = Vec::new();
    for (stream, (times, _)) in late.into_iter().zip(kinds) {
        whole.push(rest(stream).await / times);
    }
    assert!(whole.iter().all(|bytes| bytes.abs_diff(whole[0]) < 100 && *bytes > 20_000), "{whole:?}");
    // 20 s after they were made the answers are given up.
    tokio::time::sleep(Duration::from_secs(25).saturating_sub(began.elapsed())).await;
    for (at, stream) in never.into_iter().enumerate() {
        let (times, more) = kinds[at % kinds.len()];
        let got = rest(stream).await;
        assert!(got < times * whole[0] - 1_000, "{times} {more:?}: {got} bytes, as if it were waited for for ever");
    }
}
