//! What the rules' tasks on tokio share.

use tokio::sync::watch;

/// Runs what may take long, or is a guest's code, on a thread for such work. Err: it panicked.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("the check did not end: {error}"))
}

/// Ends when the task has to stop, or nobody is left who could say so.
pub(super) async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // The answer borrows the channel's lock, which must not live on.
    let _ = shutdown.wait_for(|stop| *stop).await;
}
