//! Compiled code on disk, so that a restart compiles nothing. wasmtime trusts such code as it trusts its own, hence: the
//! folder is ours alone (0700), files are ours alone (0600), and each begins with a digest over the module, the engine
//! and the code, checked over the very bytes that are loaded. Whatever is damaged, renamed or foreign is compiled anew.
//!
//! Nothing here is an error of the engine: without a usable folder it compiles, and says so once.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::Digest;
use wasmtime::Engine;

use super::compile::MAX_CODE;
use crate::config::Config;
use crate::model::ids::Sha256;

const EXTENSION: &str = "code";
/// Begins the name of a file that a crash may leave behind.
const UNFINISHED: &str = ".unfinished-";
/// Files beside those of the set in force: what a rollback goes back to.
const SPARE_FILES: usize = 32;
const SPARE_BYTES: u64 = 256 << 20;
/// Another engine's files (an older release's) go when nobody used them for so long.
const FOREIGN: Duration = Duration::from_hours(30 * 24);

/// The folder of `[rules] cache`.
pub(super) struct Cache {
    /// None: there is no usable folder.
    dir: Option<Dir>,
    /// Names the engine, whose code another wasmtime or Config can't load, and the pipeline, which prunes its own.
    host: String,
}

struct Dir {
    path: PathBuf,
    uid: u32,
}

impl Cache {
    pub(super) fn new(config: &Config, engine: &Engine) -> Self {
        let mut digest = Digesting(sha2::Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut digest);
        config.pipeline.name.hash(&mut digest);
        // Files of versions that did not compare a module with its digest are not used.
        digest.write(b"digest compared");
        let host = hex::encode(&digest.0.finalize()[..8]);
        let dir = match Dir::open(config.rules.cache.as_deref()) {
            Ok(dir) => Some(dir),
            Err(error) => {
                tracing::warn!(%error, "rules.cache can't be used: every start compiles the rules again");
                None
            }
        };
        Self { dir, host }
    }

    /// The code of a module, if a file of ours holds it whole.
    pub(super) fn code(&self, sha256: Sha256) -> Option<Vec<u8>> {
        let dir = self.dir.as_ref()?;
        let path = dir.path.join(self.name(sha256));
        match dir.read(&path) {
            Ok(bytes) => {
                let (digest, code) = bytes.split_at_checked(32)?;
                if digest == self.digest(sha256, code) {
                    return Some(code.to_vec());
                }
                tracing::warn!(file = %path.display(), "a damaged file of the code cache is compiled anew");
                None
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "a file of the code cache is not used");
                None
            }
        }
    }

    /// Keeps the code of a module. Whoever reads meanwhile sees the old file or the new one.
    pub(super) fn keep(&self, sha256: Sha256, code: &[u8]) {
        let Some(dir) = &self.dir else { return };
        let write = || -> io::Result<()> {
            // 0600 from the start.
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&dir.path)?;
            file.write_all(&self.digest(sha256, code))?;
            file.write_all(code)?;
            // A crash must not leave the name over an empty file: it would be seen, but cost the compile.
            file.as_file().sync_all()?;
            file.persist(dir.path.join(self.name(sha256)))?;
            Ok(())
        };
        if let Err(error) = write() {
            tracing::warn!(dir = %dir.path.display(), %error, "compiled code could not be cached");
        }
    }

    /// Deletes what the set in force does not name, but for some spare ones.
    pub(super) fn prune(&self, in_force: &BTreeSet<Sha256>) {
        let Some(dir) = &self.dir else { return };
        let keep: BTreeSet<String> = in_force.iter().map(|sha256| self.name(*sha256)).collect();
        if let Err(error) = self.prune_in(dir, &keep) {
            tracing::warn!(dir = %dir.path.display(), %error, "the code cache could not be pruned");
        }
    }

    fn prune_in(&self, dir: &Dir, keep: &BTreeSet<String>) -> io::Result<()> {
        let own = format!("-{}.{EXTENSION}", self.host);
        let mut spare = Vec::new();
        for found in fs::read_dir(&dir.path)? {
            let found = found?;
            let name = found.file_name().to_string_lossy().into_owned();
            // Err: another instance pruned it.
            let (false, path, Ok(meta)) = (keep.contains(&name), found.path(), found.metadata()) else { continue };
            let used = meta.modified()?;
            if name.ends_with(&own) {
                spare.push((used, meta.len(), path));
            } else if is_cache_file(&name) && used.elapsed().is_ok_and(|age| age > FOREIGN) {
                remove(&path)?;
            }
        }
        spare.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
        let mut bytes = 0;
        for (place, (_, size, path)) in spare.into_iter().enumerate() {
            bytes += size;
            if place >= SPARE_FILES || bytes > SPARE_BYTES {
                remove(&path)?;
            }
        }
        Ok(())
    }

    fn name(&self, sha256: Sha256) -> String {
        format!("{sha256}-{}.{EXTENSION}", self.host)
    }

    /// Over the name too: a file under another module's name is foreign.
    fn digest(&self, sha256: Sha256, code: &[u8]) -> [u8; 32] {
        let digest = sha2::Sha256::new().chain_update(sha256.0).chain_update(&self.host).chain_update(code);
        digest.finalize().into()
    }
}

impl Dir {
    /// Makes it where it is missing; an existing one must be ours alone, or somebody else could bring code.
    fn open(configured: Option<&Path>) -> io::Result<Self> {
        let path = match configured {
            Some(path) => path.to_owned(),
            None => std::env::temp_dir().join(format!("weir-cache-{}", uid_in(&std::env::temp_dir())?)),
        };
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        let uid = uid_in(&path)?;
        // Not through a link: in a shared folder somebody else may have put one there.
        let meta = fs::symlink_metadata(&path)?;
        if !meta.is_dir() || meta.uid() != uid || meta.mode() & 0o022 != 0 {
            let why = format!("{} has to be a folder of user {uid} that no other may write: chmod 700", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        if meta.mode() & 0o077 != 0 {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self { path, uid })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is no plain file"));
        }
        let mut file = File::open(path)?;
        self.ours(&file.metadata()?)?;
        let mut bytes = Vec::new();
        (&mut file).take(MAX_CODE + 32).read_to_end(&mut bytes)?;
        // The age of a spare file is since its last use. It is ours, so this may only fail on a read-only mount.
        let _ = file.set_modified(SystemTime::now());
        Ok(bytes)
    }

    fn ours(&self, meta: &Metadata) -> io::Result<()> {
        if meta.uid() == self.uid && meta.mode() & 0o077 == 0 {
            return Ok(());
        }
        let why = format!("it belongs to user {} with mode {:o}, not to us alone", meta.uid(), meta.mode() & 0o7777);
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }
}

fn is_cache_file(name: &str) -> bool {
    let whole = name.len() == 64 + 1 + 16 + 1 + EXTENSION.len() && name.ends_with(&format!(".{EXTENSION}"));
    whole || name.starts_with(UNFINISHED)
}

/// Whoever owns what we create is who we are.
fn uid_in(dir: &Path) -> io::Result<u32> {
    Ok(tempfile::tempfile_in(dir)?.metadata()?.uid())
}

/// Gone already is gone too.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// wasmtime's compatibility hash over SHA-256: the standard hasher may change with the compiler.
struct Digesting(sha2::Sha256);

impl Hasher for Digesting {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
    }
}
