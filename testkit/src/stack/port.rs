//! A port for a server that a test starts a moment later, or again.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

/// Those that it draws from: below the range from which the kernel takes ports for outgoing connections, and below that of
/// `stack/up`, so none is taken between here and the bind.
const PORTS: std::ops::Range<u16> = 10_000..16_000;

/// Files that keep the ports of this process: locked as long as it lives, so no other test process is given one of them, also while
/// the server on it is stopped.
static KEPT: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port that nobody listens at, and that no other call of any test process returns.
pub fn free_port() -> u16 {
    let user = std::fs::metadata("/proc/self").expect("a Linux").uid();
    let folder = std::env::temp_dir().join(format!("weir-test-ports-{user}"));
    std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
    let first = rand::random_range(PORTS);
    let kept = |port: &u16| {
        let file = File::create(folder.join(port.to_string())).expect("the temporary folder is writable");
        let is_ours = file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", *port)).is_ok();
        is_ours.then(|| KEPT.lock().expect("nothing panics with it").push(file)).is_some()
    };
    (first..PORTS.end).chain(PORTS.start..first).find(kept).expect("one of 6,000 is free")
}
