//! The listening side of the admin API. Connections are bounded in number, and so is the time that the head of a request
//! and the reading of an answer may take, so peers that are idle or slow keep nobody out. It knows no path.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tower::ServiceExt;

/// Connections at once. One more takes the place of the oldest that is waiting for a request.
const CONNECTIONS: usize = 256;
/// From the connection, or the answer before, to the end of a request's head. An idle connection ends with it too.
const HEAD: Duration = Duration::from_secs(10);
/// The same with those that were told to leave and have not yet: each holds a descriptor, and whoever connects without a pause is
/// faster than they are. Until then nobody new is accepted.
const ALL: usize = 2 * CONNECTIONS;
/// From an answer's making until the connection has taken all of it, or to the next request. hyper has no such bound: an answer
/// that nobody reads would be held for as long as the peer likes.
const READ: Duration = Duration::from_secs(20);
/// Read buffer of a connection, in bytes.
const BUFFER: usize = 64 * 1024;
/// How long connections may take to end after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);
/// Pause before the next try to accept a connection, after one failed: the process may have no descriptor left.
const PAUSE: Duration = Duration::from_millis(500);

/// Serves until `shutdown`, then lets the requests in flight end, for 5 s at most. What the listener can't accept is logged and tried
/// again.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()> + Send + 'static) {
    let (mut open, mut tasks) = (Open::default(), JoinSet::new());
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = tasks.join_next_with_id() => open.forget(ended.map_or_else(|why| why.id(), |(id, ())| id)),
            accepted = listener.accept(), if tasks.len() < ALL => match accepted {
                Ok((stream, peer)) if open.make_room() => {
                    let connection = Arc::new(Connection::default());
                    let task = tasks.spawn(connection.clone().run(stream, peer, router.clone()));
                    open.0.push_back((task.id(), connection));
                }
                // Every connection is being answered: this one is closed.
                Ok(_) => {}
                Err(why) => {
                    tracing::warn!("the admin API cannot take a connection: {why}");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    open.0.iter().for_each(|(_, connection)| connection.leave.notify_one());
    let ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        tracing::warn!("admin connections did not end within {GRACE:?} and were cut");
    }
}

/// The oldest first.
#[derive(Default)]
struct Open(VecDeque<(Id, Arc<Connection>)>);

impl Open {
    fn forget(&mut self, id: Id) {
        self.0.retain(|(open, _)| *open != id);
    }

    /// Whether there is room for one more, if need be after the oldest without a request was told to leave.
    fn make_room(&mut self) -> bool {
        if self.0.len() < CONNECTIONS {
            return true;
        }
        let idle = self.0.iter().position(|(_, connection)| connection.answering.load(Ordering::Relaxed) == 0);
        let idle = idle.and_then(|at| self.0.remove(at));
        idle.inspect(|(_, connection)| connection.leave.notify_one()).is_some()
    }
}

#[derive(Default)]
struct Connection {
    /// Requests whose answer is not made yet.
    answering: AtomicUsize,
    /// Requests so far.
    asked: AtomicUsize,
    answered: Notify,
    leave: Notify,
}

impl Connection {
    async fn run(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, router: Router) {
        let service = hyper::service::service_fn(|request| self.answer(request, peer, router.clone()));
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        let mut serving = pin!(serving);
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(why) = ended {
                    tracing::debug!(%peer, "a connection of the admin API: {why}");
                }
                return;
            }
            () = self.unread() => {
                tracing::debug!(%peer, "an answer of the admin API was not read within {READ:?}");
                return;
            }
            () = self.leave.notified() => {}
        }
        // One that never finished a request's head has nothing to wait for.
        if self.asked.load(Ordering::Relaxed) > 0 {
            serving.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(GRACE, serving).await;
        }
    }

    /// Returns when the last answer should have been read long ago. One that was leaves an idle connection, which [`HEAD`] ends.
    async fn unread(&self) {
        loop {
            let another = tokio::time::timeout(READ, self.answered.notified()).await.is_ok();
            // A request in hand has a bound of its own.
            if !another && self.answering.load(Ordering::Relaxed) == 0 {
                return;
            }
        }
    }

    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        peer: SocketAddr,
        router: Router,
    ) -> Result<Response, Infallible> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.answering.fetch_add(1, Ordering::Relaxed);
        let _answered = Answered(self);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.oneshot(request).await
    }
}

/// Counts down even if the peer goes away midway.
struct Answered<'c>(&'c Connection);

impl Drop for Answered<'_> {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
        self.0.answered.notify_one();
    }
}
