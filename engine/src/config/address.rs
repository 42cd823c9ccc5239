//! Where the admin API listens: an address with a port. Of names only `localhost` is read, which every machine has; no
//! resolver is asked.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use serde::de::{Deserializer, Error, Unexpected, Visitor};

struct Address;

impl Visitor<'_> for Address {
    type Value = SocketAddr;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address with a port in quotes, as \"127.0.0.1:8080\" or \"localhost:8080\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SocketAddr, E> {
        let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        let local = local.map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        local.or_else(|| text.parse().ok()).ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
    }
}

pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    from.deserialize_str(Address)
}
