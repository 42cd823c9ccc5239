//! The rules directory as it is found: which directory it is, whose, and its files. It publishes nothing and follows what
//! the code cache asks of its folder: what others may write is no source of rules.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Which directory a path led to. A mount that comes or goes, and a directory that was made anew, are others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    /// An inode's number may be given again. None: the file system does not tell.
    made: Option<SystemTime>,
}

/// When a file was written, and its bytes.
pub(super) type Stamp = (SystemTime, u64);

/// Where a file is, when it was written and its bytes, or why it tells nothing of itself.
pub(super) type File = (PathBuf, std::io::Result<Stamp>);

/// Files by name.
pub(super) type Files = BTreeMap<String, File>;

/// What a look at the directory found.
pub(super) struct Listing {
    pub(super) identity: Identity,
    pub(super) files: Files,
}

/// Err: why it can't be used, for an operator. The `.wasm` files, without hidden ones (editors and Kubernetes write beside
/// and rename).
pub(super) fn list(dir: &Path) -> Result<Listing, String> {
    let shown = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let shown = shown.display();
    let failed = |why: std::io::Error| match why.kind() {
        ErrorKind::NotFound => format!("{shown} does not exist: correct the path, create the directory, or mount it"),
        _ => format!("{shown} can't be read: {why}"),
    };
    // Follows links, as a deployment that switches one does.
    let meta = fs::metadata(dir).map_err(failed)?;
    if !meta.is_dir() {
        return Err(format!("{shown} is no directory: name the one that holds the .wasm files"));
    }
    trusted(&meta).map_err(|why| format!("{shown} {why}"))?;
    let identity = Identity { device: meta.dev(), inode: meta.ino(), made: meta.created().ok() };
    let mut files = BTreeMap::new();
    for found in fs::read_dir(dir).map_err(failed)? {
        let found = found.map_err(failed)?;
        let path = found.path();
        let name = found.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || path.extension().is_none_or(|e| e != "wasm") {
            continue;
        }
        // Follows links: a Kubernetes mount is made of them.
        let stamp = match fs::metadata(&path) {
            Ok(meta) if meta.is_file() => meta.modified().map(|time| (time, meta.len())),
            Ok(_) => Err(std::io::Error::other("it is no plain file")),
            Err(gone) if gone.kind() == ErrorKind::NotFound => continue,
            // A list without it would retire its rule.
            Err(error) => Err(error),
        };
        files.insert(name, (path, stamp));
    }
    Ok(Listing { identity, files })
}

/// Err: somebody else than this user and root may write it.
pub(super) fn trusted(meta: &Metadata) -> Result<(), String> {
    trusts(rustix::process::geteuid().as_raw(), meta.uid(), meta.mode() & 0o7777)
}

fn trusts(ours: u32, owner: u32, mode: u32) -> Result<(), String> {
    if owner != ours && owner != 0 {
        return Err(format!(
            "belongs to user {owner}, not to user {ours} who runs weir or to root: chown it, or rules would be taken from \
             whoever that is"
        ));
    }
    if mode & 0o002 != 0 {
        return Err(format!("may be written by every user (mode {mode:o}): chmod o-w"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::trusts;

    #[test]
    fn only_this_user_and_root_may_bring_rules_and_no_one_else_write_them() {
        assert_eq!(trusts(1_000, 1_000, 0o755), Ok(()));
        // A ConfigMap, and a volume of a group.
        assert_eq!(trusts(1_000, 0, 0o644), Ok(()));
        assert_eq!(trusts(1_000, 0, 0o2775), Ok(()));
        assert!(trusts(1_000, 1_001, 0o755).is_err_and(|why| why.contains("user 1001") && why.contains("chown")));
        assert!(trusts(1_000, 1_000, 0o777).is_err_and(|why| why.contains("mode 777") && why.contains("chmod o-w")));
    }
}
