//! Says when the rules directory changed.

use std::path::Path;

use notify::Watcher;
use tokio::sync::mpsc;

/// Events of a directory; ends when dropped.
pub(super) struct Events {
    _watcher: Option<notify::RecommendedWatcher>,
    events: mpsc::Receiver<()>,
}

impl Events {
    /// Without a watcher (no inotify handles left, no directory) the rescans find changes, later.
    pub(super) fn of(dir: &Path) -> Self {
        let (sender, events) = mpsc::channel(1);
        let look = move |event: notify::Result<notify::Event>| {
            // Our own reads are events too. A full channel holds a wake-up already.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = sender.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(look).and_then(|mut watcher| {
            watcher.watch(dir, notify::RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            tracing::warn!(dir = %dir.display(), %error, "the rules directory is not watched, only rescanned");
        }
        Self { _watcher: watcher.ok(), events }
    }

    pub(super) async fn changed(&mut self) {
        if self.events.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
