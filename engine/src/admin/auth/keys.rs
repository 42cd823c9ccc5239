//! The tokens in force, as digests: comparing digests takes the same time whatever the guess, and a dump of the state
//! shows no token. Beside each is a key that sessions are signed with, which is made of the token and so ends with it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::principal::{Principal, Rights};
use super::session::{self, Session};
use crate::config::{Admin, May};

/// What the viewer's token may: all that there is to see.
const VIEWER: [May; 2] = [May::Read, May::Values];

/// Everybody who has a token. Cheap to clone; all clones see a replacement.
#[derive(Clone)]
pub struct Keys(Arc<ArcSwap<Vec<Known>>>);

/// Somebody with a token.
#[derive(Clone, PartialEq, Eq)]
struct Known {
    name: Arc<str>,
    rights: Rights,
    /// SHA-256 of the token.
    digest: [u8; 32],
    /// What this person's sessions are signed with.
    session: session::Key,
}

impl Known {
    fn new(name: &str, may: &[May], token: &SecretString) -> Self {
        let token = token.expose_secret();
        Self { name: name.into(), rights: Rights::of(may), digest: digest(token), session: session::Key::of(token) }
    }

    fn principal(&self) -> Principal {
        Principal::new(self.name.clone(), self.rights)
    }
}

fn known(admin: &Admin) -> Vec<Known> {
    let viewer = admin.tokens.viewer.iter().map(|token| Known::new("viewer", &VIEWER, token));
    let publisher = admin.tokens.publisher.iter().map(|token| Known::new("publisher", &May::ALL, token));
    let people = admin.people.iter().map(|(name, person)| Known::new(name, &person.may, &person.token));
    viewer.chain(publisher).chain(people).collect()
}

impl Keys {
    /// The tokens of the configuration.
    pub fn new(admin: &Admin) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(known(admin))))
    }

    /// Puts other tokens into force, from the next request on. The names of those who are new, gone, or have another token or
    /// other rights.
    pub fn replace(&self, admin: &Admin) -> Vec<String> {
        let new = known(admin);
        let old = self.0.swap(Arc::new(new.clone()));
        let changed = new.iter().filter(|known| !old.contains(known)).map(|known| known.name.to_string());
        let gone = old.iter().filter(|known| !new.iter().any(|other| other.name == known.name));
        changed.chain(gone.map(|known| format!("{} (gone)", known.name))).collect()
    }

    /// Whether nobody has a token, so that none is asked for.
    pub fn open(&self) -> bool {
        self.0.load().is_empty()
    }

    /// Whether this is somebody's token.
    pub fn knows(&self, token: &str) -> bool {
        self.by_token(token).is_some()
    }

    /// Whose token this is. Everybody's is compared, whoever it is found to be.
    pub(super) fn by_token(&self, token: &str) -> Option<Principal> {
        self.find(token).map(|known| known.principal())
    }

    /// A session of whoever has this token, from this time in seconds since 1970 on.
    pub(super) fn sign_in(&self, token: &str, now: u64) -> Option<(Principal, String)> {
        let known = self.find(token)?;
        Some((known.principal(), known.session.sign(&known.name, now)))
    }

    /// Whose session this is, if the token that it was begun with is still in force.
    pub(super) fn by_session(&self, value: &str, now: u64) -> Option<Principal> {
        let session = Session::parse(value)?;
        let keys = self.0.load();
        let known = keys.iter().find(|known| *known.name == *session.name)?;
        known.session.signed(&session, now).then(|| known.principal())
    }

    fn find(&self, token: &str) -> Option<Known> {
        // An empty token (an environment variable set to nothing) must open no door.
        if token.is_empty() {
            return None;
        }
        let (guess, mut found) = (digest(token), None);
        for known in self.0.load().iter() {
            if same(&known.digest, &guess) {
                found = Some(known.clone());
            }
        }
        found
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Looks at every byte, whatever the first ones say.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Person, Tokens};

    const NOW: u64 = 1_800_000_000;

    fn admin(people: &[(&str, &str, &[May])]) -> Admin {
        let person = |token: &str, may: &[May]| Person { token: token.into(), may: may.to_vec() };
        let people = people.iter().map(|(name, token, may)| ((*name).to_owned(), person(token, may)));
        let tokens = Tokens { viewer: Some("viewer-1".into()), publisher: Some("publisher-1".into()) };
        Admin { tokens, people: people.collect::<BTreeMap<_, _>>(), ..Admin::default() }
    }

    #[test]
    fn each_token_is_somebody_s_and_may_what_its_owner_may() {
        let keys = Keys::new(&admin(&[("ana", "ana-1", &[May::Read])]));
        for (token, name, rights) in [
            ("viewer-1", "viewer", "read, values"),
            ("publisher-1", "publisher", "read, values, publish"),
            ("ana-1", "ana", "read"),
        ] {
            let who = keys.by_token(token).expect(token);
            assert_eq!((&*who.name, who.rights().to_string().as_str()), (name, rights));
        }
        assert!(["", " ", "ana", "ana-1 ", "viewer-1\n"].iter().all(|token| !keys.knows(token)));
        assert!(!keys.open() && Keys::new(&Admin::default()).open());
    }

    #[test]
    fn a_replacement_names_who_is_new_gone_or_changed_and_holds_at_once() {
        let keys = Keys::new(&admin(&[("ana", "ana-1", &[May::Read]), ("bo", "bo-1", &[May::Read])]));
        assert_eq!(keys.replace(&admin(&[("ana", "ana-1", &[May::Read]), ("bo", "bo-1", &[May::Read])])), [""; 0]);
        let changed = keys.replace(&admin(&[("ana", "ana-2", &[May::Read]), ("cy", "cy-1", &[May::Publish])]));
        assert_eq!(changed, ["ana", "cy", "bo (gone)"]);
        assert!(keys.knows("ana-2") && keys.knows("cy-1") && !keys.knows("ana-1") && !keys.knows("bo-1"));
        assert_eq!(keys.replace(&admin(&[("ana", "ana-2", &May::ALL), ("cy", "cy-1", &[May::Publish])])), ["ana"]);
    }

    #[test]
    fn a_session_ends_after_twelve_hours_and_with_the_token_that_it_was_begun_with() {
        let keys = Keys::new(&admin(&[("ana", "ana-1", &[May::Read]), ("bo", "bo-1", &[May::Read])]));
        let (who, session) = keys.sign_in("ana-1", NOW).expect("her token");
        assert_eq!(keys.by_session(&session, NOW), Some(who.clone()));
        assert_eq!(keys.by_session(&session, NOW + 12 * 3_600 - 1), Some(who.clone()));
        assert_eq!(keys.by_session(&session, NOW + 12 * 3_600), None);
        let elsewhere = Keys::new(&admin(&[("ana", "ana-1", &[May::Read])]));
        assert_eq!(elsewhere.by_session(&session, NOW), Some(who), "it is good at every instance");
        keys.replace(&admin(&[("ana", "ana-1", &[May::Publish]), ("bo", "bo-1", &[May::Read])]));
        assert_eq!(keys.by_session(&session, NOW).expect("the same token").rights().to_string(), "publish");
        keys.replace(&admin(&[("ana", "ana-2", &[May::Read])]));
        assert_eq!(keys.by_session(&session, NOW), None);
        assert_eq!(keys.sign_in("ana-1", NOW), None);
    }

    #[test]
    fn a_session_that_anybody_changed_is_nobody_s() {
        let keys = Keys::new(&admin(&[("ana", "ana-1", &[May::Read]), ("bo", "bo-1", &May::ALL)]));
        let (_, session) = keys.sign_in("ana-1", NOW).expect("her token");
        let parts: Vec<&str> = session.split('.').collect();
        let [name, expiry, mark] = parts[..] else { panic!("{session}") };
        let later = expiry.parse::<u64>().expect("seconds") + 1;
        for forged in [
            format!("bo.{expiry}.{mark}"),
            format!("nobody.{expiry}.{mark}"),
            format!("{name}.{later}.{mark}"),
            format!("{name}.0{expiry}.{mark}"),
            format!("{name}.{expiry}.{}", "0".repeat(64)),
            format!("{name}.{expiry}.{}", &mark[2..]),
            format!("{name}.{expiry}.{mark}.x"),
            format!("{name}.{expiry}."),
            format!("{name}.{mark}"),
            String::new(),
        ] {
            assert_eq!(keys.by_session(&forged, NOW), None, "{forged}");
        }
    }
}
