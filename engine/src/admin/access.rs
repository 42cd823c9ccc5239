//! Who may come in, under which names, and what is shown to whom: what of the configuration the API goes by.

use super::auth::{Cookie, Keys};
use super::origin::Site;
use super::views::Hide;
use crate::config::Admin;
use crate::model::record::Schema;

/// See the module. The tokens alone are replaced while it runs.
#[derive(Clone)]
pub struct Access {
    pub(super) keys: Keys,
    pub(super) site: Site,
    pub(super) cookie: Cookie,
    /// `pipeline.name`.
    pub(super) pipeline: String,
    /// None: no field is sensitive.
    pub(super) hide: Option<Hide>,
}

impl Access {
    /// Of the tokens it keeps digests only.
    pub fn new(admin: &Admin, pipeline: &str, schema: &Schema) -> Self {
        let site = Site::new(admin);
        let (cookie, hide) = (Cookie::new(pipeline, site.is_secure()), Hide::of(schema));
        Self { keys: Keys::new(admin), site, cookie, pipeline: pipeline.to_owned(), hide }
    }
}
