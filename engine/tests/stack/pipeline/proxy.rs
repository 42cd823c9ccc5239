//! A broker's double: it is before the real one, tells clients its own address as the cluster's only one, and can tell
//! those that are connected that the cluster has no brokers, as a controller does that fenced its only broker for a moment.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

const METADATA: i16 = 3;
const FIND_COORDINATOR: i16 = 10;
/// Of a lie. While librdkafka looks at so many, its thread of the broker that is gone ends, which is what leaves it without
/// any broker for good; of few it is a race.
const TOPICS: usize = 50_000;

/// Ends with the test's process.
pub(crate) struct Proxy {
    address: SocketAddr,
    forgotten: Arc<Mutex<Option<Instant>>>,
}

impl Proxy {
    pub(crate) fn before(broker: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let forgotten = Arc::new(Mutex::new(None));
        let (broker, until) = (broker.to_owned(), forgotten.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&broker) else { continue };
                let connection = Connection { port: address.port(), opened: Instant::now(), forgotten: until.clone() };
                connection.serve(client, server);
            }
        });
        Self { address, forgotten }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on whoever is connected hears of no broker. Whoever connects from now on hears the truth.
    pub(crate) fn forget(&self) {
        *self.forgotten.lock().expect("no panic") = Some(Instant::now());
    }
}

struct Connection {
    port: u16,
    opened: Instant,
    forgotten: Arc<Mutex<Option<Instant>>>,
}

/// Key and version of each request that waits for its answer, by correlation id.
type Asked = Arc<Mutex<HashMap<i32, (i16, i16)>>>;

impl Connection {
    fn serve(self, client: TcpStream, server: TcpStream) {
        let asked = Asked::default();
        let (mut from, mut to) = (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
        let noted = asked.clone();
        std::thread::spawn(move || {
            while let Some(request) = frame(&mut from) {
                let mut at = Bytes(&request);
                let (key, version, correlation) = (at.i16(), at.i16(), at.i32());
                noted.lock().expect("no panic").insert(correlation, (key, version));
                if send(&mut to, &request).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
        let (mut from, mut to) = (server, client);
        std::thread::spawn(move || {
            while let Some(answer) = frame(&mut from) {
                let (key, version) = asked.lock().expect("no panic").remove(&Bytes(&answer).i32()).unwrap_or_default();
                let answer = match key {
                    METADATA => self.metadata(version, &answer),
                    FIND_COORDINATOR => self.coordinator(version, &answer),
                    _ => answer,
                };
                if send(&mut to, &answer).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
    }

    /// With this port in the place of the broker's, or without a broker and with a great many topics.
    fn metadata(&self, version: i16, answer: &[u8]) -> Vec<u8> {
        assert!((9..=13).contains(&version), "Metadata {version} is not written down here");
        let lie = self.forgotten.lock().expect("no panic").is_some_and(|since| self.opened < since);
        let mut at = Bytes(answer);
        // Correlation, tags, time of throttling.
        let mut told = at.take(4 + 1 + 4).to_vec();
        let brokers = at.varint() - 1;
        put(&mut told, if lie { 1 } else { brokers + 1 });
        for _ in 0..brokers {
            let node = at.take(4);
            at.text();
            at.i32();
            let rack = at.text();
            assert_eq!(at.varint(), 0, "a broker has no tags");
            if !lie {
                told.extend(node);
                told.extend(b"\x0a127.0.0.1");
                told.extend(i32::from(self.port).to_be_bytes());
                told.extend(rack);
                told.push(0);
            }
        }
        // The cluster's id, its controller.
        told.extend(at.text());
        told.extend(at.take(4));
        let topics = at.varint() - 1;
        let more = if lie { TOPICS } else { 0 };
        put(&mut told, topics + more + 1);
        for number in 0..more {
            // UNKNOWN_TOPIC_OR_PARTITION, name, id, not internal, no partitions, rights, no tags.
            told.extend(3i16.to_be_bytes());
            told.extend(format!("\x0cother-{number:05}").as_bytes());
            if version >= 10 {
                told.extend((number as u128 + 1).to_be_bytes());
            }
            told.extend([0, 1]);
            told.extend(i32::MIN.to_be_bytes());
            told.push(0);
        }
        told.extend(at.0);
        told
    }

    fn coordinator(&self, version: i16, answer: &[u8]) -> Vec<u8> {
        assert!(version <= 2, "FindCoordinator {version} is not written down here");
        let mut at = Bytes(answer);
        let mut told = at.take(if version == 0 { 4 } else { 8 }).to_vec();
        told.extend(at.take(2));
        if version > 0 {
            told.extend(at.nullable());
        }
        told.extend(at.take(4));
        let (host, _) = (at.nullable(), at.i32());
        if host.len() == 2 {
            // None was found.
            return answer.to_vec();
        }
        told.extend(b"\0\x09127.0.0.1");
        told.extend(i32::from(self.port).to_be_bytes());
        told
    }
}

/// What is left of a frame.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.take(2).try_into().expect("two bytes"))
    }

    fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn varint(&mut self) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)[0];
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }

    /// A compact text that may be null, with its length.
    fn text(&mut self) -> &'a [u8] {
        let whole = self.0;
        let length = self.varint();
        self.take(length.saturating_sub(1));
        &whole[..whole.len() - self.0.len()]
    }

    /// An older one.
    fn nullable(&mut self) -> &'a [u8] {
        let whole = self.0;
        let length = self.i16();
        self.take(usize::try_from(length).unwrap_or(0));
        &whole[..whole.len() - self.0.len()]
    }
}

fn put(to: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// None: the connection has ended.
fn frame(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    from.read_exact(&mut frame).ok()?;
    Some(frame)
}

fn send(to: &mut TcpStream, frame: &[u8]) -> std::io::Result<()> {
    let mut whole = (frame.len() as u32).to_be_bytes().to_vec();
    whole.extend(frame);
    to.write_all(&whole)
}
