//! A port for a server that a test starts a moment later, or again.

use std::net::TcpListener;

/// Below the range from which the kernel takes ports for outgoing connections, so none is taken between here and the bind.
pub(crate) fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| rand::random_range(20_000..32_000)).find(is_free).expect("it draws until one is")
}
