//! The caller of a request: a name for the audit, and what the caller may do.

use std::fmt;
use std::sync::Arc;

use crate::config::May;

/// The caller, as the audit names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) struct Principal {
    /// A person's name; `viewer` or `publisher` of a token without one; `anonymous` where nobody is asked for a token.
    pub(in crate::admin) name: Arc<str>,
    rights: Rights,
}

impl Principal {
    pub(super) fn new(name: Arc<str>, rights: Rights) -> Self {
        Self { name, rights }
    }

    /// Somebody who is not known, with these rights.
    pub(super) fn anonymous(rights: Rights) -> Self {
        Self { name: "anonymous".into(), rights }
    }

    /// Somebody who has not signed in.
    pub(in crate::admin) fn nobody() -> Self {
        Self::anonymous(Rights::NONE)
    }

    /// Whether the caller may do this.
    pub(in crate::admin) fn may(&self, what: May) -> bool {
        self.rights.has(what)
    }

    /// What the caller may do.
    pub(in crate::admin) fn rights(&self) -> Rights {
        self.rights
    }

    /// Whether the caller may do nothing: nobody has signed in.
    pub(in crate::admin) fn is_nobody(&self) -> bool {
        self.rights == Rights::NONE
    }
}

/// A set of what one may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) struct Rights(u8);

impl Rights {
    pub(super) const NONE: Self = Self(0);

    pub(super) fn of(may: &[May]) -> Self {
        may.iter().fold(Self::NONE, |Self(set), may| Self(set | bit(*may)))
    }

    fn has(self, may: May) -> bool {
        self.0 & bit(may) != 0
    }
}

fn bit(may: May) -> u8 {
    1 << may as u8
}

/// `read, values`
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = May::ALL.into_iter().filter(|may| self.has(*may)).map(May::word).collect();
        f.write_str(if words.is_empty() { "nothing" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_may_what_its_rights_hold_and_no_more() {
        let who = Principal::new("ana".into(), Rights::of(&[May::Publish, May::Read]));
        assert_eq!(May::ALL.map(|may| who.may(may)), [true, false, true]);
        assert_eq!((who.rights().to_string(), Rights::NONE.to_string()), ("read, publish".into(), "nothing".into()));
        assert!(!who.is_nobody() && Principal::anonymous(Rights::NONE).is_nobody());
    }
}
