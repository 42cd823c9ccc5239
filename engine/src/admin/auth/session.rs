//! A session of the console: a cookie that says who, until when, and a mark by which nobody can have made it without that
//! person's token. Nothing of it is kept here, so it is good at every instance that has the token, and ends with it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long a session is good, in seconds: 12 hours, longer than a shift.
pub(super) const SECONDS: u64 = 12 * 3_600;
/// What the key of a person's sessions is made of beside the token. Nothing else that is made of a token begins so.
const KEY: &[u8] = b"weir console session key 1";
/// What a mark is made of beside name and expiry.
const MARK: &[u8] = b"weir console session 1";

/// What one person's sessions are signed with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key([u8; 32]);

/// What a cookie says, not believed yet.
pub(super) struct Session<'a> {
    pub(super) name: &'a str,
    /// Seconds since 1970, as text: signed as it is written.
    expires: &'a str,
    mark: Vec<u8>,
}

impl<'a> Session<'a> {
    /// `NAME.EXPIRES.MARK`; None: it is no such text.
    pub(super) fn parse(value: &'a str) -> Option<Self> {
        let mut parts = value.split('.');
        let (name, expires, mark) = (parts.next()?, parts.next()?, parts.next()?);
        let mark = hex::decode(mark).ok()?;
        parts.next().is_none().then_some(Self { name, expires, mark })
    }
}

impl Key {
    /// The key that goes with a token.
    pub(super) fn of(token: &str) -> Self {
        Self(keyed(token.as_bytes()).chain_update(KEY).finalize().into_bytes().into())
    }

    /// A session that begins now, in seconds since 1970.
    pub(super) fn sign(&self, name: &str, now: u64) -> String {
        let expires = (now + SECONDS).to_string();
        let mark = self.mark(name, &expires).finalize().into_bytes();
        format!("{name}.{expires}.{}", hex::encode(mark))
    }

    /// Whether this key signed it and it is not over. The mark is compared in the same time whatever it is.
    pub(super) fn signed(&self, session: &Session<'_>, now: u64) -> bool {
        let is_mine = self.mark(session.name, session.expires).verify_slice(&session.mark).is_ok();
        is_mine && session.expires.parse::<u64>().is_ok_and(|expires| now < expires)
    }

    fn mark(&self, name: &str, expires: &str) -> Hmac<Sha256> {
        // No name and no number holds a NUL: the three can't be taken for others that run together in the same way.
        [MARK, name.as_bytes(), expires.as_bytes()]
            .into_iter()
            .fold(keyed(&self.0), |mark, part| mark.chain_update(part).chain_update([0_u8]))
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}
