//! A TCP proxy before MariaDB that can lose a COMMIT, or the answer to it, freeze before it, or refuse everybody.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use weir_testkit::stack::mariadb::MariaDb;

/// Where the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never sees the COMMIT.
    Before,
    /// The server sees it, and its answer goes nowhere.
    After,
    /// The server is sent it, and the connection closes at once: either may be.
    AtOnce,
    /// The server never sees it, and nothing is closed: whoever sent it is frozen.
    Frozen,
}

/// What the connections share.
struct Shared {
    cut: Mutex<Cut>,
    /// COMMITs still to let through; below zero nothing is cut.
    left: AtomicI64,
    cuts: AtomicUsize,
    open: watch::Sender<bool>,
}

pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    pub(crate) async fn before(database: &MariaDb) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, server) = (listener.local_addr().unwrap().port(), database.port);
        let shared = Arc::new(Shared {
            cut: Mutex::new(Cut::Before),
            left: AtomicI64::new(-1),
            cuts: AtomicUsize::new(0),
            open: watch::Sender::new(true),
        });
        let all = shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server, all.clone()));
            }
        });
        Self { port, shared, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("mysql://weir:secret@127.0.0.1:{}/weir?ssl-mode=DISABLED", self.port)
    }

    /// Cuts once: the COMMIT that comes after this many others.
    pub(crate) fn cuts_commit(&self, number: i64, cut: Cut) {
        *self.shared.cut.lock().unwrap() = cut;
        self.shared.left.store(number, Ordering::SeqCst);
    }

    /// How often it has cut.
    pub(crate) fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// Cuts every connection and refuses new ones, or takes them again.
    pub(crate) fn is_open(&self, open: bool) {
        self.shared.open.send_replace(open);
    }
}

async fn serve(client: TcpStream, server: u16, shared: Arc<Shared>) {
    let mut open = shared.open.subscribe();
    if !*open.borrow() {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let muted = AtomicBool::new(false);
    // Whichever ends takes both sockets with it.
    tokio::select! {
        () = questions(from_client, to_server, &shared, &muted) => {}
        () = answers(from_server, to_client, &muted) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}

async fn questions(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, muted: &AtomicBool) {
    loop {
        // Three bytes of length, one of sequence.
        let mut packet = vec![0; 4];
        if from.read_exact(&mut packet).await.is_err() {
            return;
        }
        let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]) as usize;
        packet.resize(4 + length, 0);
        if from.read_exact(&mut packet[4..]).await.is_err() {
            return;
        }
        let cut = (&packet[4..] == b"\x03COMMIT" && shared.left.fetch_sub(1, Ordering::SeqCst) == 0)
            .then(|| *shared.cut.lock().unwrap());
        if cut.is_some() {
            shared.cuts.fetch_add(1, Ordering::SeqCst);
        }
        if cut == Some(Cut::Frozen) {
            return std::future::pending().await;
        }
        muted.store(cut == Some(Cut::After), Ordering::SeqCst);
        if cut == Some(Cut::Before) || to.write_all(&packet).await.is_err() || cut == Some(Cut::AtOnce) {
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, muted: &AtomicBool) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if muted.load(Ordering::SeqCst) || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
