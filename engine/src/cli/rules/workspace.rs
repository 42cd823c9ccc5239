//! Which workspace a new crate falls into, as cargo decides it: the nearest `Cargo.toml` above that has a `[workspace]`,
//! if its `members` name the folder and its `exclude` does not. A sibling folder that looks right is no reason.

use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use glob::{MatchOptions, Pattern};
use toml::Table;

/// The workspace that has the folder as a member.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Folder of its Cargo.toml.
    pub(super) root: PathBuf,
    manifest: Table,
}

impl Workspace {
    /// None: the folder is in no workspace. `folder` need not exist yet and must be absolute.
    pub(super) fn around(folder: &Path) -> anyhow::Result<Option<Self>> {
        for root in folder.ancestors().skip(1) {
            let file = root.join("Cargo.toml");
            if !file.is_file() {
                continue;
            }
            let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let manifest: Table = text.parse().with_context(|| format!("{} is no TOML", file.display()))?;
            if manifest.contains_key("workspace") {
                let found = Self { root: root.to_owned(), manifest };
                return Ok(found.has_member(folder).then_some(found));
            }
        }
        Ok(None)
    }

    fn has_member(&self, folder: &Path) -> bool {
        let Ok(path) = folder.strip_prefix(&self.root) else { return false };
        let named = self.strings("members").iter().any(|glob| matches(glob, path));
        // To cargo, `exclude` gives way to a member that is written out.
        let literal = self.strings("members").iter().any(|member| plain(member) == path);
        let excluded = self.strings("exclude").iter().any(|other| path.starts_with(plain(other)));
        named && (literal || !excluded)
    }

    fn strings(&self, key: &str) -> Vec<&str> {
        let list = self.manifest["workspace"].get(key).and_then(|list| list.as_array());
        list.into_iter().flatten().filter_map(|value| value.as_str()).collect()
    }

    /// Its members may write `weir-sdk.workspace = true`.
    pub(super) fn shares_sdk(&self) -> bool {
        let dependencies = self.manifest["workspace"].get("dependencies");
        dependencies.is_some_and(|dependencies| dependencies.get("weir-sdk").is_some())
    }

    /// Profiles are in the root's manifest; elsewhere cargo ignores them.
    pub(super) fn has_rule_profile(&self) -> bool {
        self.manifest.get("profile").is_some_and(|profiles| profiles.get("rule").is_some())
    }
}

/// Without `.` parts, as cargo joins and compares paths.
fn plain(path: &str) -> PathBuf {
    Path::new(path).components().filter(|part| !matches!(part, Component::CurDir)).collect()
}

/// `*` and `?` stay within a part of the path, `**` is any number of parts.
fn matches(glob: &str, path: &Path) -> bool {
    let within = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
    let glob = plain(glob).to_str().and_then(|glob| Pattern::new(glob).ok());
    glob.is_some_and(|glob| glob.matches_path_with(path, within))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(workspace: &str, path: &str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), workspace).unwrap();
        Workspace::around(&folder.path().join(path)).unwrap().is_some()
    }

    #[test]
    fn a_folder_is_a_member_if_a_glob_of_the_nearest_workspace_names_it() {
        let ours = "[workspace]\nmembers = [\"engine\", \"rules/*\"]\nexclude = [\"rules/old\"]";
        assert!(member(ours, "rules/round_amount"));
        assert!(!member(ours, "round_amount"));
        assert!(!member(ours, "other/round_amount"));
        assert!(!member(ours, "rules/deeper/round_amount"));
        assert!(!member(ours, "rules/old"));
        assert!(member("[workspace]\nmembers = [\"./a/**\"]", "a/b/c/round_amount"));
        assert!(member("[workspace]\nmembers = [\"rules/r?und_*\"]", "rules/round_amount"));
        assert!(member("[workspace]\nmembers = [\"x/y\"]\nexclude = [\"x\"]", "x/y"));
        assert!(!member("[package]\nname = \"a\"", "rules/round_amount"));
    }

    #[test]
    fn only_the_nearest_workspace_counts() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "[workspace]\nmembers = [\"inner/rules/*\"]").unwrap();
        std::fs::write(inner.join("Cargo.toml"), "[workspace]\nmembers = []").unwrap();
        assert!(Workspace::around(&inner.join("rules/a")).unwrap().is_none());
    }
}
