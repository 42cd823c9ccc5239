//! A TCP proxy on the loopback that holds back every byte for a while, each way, as a distance does: it delays, and limits no
//! rate. What it serves ends with the process.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Pieces on their way at once: of 64 KiB each, more than any window that a client or a server has open.
const UNDER_WAY: usize = 1_024;

/// A proxy that delays what goes through it.
pub struct Delay {
    listener: TcpListener,
    delay: Duration,
}

impl Delay {
    /// Takes a port; nobody is served yet.
    pub fn listen(delay: Duration) -> Self {
        Self::listen_at(0, delay)
    }

    /// The same on a certain port; 0: any.
    pub fn listen_at(port: u16, delay: Duration) -> Self {
        Self { listener: TcpListener::bind(("127.0.0.1", port)).expect("a free port"), delay }
    }

    /// Where clients connect to.
    pub fn port(&self) -> u16 {
        self.listener.local_addr().expect("it is bound").port()
    }

    /// From now on leads to there.
    pub fn serve(&self, server: &str) {
        let (listener, delay, server) = (self.listener.try_clone().expect("a handle"), self.delay, server.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                for side in [&client, &server] {
                    side.set_nodelay(true).expect("a TCP socket");
                }
                let clone = |side: &TcpStream| side.try_clone().expect("a handle");
                carry(clone(&client), clone(&server), delay);
                carry(server, client, delay);
            }
        });
    }
}

/// One way of a connection; whichever end closes takes both with it.
fn carry(from: TcpStream, to: TcpStream, delay: Duration) {
    let (taken, given) = sync_channel(UNDER_WAY);
    thread::spawn(move || take(from, &taken, delay));
    thread::spawn(move || give(to, &given));
}

fn take(mut from: TcpStream, taken: &SyncSender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if taken.send((Instant::now() + delay, bytes[..count].to_vec())).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
}

fn give(mut to: TcpStream, given: &Receiver<(Instant, Vec<u8>)>) {
    for (due, bytes) in given {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
