//! A look at a file of the rules directory, which changes nothing: read, and compiled where its content is new.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use rustix::fs::OFlags;

use super::directory::PATIENCE;
use super::listing::trusted;
use crate::model::ids::Sha256;
use crate::model::store::StoreError;
use crate::rules::catalog::{Catalog, Refused};
use crate::rules::module::places::Asker;
use crate::rules::module::validate::{Held, Unvetted};

/// A file that was looked at.
pub(in crate::rules) enum Found {
    /// It has gone since the folder was listed.
    Gone,
    /// Why it can't be read.
    Unreadable(std::io::Error),
    TooLarge(Refused),
    /// As it was the last time.
    Same,
    Content(Sha256, Result<Content, StoreError>),
}

pub(in crate::rules) enum Content {
    /// Published from this file already: the rule.
    Before(String),
    New {
        wasm: Vec<u8>,
        /// The file's owner.
        owner: u32,
        vetted: Result<Held, Unvetted>,
    },
}

impl Catalog {
    /// What may take long and changes nothing: several files are looked at together.
    pub(in crate::rules) async fn look(self, file: String, path: PathBuf, size: u64, before: Option<Sha256>) -> Found {
        let most = self.0.config.rules.max_module.as_u64();
        let too_large = |size: u64| Found::TooLarge(Refused::TooLarge { size: size as usize, most: most as usize });
        if size > most {
            return too_large(size);
        }
        let (wasm, owner) = match self.read(file.clone(), path).await {
            Ok(read) => read,
            Err(why) if why.kind() == ErrorKind::NotFound => return Found::Gone,
            Err(why) => return Found::Unreadable(why),
        };
        // It may have grown since it was listed.
        if wasm.len() as u64 > most {
            return too_large(wasm.len() as u64);
        }
        let sha256 = Sha256::of(&wasm);
        if before == Some(sha256) {
            // Touched only: a compile bomb is not compiled again.
            return Found::Same;
        }
        match self.published_before(&file, sha256).await {
            Ok(Some(rule)) => Found::Content(sha256, Ok(Content::Before(rule))),
            Ok(None) => {
                let vetted = self.vet(sha256, &wasm, Asker::Directory).await;
                Found::Content(sha256, Ok(Content::New { wasm, owner, vetted }))
            }
            Err(error) => Found::Content(sha256, Err(error)),
        }
    }

    /// The file's bytes, one more than a module may have at most, and its owner. A read that hangs is given up, and is not
    /// begun again before it has ended.
    async fn read(&self, file: String, path: PathBuf) -> std::io::Result<(Vec<u8>, u32)> {
        let hangs = || Error::other(format!("it gave no answer within {PATIENCE:?}: look after its file system"));
        if !self.0.reading.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone()) {
            return Err(hangs());
        }
        let (catalog, most) = (self.clone(), self.0.config.rules.max_module.as_u64());
        let read = tokio::task::spawn_blocking(move || {
            let read = read_plain(&path, most + 1);
            catalog.0.reading.lock().unwrap_or_else(PoisonError::into_inner).remove(&file);
            read
        });
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(read) => read.map_err(Error::other)?,
            Err(_) => Err(hangs()),
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

/// What one handle is and holds: between a look and a second open the file could become another.
fn read_plain(path: &Path, most: u64) -> std::io::Result<(Vec<u8>, u32)> {
    // A FIFO without a writer would keep an ordinary open for ever.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("the flags of open are an int");
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(Error::other("it is no plain file"));
    }
    trusted(&meta).map_err(|why| Error::new(ErrorKind::PermissionDenied, format!("it {why}")))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok((bytes, meta.uid()))
}
