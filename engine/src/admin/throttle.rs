//! Wrong tokens an address: after some of them in a minute the address is answered with 429, without a look at its token, until
//! the minute is over. Its memory is bounded. The clock comes in as an argument.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens of an address in a minute; with the next it has to wait.
pub(super) const WRONG: u32 = 10;
/// From the first wrong token on.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// Addresses that are remembered, 100 bytes or so each. One more takes the place of the one that was first.
const ADDRESSES: usize = 4_096;

#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<IpAddr, Wrong>>);

struct Wrong {
    since: Instant,
    times: u32,
}

impl Throttle {
    /// Whether this address has to wait.
    pub(super) fn waits(&self, peer: Option<IpAddr>, now: Instant) -> bool {
        let Some(peer) = known(peer) else { return false };
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&peer).is_some_and(|wrong| wrong.times >= WRONG && now.duration_since(wrong.since) < MINUTE)
    }

    pub(super) fn wrong(&self, peer: Option<IpAddr>, now: Instant) {
        let Some(peer) = known(peer) else { return };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(&peer) && all.len() >= ADDRESSES {
            all.retain(|_, wrong| now.duration_since(wrong.since) < MINUTE);
            if all.len() >= ADDRESSES
                && let Some(first) = all.iter().min_by_key(|(_, wrong)| wrong.since).map(|(peer, _)| *peer)
            {
                all.remove(&first);
            }
        }
        let wrong = all.entry(peer).or_insert(Wrong { since: now, times: 0 });
        if now.duration_since(wrong.since) >= MINUTE {
            *wrong = Wrong { since: now, times: 0 };
        }
        wrong.times += 1;
    }
}

/// What is counted as one address; None: not counted. Whoever is on this machine shares the loopback with a proxy and with
/// the operator, whom a neighbor's wrong token must not lock out. An IPv6 network of 64 bits is one peer's as a rule.
fn known(peer: Option<IpAddr>) -> Option<IpAddr> {
    match peer?.to_canonical() {
        peer if peer.is_loopback() => None,
        IpAddr::V4(peer) => Some(peer.into()),
        IpAddr::V6(peer) => Some(Ipv6Addr::from_bits(peer.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn ten_wrong_tokens_in_a_minute_make_an_address_wait_until_it_is_over_and_no_other() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let mallory = peer("10.0.0.7");
        for second in 0..10 {
            assert!(!throttle.waits(mallory, start));
            throttle.wrong(mallory, start + Duration::from_secs(second));
        }
        assert!(throttle.waits(mallory, start + Duration::from_secs(59)));
        assert!(throttle.waits(peer("::ffff:10.0.0.7"), start), "the same, on a socket of both families");
        assert!(!throttle.waits(peer("10.0.0.8"), start));
        assert!(!throttle.waits(mallory, start + MINUTE));
        throttle.wrong(mallory, start + MINUTE);
        assert!(!throttle.waits(mallory, start + MINUTE), "a minute anew");
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer_and_the_loopback_is_none() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for last in 0..10 {
            throttle.wrong(peer(&format!("2001:db8::{last}")), now);
            throttle.wrong(peer("127.0.0.1"), now);
            throttle.wrong(peer("::1"), now);
            throttle.wrong(None, now);
        }
        assert!(throttle.waits(peer("2001:db8::ffff"), now) && !throttle.waits(peer("2001:db8:0:1::1"), now));
        assert!(![peer("127.0.0.1"), peer("::1"), None].iter().any(|peer| throttle.waits(*peer, now)));
    }

    #[test]
    fn however_many_addresses_there_are_so_many_are_remembered() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for address in 0..20_000_u32 {
            throttle
                .wrong(Some(IpAddr::V4((0x0a00_0000 + address).into())), now + Duration::from_micros(address.into()));
        }
        assert_eq!(throttle.0.lock().unwrap().len(), ADDRESSES);
    }
}
