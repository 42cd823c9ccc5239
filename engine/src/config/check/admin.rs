//! `[admin]`: who may reach the API, and as whom.

use secrecy::ExposeSecret;

use super::Found;
use crate::config::{Admin, token};

impl Found {
    pub(super) fn admin(&mut self, admin: &Admin) {
        let (listen, tokens) = (admin.listen, &admin.tokens);
        let viewer = tokens.viewer.as_ref().map(ExposeSecret::expose_secret);
        let publisher = tokens.publisher.as_ref().map(ExposeSecret::expose_secret);
        for (key, token) in [("admin.tokens.viewer", viewer), ("admin.tokens.publisher", publisher)] {
            if let Some(why) = token.and_then(token::problem) {
                self.add(key, why);
            }
        }
        if let Some(why) = token::same(viewer, publisher) {
            self.add("admin.tokens.publisher", why);
        }
        let guarded = viewer.is_some() && publisher.is_some();
        let why = format!("{listen} is open to other machines: set both admin.tokens, or listen on 127.0.0.1");
        self.unless(guarded || listen.ip().is_loopback(), "admin.listen", why);
    }
}
