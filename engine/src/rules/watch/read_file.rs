//! Reads a file of the rules directory and, where its content is new, has it validated. Changes nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;

use super::listing::trusted;
use crate::model::ids::Sha256;
use crate::model::store::StoreError;
use crate::rules::catalog::{Brought, Catalog, Refused};

/// How long a look at the directory, or the reading of a file, may take: a network file system may never answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// What a file holds.
pub(super) enum Found {
    /// It has gone since the folder was listed.
    Gone,
    /// Why it can't be read.
    Unreadable(Error),
    /// More than `rules.max_module`.
    TooLarge(Refused),
    /// The same as the last time.
    Same,
    /// Other bytes, with their digest.
    Content(Sha256, Result<Content, StoreError>),
}

/// What a file's bytes are.
pub(super) enum Content {
    /// Published from this file already: the rule.
    Before(String),
    /// Not published from this file yet.
    New {
        /// The module.
        brought: Brought,
        /// The file's owner.
        owner: u32,
    },
}

/// Reads files of the directory, several at the same time.
#[derive(Clone)]
pub(super) struct Files {
    catalog: Arc<Catalog>,
    /// Bytes of a module at most.
    max_module: u64,
    /// Files whose reading has not ended, by name.
    reading: Arc<Mutex<BTreeSet<String>>>,
}

impl Files {
    /// The files of a directory. A module has `max_module` bytes at most.
    pub(super) fn new(catalog: Arc<Catalog>, max_module: u64) -> Self {
        Self { catalog, max_module, reading: Arc::default() }
    }

    /// `size`: as it was listed. `before`: the digest of what was read the last time.
    pub(super) async fn look(self, file: String, path: PathBuf, size: u64, before: Option<Sha256>) -> Found {
        if size > self.max_module {
            return self.too_large(size);
        }
        let (wasm, owner) = match self.read(file.clone(), path).await {
            Ok(read) => read,
            Err(why) if why.kind() == ErrorKind::NotFound => return Found::Gone,
            Err(why) => return Found::Unreadable(why),
        };
        // It may have grown since it was listed.
        if wasm.len() as u64 > self.max_module {
            return self.too_large(wasm.len() as u64);
        }
        let sha256 = Sha256::of(&wasm);
        if before == Some(sha256) {
            // Touched only: a compile bomb is not compiled again.
            return Found::Same;
        }
        match self.catalog.published_from(&file, sha256).await {
            Ok(Some(rule)) => Found::Content(sha256, Ok(Content::Before(rule))),
            Ok(None) => {
                let brought = self.catalog.validate_brought(wasm, sha256).await;
                Found::Content(sha256, Ok(Content::New { brought, owner }))
            }
            Err(error) => Found::Content(sha256, Err(error)),
        }
    }

    fn too_large(&self, size: u64) -> Found {
        Found::TooLarge(Refused::TooLarge { size: size as usize, most: self.max_module as usize })
    }

    /// The file's bytes, one more than a module may have at most, and its owner. A read that hangs is given up, and is not
    /// begun again before it has ended.
    async fn read(&self, file: String, path: PathBuf) -> std::io::Result<(Vec<u8>, u32)> {
        let hangs = || Error::other(format!("it gave no answer within {TIMEOUT:?}: look after its file system"));
        if !self.reading.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone()) {
            return Err(hangs());
        }
        let (reading, most) = (self.reading.clone(), self.max_module);
        let read = tokio::task::spawn_blocking(move || {
            let read = read_plain(&path, most + 1);
            reading.lock().unwrap_or_else(PoisonError::into_inner).remove(&file);
            read
        });
        match tokio::time::timeout(TIMEOUT, read).await {
            Ok(read) => read.map_err(Error::other)?,
            Err(_) => Err(hangs()),
        }
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
