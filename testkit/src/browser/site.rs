//! A server of a test's own, for pages that need no engine: the admin API's own listening side over any router.

use std::thread::JoinHandle;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A server on the loopback; it ends with the value.
pub struct Site {
    origin: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Serves the router on a free port.
    pub fn of(router: Router) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (told, at) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                told.send(listener.local_addr().expect("it is bound")).expect("who asked waits");
                let stopped = async move { stopped.await.unwrap_or(()) };
                weir::admin::serve(listener, router, stopped).await;
            });
        });
        let at = at.recv().expect("it listens");
        Self { origin: format!("http://{at}"), stop: Some(stop), thread: Some(thread) }
    }

    /// Where it is, as `http://127.0.0.1:8080`.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
