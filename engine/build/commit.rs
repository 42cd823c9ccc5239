// The commit that a checkout is at, and the files by which a change of it shows. Also compiled into a test.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Twelve digits, and what to look at; None: this is no checkout of its own, as in a tarball, or there is no git.
pub(crate) fn commit(root: &Path) -> Option<(String, Vec<PathBuf>)> {
    // A tarball that was unpacked in somebody else's checkout has that one's git, and not its commit.
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    let commit = git(root, &["rev-parse", "--short=12", "HEAD"])?;
    // HEAD changes with a checkout; with a commit its branch does, or the log of HEAD where the branch is packed.
    let branch = git(root, &["rev-parse", "--symbolic-full-name", "HEAD"]).unwrap_or_default();
    let looked_at = ["HEAD", &branch, "logs/HEAD"].into_iter().filter(|name| !name.is_empty());
    let files = looked_at.filter_map(|name| git(root, &["rev-parse", "--git-path", name])).map(|path| root.join(path));
    // cargo takes a file that is not there for one that changes at each build.
    Some((commit, files.filter(|file| file.is_file()).collect()))
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
