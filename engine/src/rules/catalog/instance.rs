//! Which process this is, for the audit: several may share a database, and one of them may not belong there.

use std::sync::OnceLock;

/// `weir on HOST, process 17`; the host of a container is its id.
pub(super) fn instance() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = match host.trim() {
            "" => "an unknown host",
            host => host,
        };
        format!("weir on {host}, process {}", std::process::id())
    })
}
