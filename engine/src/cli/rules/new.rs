//! `weir rules new`: the crate of a rule, in the workspace that its folder falls into or on its own.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::names;
use super::workspace::Workspace;
use crate::cli::out;

/// As in Weir's own Cargo.toml: what a module is built with. Names are kept for backtraces, nothing else is.
const PROFILE: &str = r#"
[profile.rule]
inherits = "release"
opt-level = 3
lto = "fat"
codegen-units = 1
panic = "abort"
strip = "debuginfo"
"#;

pub(super) fn create(path: &Path, sdk: Option<&Path>) -> anyhow::Result<()> {
    // Of the absolute path, so that `.` and `..` are names of folders that exist.
    let folder = absolute(path)?;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(why) = names::refused(name) {
        bail!("{why}");
    }
    ensure!(!folder.exists(), "{} is there already; name a folder that is not there yet", path.display());
    let sdk = sdk.map(checked_sdk).transpose()?;
    let workspace = Workspace::around(&folder)?;
    let Some(manifest) = manifest(name, &folder, workspace.as_ref(), sdk.as_deref()) else {
        bail!(
            "{} is in no workspace that has weir-sdk, which is not published: name the folder sdk/ of a checkout of \
             Weir, as in `weir rules new --sdk ../weir/sdk {}`",
            path.display(),
            path.display()
        );
    };
    std::fs::create_dir_all(folder.join("src")).with_context(|| format!("cannot make {}", path.display()))?;
    write(&folder.join("Cargo.toml"), &manifest)?;
    write(&folder.join("src/lib.rs"), &include_str!("template.rs.txt").replace("RULE", name))?;
    out::line(format_args!("{}", what_next(path, name, workspace.as_ref())));
    Ok(())
}

/// The folder's path from the root, links followed as far as it exists.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path).with_context(|| format!("{} names no folder", path.display()))?;
    for known in path.ancestors() {
        if let Ok(real) = known.canonicalize() {
            let rest = path.strip_prefix(known).expect("an ancestor is a prefix");
            return Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) });
        }
    }
    Ok(path)
}

fn checked_sdk(path: &Path) -> anyhow::Result<PathBuf> {
    let manifest = path.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let table: toml::Table = text.parse().with_context(|| format!("{} is no TOML", manifest.display()))?;
    let name = table.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str());
    ensure!(name == Some("weir-sdk"), "{} is not weir-sdk: give the folder sdk/ of Weir", path.display());
    path.canonicalize().with_context(|| format!("cannot find {}", path.display()))
}

/// None: nothing says where the SDK is. No address stands in for it: what is there may be a stranger's.
fn manifest(name: &str, folder: &Path, workspace: Option<&Workspace>, sdk: Option<&Path>) -> Option<String> {
    let own_sdk = workspace.map(|workspace| workspace.root.join("sdk")).filter(|sdk| checked_sdk(sdk).is_ok());
    let sdk = match (sdk, own_sdk, workspace) {
        (Some(sdk), ..) => format!("weir-sdk = {{ path = {} }}", quoted(sdk)),
        (None, _, Some(workspace)) if workspace.shares_sdk() => "weir-sdk.workspace = true".to_owned(),
        (None, Some(sdk), _) => format!("weir-sdk = {{ path = {} }}", quoted(&relative(folder, &sdk))),
        (None, None, _) => return None,
    };
    let alone = match workspace {
        Some(_) => String::new(),
        // Its own workspace: it is no member of one that may be somewhere above.
        None => format!("\n[workspace]\n{PROFILE}"),
    };
    Some(format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n[lib]\ncrate-type = \
         [\"cdylib\", \"rlib\"] # the module; and what its tests link\n\n[dependencies]\n{sdk}\n{alone}"
    ))
}

/// From a folder to another one; both below one root.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Path::new(".."));
    up.chain(to.components().skip(shared).map(|part| Path::new(part.as_os_str()))).collect()
}

fn quoted(path: &Path) -> String {
    toml::Value::from(path.display().to_string()).to_string()
}

fn what_next(path: &Path, name: &str, workspace: Option<&Workspace>) -> String {
    let file = path.join("src/lib.rs");
    let build = format!("cargo build --profile rule --target wasm32-unknown-unknown -p {name}");
    match workspace {
        Some(workspace) if !workspace.has_rule_profile() => format!(
            "{}: write the rule, then `cargo test -p {name}`; to build it, {} needs this:\n{PROFILE}",
            file.display(),
            workspace.root.join("Cargo.toml").display()
        ),
        Some(workspace) if workspace.root.join("sdk/wit/rule.wit").exists() => {
            format!("{}: write the rule, then `cargo test -p {name}` and `make rules`", file.display())
        }
        Some(_) => format!("{}: write the rule, then `cargo test -p {name}` and `{build}`", file.display()),
        None => format!("{}: write the rule, then `cargo test` and `{build}` in its folder", file.display()),
    }
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdk() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk")
    }

    #[test]
    fn a_new_rule_carries_its_name_and_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("round_amount");
        create(&path, Some(&sdk())).unwrap();
        assert!(std::fs::read_to_string(path.join("src/lib.rs")).unwrap().contains("pub fn round_amount("));
        let manifest = std::fs::read_to_string(path.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("name = \"round_amount\"") && manifest.contains("[profile.rule]"), "{manifest}");
        assert!(create(&path, Some(&sdk())).unwrap_err().to_string().contains("there already"));
    }

    #[test]
    fn a_refused_name_or_sdk_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["Round-Amount", "match"] {
            create(&folder.path().join(name), None).unwrap_err();
        }
        let why = create(&folder.path().join("round_amount"), Some(folder.path())).unwrap_err();
        assert!(why.to_string().contains("Cargo.toml"), "{why}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn without_a_workspace_or_an_sdk_it_says_how_to_name_one_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let why = create(&folder.path().join("round_amount"), None).unwrap_err().to_string();
        assert!(why.contains("not published") && why.contains("weir rules new --sdk ../weir/sdk "), "{why}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_beside_an_sdk_is_no_member_of_a_workspace() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("sdk/wit")).unwrap();
        std::fs::write(folder.path().join("sdk/wit/rule.wit"), "").unwrap();
        create(&folder.path().join("rules/round_amount"), Some(&sdk())).unwrap();
        let manifest = std::fs::read_to_string(folder.path().join("rules/round_amount/Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]") && manifest.contains("path = "), "{manifest}");
    }

    #[test]
    fn the_profile_is_that_of_weirs_own_workspace() {
        let of = |text: &str| text.parse::<toml::Table>().unwrap()["profile"]["rule"].clone();
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        assert_eq!(of(PROFILE), of(&std::fs::read_to_string(root).unwrap()));
    }
}
