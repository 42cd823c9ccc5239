//! What this binary is made of, for whoever reports a fault: `weir --version` and the metric `weir_build_info`.

use std::sync::LazyLock;

use crate::kafka;

/// The build script's.
#[cfg(test)]
mod commit {
    include!("../build/commit.rs");
}

/// What the binary is made of.
pub struct BuildInfo {
    /// Version of Weir.
    pub version: &'static str,
    /// Commit of the checkout, in a release; otherwise "unknown".
    pub commit: &'static str,
    /// Cargo features, one behind the other.
    pub features: String,
    /// Version of librdkafka.
    pub librdkafka: String,
    /// As it is loaded; "none" without the feature `tls`.
    pub openssl: String,
}

impl BuildInfo {
    fn new() -> Self {
        let features = [
            ("tls", cfg!(feature = "tls")),
            ("vendored", cfg!(feature = "vendored")),
            ("oidc", cfg!(feature = "oidc")),
        ];
        let features: Vec<_> = features.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: env!("WEIR_COMMIT"),
            features: if features.is_empty() { "none".to_owned() } else { features.join(" ") },
            librdkafka: kafka::librdkafka_version(),
            openssl: kafka::openssl_version(),
        }
    }

    /// The lines behind `weir 0.1.0`.
    fn text(&self) -> String {
        let Self { version, commit, features, librdkafka, openssl } = self;
        format!("{version}\ncommit: {commit}\nfeatures: {features}\nlibrdkafka: {librdkafka}\nOpenSSL: {openssl}")
    }

    /// Counted once, when the service starts.
    pub fn count(&self) {
        let Self { version, commit, features, librdkafka, openssl } = self;
        metrics::gauge!("weir_build_info", "version" => *version, "commit" => *commit, "features" => features.clone(),
            "librdkafka" => librdkafka.clone(), "openssl" => openssl.clone())
        .set(1.0);
    }
}

/// What this binary is made of. librdkafka and OpenSSL are asked once.
pub fn build_info() -> &'static BuildInfo {
    static INFO: LazyLock<BuildInfo> = LazyLock::new(BuildInfo::new);
    &INFO
}

/// For the command line's `--version`.
pub(crate) fn version_text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| build_info().text());
    &TEXT
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::commit::commit;

    fn git(folder: &Path, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]);
        let output = git.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    #[test]
    fn the_commit_is_that_of_the_checkout_also_in_a_worktree_and_none_in_a_tarball() {
        let above = tempfile::tempdir().unwrap();
        let (one, tree, tarball) = (above.path().join("one"), above.path().join("tree"), above.path().join("one/tar"));
        std::fs::create_dir_all(&tarball).unwrap();
        assert_eq!(commit(&one), None, "no checkout yet");
        git(&one, &["init", "-q"]);
        assert_eq!(commit(&one), None, "no commit yet");
        git(&one, &["commit", "-q", "--allow-empty", "-m", "first"]);
        git(&one, &["worktree", "add", "-q", "-b", "beside", tree.to_str().unwrap()]);
        git(&tree, &["commit", "-q", "--allow-empty", "-m", "second"]);
        let (first, files) = commit(&one).unwrap();
        let (second, of_tree) = commit(&tree).unwrap();
        assert!(first.len() == 12 && first != second, "{first} {second}");
        for files in [files, of_tree] {
            assert!(files.len() >= 2 && files.iter().all(|file| file.is_file()), "{files:?}");
        }
        assert_eq!(commit(&tarball), None, "unpacked within another checkout");
    }
}
