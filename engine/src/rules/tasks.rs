//! What the rules' tasks on tokio share.

/// Runs what may take long, or is a guest's code, on a thread for such work. Err: it panicked.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("the check did not end: {error}"))
}
