//! A look at a file of the rules directory, which changes nothing: read, and compiled where its content is new.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::vet::{Held, Unvetted};
use super::{Catalog, Refused};
use crate::model::ids::Sha256;
use crate::model::store::StoreError;

/// A file that was looked at.
pub(super) enum Found {
    /// It has gone since the folder was listed.
    Gone,
    /// Why it can't be read.
    Unreadable(std::io::Error),
    TooLarge(Refused),
    /// As it was the last time.
    Same,
    Content(Sha256, Result<Content, StoreError>),
}

pub(super) enum Content {
    /// Published from this file already: the rule.
    Before(String),
    New(Vec<u8>, Result<Held, Unvetted>),
}

impl Catalog {
    /// What may take long and changes nothing: several files are looked at together.
    pub(super) async fn look(self, file: String, path: PathBuf, size: u64, before: Option<Sha256>) -> Found {
        let most = self.0.config.rules.max_module.as_u64();
        if size > most {
            return Found::TooLarge(Refused::TooLarge { size: size as usize, most: most as usize });
        }
        let wasm = match tokio::fs::read(path).await {
            Ok(wasm) => wasm,
            Err(why) if why.kind() == ErrorKind::NotFound => return Found::Gone,
            Err(why) => return Found::Unreadable(why),
        };
        let sha256 = Sha256::of(&wasm);
        if before == Some(sha256) {
            // Touched only: a compile bomb is not compiled again.
            return Found::Same;
        }
        match self.published_before(&file, sha256).await {
            Ok(Some(rule)) => Found::Content(sha256, Ok(Content::Before(rule))),
            Ok(None) => {
                let vetted = self.vet(sha256, &wasm).await;
                Found::Content(sha256, Ok(Content::New(wasm, vetted)))
            }
            Err(error) => Found::Content(sha256, Err(error)),
        }
    }

    /// The name of the rule, if this very content was published from this file already.
    async fn published_before(&self, file: &str, sha256: Sha256) -> Result<Option<String>, StoreError> {
        if self.0.store.directory_seen(file).await? != Some(sha256) {
            return Ok(None);
        }
        Ok(self.0.store.version_info(sha256).await?.map(|version| version.manifest.name))
    }
}
