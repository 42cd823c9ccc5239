//! Values beyond what a time-out carries over a narrow way.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

/// Bytes of a piece that the way back carries, and how long it takes: 4 MB/s a connection.
const PIECE: usize = 16 << 10;
const TAKES: Duration = Duration::from_millis(4);

/// A proxy whose way back is narrow while `narrow` says so.
fn narrow_way(port: u16, narrow: &Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().port();
    let narrow = narrow.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (up, down) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let narrow = narrow.clone();
            thread::spawn(move || carry(client, up, &AtomicBool::new(false)));
            thread::spawn(move || carry(server, down, &narrow));
        }
    });
    at
}

fn carry(mut from: TcpStream, mut to: TcpStream, narrow: &AtomicBool) {
    let mut piece = vec![0; PIECE];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if narrow.load(Ordering::Relaxed) {
            thread::sleep(TAKES);
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_beyond_what_the_time_out_carries_are_asked_for_in_parts_that_grow_again() {
    let redis = Server::start(free_port());
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", redis.port)).unwrap();
    let mut fill = redis::pipe();
    // 2.4 MB; the time-out carries 0.8 MB.
    let names: Vec<String> = (0..300).map(|n| format!("n{n}")).collect();
    for name in &names {
        fill.cmd("HSET").arg(format!("c:{name}")).arg("segment").arg(format!("{name}{}", "x".repeat(8_000))).ignore();
    }
    fill.exec(&mut client.get_connection().unwrap()).unwrap();
    let narrow = Arc::new(AtomicBool::new(true));
    let port = narrow_way(redis.port, &narrow);
    for on_unavailable in ["wait", "missing"] {
        narrow.store(true, Ordering::Relaxed);
        let more = format!("on_unavailable = \"{on_unavailable}\"\ncache = {{ entries = 2, ttl = \"1ms\" }}");
        let mut lookups = Lookups::new(&table(&format!("redis://127.0.0.1:{port}"), &more), schema()).unwrap();
        // On a busy machine the way carries less than it says: what was not answered in time is asked for again.
        let asked = Fair::start();
        let is_whole = |(name, segment): (&String, Option<&str>)| {
            segment.is_some_and(|text| text.len() == name.len() + 8_000 && text.starts_with(name.as_str()))
        };
        loop {
            let mut rows = batch(&names.iter().map(|name| Some(name.as_str())).collect::<Vec<_>>());
            let answer = look_up(&mut lookups, &mut rows, Instant::now()).await;
            if answer.is_ok() && names.iter().zip(segments(&rows)).all(is_whole) {
                break;
            }
            assert!(asked.elapsed() < Duration::from_secs(10), "not all values: {answer:?}");
        }
        let size = lookups.lookups[0].redis.at_once();
        assert!((3..=150).contains(&size), "{size} keys at once");

        narrow.store(false, Ordering::Relaxed);
        let asked = Fair::start();
        while lookups.lookups[0].redis.at_once() < names.len() {
            let size = lookups.lookups[0].redis.at_once();
            assert!(asked.elapsed() < Duration::from_secs(10), "still {size} keys at once");
            let mut rows = batch(&names.iter().map(|name| Some(name.as_str())).collect::<Vec<_>>());
            look_up(&mut lookups, &mut rows, Instant::now()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_redis_that_is_silent_is_not_asked_in_ever_smaller_parts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut lookups = Lookups::new(&table(&format!("redis://127.0.0.1:{port}"), ""), schema()).unwrap();
    let asked = Instant::now();
    let silent = look_up(&mut lookups, &mut batch(&[Some("ann"), Some("bob")]), asked).await;
    assert!(
        matches!(&silent, Err(LookupError::Unavailable { why, .. }) if why == "no answer within 200 ms"),
        "{silent:?}"
    );
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}
