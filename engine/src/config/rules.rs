//! The keys about rules: how they are found, what they may cost, what each starts with. Their doc comments are the users' reference,
//! as in the module above.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::OnFailure;
use crate::model::catalog::Mode;

/// `[rules]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Folder whose `.wasm` files are published; it has to exist. Default: `"rules.d"`.
    pub dir: PathBuf,
    /// Processor time of one call, which judges up to 2,000 records; 10 ms to 10 s. Default: `"50ms"`.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Memory of one rule on one worker, 64 KiB at least. Default: `"16MiB"`.
    pub memory: ByteSize,
    /// Processor time that a live rule may take a record, averaged over 10 s. Beyond it the condition
    /// `rules.over_budget` says so, and the rule judges on. Default: `"20us"`.
    #[serde(with = "humantime_serde")]
    pub budget: Duration,
    /// Part of each worker's processor time that all shadow rules together may take, 0.01 to 0.5. Beyond it they judge
    /// samples. Default: `0.1`.
    pub shadow_budget: f64,
    /// Size of a module that is published. Default: `"8MiB"`.
    pub max_module: ByteSize,
    /// What becomes of a record on which a rule failed: `dead_letter`, `skip` or `halt`. Default: `"dead_letter"`.
    pub on_failure: OnFailure,
    /// Rules that have to be live, or the pipeline is not ready.
    pub required: Vec<String>,
    /// Rules of the set, whatever their mode, 1 to 1,000. A publish beyond it is refused. Default: `100`.
    pub max_rules: usize,
    /// Newest revisions of the set that are kept whatever happens, 100 to 1,000,000. Older ones stay while Kafka holds
    /// a record that they judged. Default: `1000`.
    pub history: u64,
    /// Folder of compiled modules, so that a restart compiles nothing. Default: a temporary folder.
    pub cache: Option<PathBuf>,
    /// `weir run --suspend-misfits`: of one start, so no file may say it.
    #[serde(skip)]
    pub suspend_misfits: bool,
}

/// `[rule.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleStart {
    /// Parameters by name, as texts: `{ limit = "200000" }`.
    pub parameters: BTreeMap<String, String>,
    /// Place among the rules, ascending: the first rule that rejects gives the dead letter's reason. Default: 0.
    pub order: Option<i32>,
    /// `live`, `shadow` or `off`. Default: live.
    pub mode: Option<Mode>,
    /// As `rules.on_failure`, for this rule; read at each start. Default: what `rules.on_failure` says.
    pub on_failure: Option<OnFailure>,
}
