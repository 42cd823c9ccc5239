//! What the API asks of the rest of the engine: traits that `pipeline` implements, so that the API can be tested without
//! Kafka, a database or wasmtime.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::views::{
    AlertsHeld, DependencyView, EvaluateView, HistoryView, InstancesView, ManifestView, MovedView, PipelineStatus,
    PlanView, PublishedView, RuleDetail, RulesView,
};
use crate::model::catalog::{By, Mode};
use crate::model::ids::Revision;

mod records;

pub use records::{Bytes, Found, LetterFilter, ReadError, RecordReader};

/// Why a request about rules was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// Beyond `max_module`.
    #[error("the module is larger than {limit} bytes")]
    TooLarge {
        /// `rules.max_module`, in bytes.
        limit: u64,
    },
    /// The bytes are no WebAssembly.
    #[error("the body is not WebAssembly")]
    NotWasm,
    /// Refused: what was wrong and what to fix.
    #[error("{detail}; {hint}")]
    Invalid {
        /// What was wrong.
        detail: String,
        /// What to do about it.
        hint: String,
    },
    /// Another change came first, or there is nothing to go back to.
    #[error("{0}")]
    Conflict(String),
    /// The change was decided on another set than the one that is stored.
    #[error("{detail}")]
    Moved {
        /// What was done since, in words.
        detail: String,
        /// What differs.
        moved: Box<MovedView>,
    },
    /// A publish would take a live version out of force without being told to.
    #[error("{0}")]
    InForce(String),
    /// The change may be made or not: the answer of the store was lost.
    #[error("{detail}")]
    Unknown {
        /// Name of the rule.
        rule: String,
        /// What was seen in place of an answer.
        detail: String,
    },
    /// No rule or version of that name.
    #[error("{0}")]
    NotFound(String),
    /// The store is away, or the engine is stopping.
    #[error("{0}")]
    Unavailable(String),
}

/// A module on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishRequest {
    /// The module's bytes, as uploaded.
    pub wasm: Vec<u8>,
    /// Address that the upload came from.
    pub source: String,
    /// Who sends it, and why.
    pub author: Author,
    /// What it starts with; what the catalog or the configuration says unless given.
    pub order: Option<i32>,
    /// See `order`.
    pub mode: Option<Mode>,
    /// Whether it may take a live version out of force.
    pub replace: bool,
}

/// Who asks for a change, why, and on which set it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Name of the person or of the token; "anonymous" where no token is configured.
    pub who: Arc<str>,
    /// In the person's own words, at most [`By::REASON`] characters; None: none was given.
    pub reason: Option<String>,
    /// Revision of the rule set that it was decided on; None: any will do.
    pub seen: Option<u64>,
}

impl Author {
    /// As the catalog takes it.
    pub fn by(&self) -> By<'_> {
        By { who: &self.who, reason: self.reason.as_deref(), seen: self.seen.map(Revision) }
    }
}

/// What to change of a rule; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct PatchRequest {
    /// live, shadow or off.
    pub mode: Option<Mode>,
    /// Place among the rules, ascending.
    pub order: Option<i32>,
    /// Parameters to set, by name; a null takes the default again, also that of later versions; those not named stay.
    pub parameters: Option<BTreeMap<String, Option<String>>>,
    /// Why, for the audit, 500 characters at most.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// Where to go back to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct RollbackRequest {
    /// The version; the one before the current unless given.
    #[schema(min_length = 64, max_length = 64, pattern = "^[0-9A-Fa-f]{64}$")]
    pub sha256: Option<String>,
    /// Why, for the audit, 500 characters at most.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// What is planned without a module; what does not go with the action is refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct PlanRequest {
    /// Name of the rule.
    pub rule: String,
    /// What would be done to it.
    pub action: PlannedAction,
    /// Of a patch: live, shadow or off.
    pub mode: Option<Mode>,
    /// Of a patch: place among the rules, ascending.
    pub order: Option<i32>,
    /// Of a patch: parameters to set, by name; a null takes the default again.
    pub parameters: Option<BTreeMap<String, Option<String>>>,
    /// Of a rollback: the version; the one before the current unless given.
    #[schema(min_length = 64, max_length = 64, pattern = "^[0-9A-Fa-f]{64}$")]
    pub sha256: Option<String>,
}

/// What may be done to a rule without a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlannedAction {
    /// As PATCH /rules/{name}.
    Patch,
    /// As POST /rules/{name}/rollback.
    Rollback,
    /// As DELETE /rules/{name}.
    Retire,
}

/// What is evaluated, and with which parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvaluateRequest {
    /// The JSON text of each record, at most `Batch::MAX_ROWS` of them.
    pub records: Vec<Vec<u8>>,
    /// Parameters that are not as they are in force, by rule and by name.
    pub parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// The rule that a test is made for, of the first record.
    pub test: Option<String>,
    /// Where the first record is from, as `3@18234771`: the name of the test.
    pub origin: Option<String>,
}

/// The catalog, as the API sees it. `list` and `get` answer from memory while the store is away. `author` is for the audit.
/// Every change returns the revision that it made.
#[async_trait]
pub trait RuleAdmin: Send + Sync {
    /// Names of the rules in the set, in whatever mode. From memory.
    fn names(&self) -> Vec<String>;
    /// The set in force.
    async fn list(&self) -> Result<RulesView, AdminError>;
    /// With the newest `versions` of its versions; 0: none is asked for, so that nothing but memory is read.
    async fn get(&self, name: &str, versions: u32) -> Result<RuleDetail, AdminError>;
    /// Checks a module, stores it and puts it into force.
    async fn publish(&self, request: PublishRequest) -> Result<PublishedView, AdminError>;
    /// The checks of `publish`; changes nothing.
    async fn check(&self, wasm: Vec<u8>) -> Result<ManifestView, AdminError>;
    /// What a change without a module would do, if it was decided on the set `seen`; changes nothing.
    async fn plan(&self, request: PlanRequest, seen: Option<u64>) -> Result<PlanView, AdminError>;
    /// What a publish would do; changes nothing.
    async fn plan_publish(&self, request: PublishRequest) -> Result<PlanView, AdminError>;
    /// Changes mode, order or parameters.
    async fn patch(&self, name: &str, patch: PatchRequest, author: &Author) -> Result<u64, AdminError>;
    /// Puts an earlier version into force.
    async fn rollback(&self, name: &str, request: RollbackRequest, author: &Author) -> Result<u64, AdminError>;
    /// Takes a rule out of the set.
    async fn retire(&self, name: &str, author: &Author) -> Result<u64, AdminError>;
    /// What the rules say of records. A text that is no JSON is a finding of that record (PARSE_JSON), not an error. Changes
    /// nothing, no figure either.
    async fn evaluate(&self, request: EvaluateRequest) -> Result<EvaluateView, AdminError>;
}

/// The state of the running pipeline. Answers from memory, so that it answers while Kafka and the store are away.
pub trait PipelineView: Send + Sync {
    /// What this instance does.
    fn pipeline(&self) -> PipelineStatus;
    /// All instances of the pipeline, as far as this one knows.
    fn instances(&self) -> Arc<InstancesView>;
    /// The last 15 minutes.
    fn history(&self) -> HistoryView;
    /// What it depends on: Kafka, the database, then each lookup.
    fn dependencies(&self) -> Vec<DependencyView>;
    /// Whether the pipeline works, with each warning that there is; texts for a person.
    ///
    /// # Errors
    /// Each reason why it does not work; texts for a person.
    fn ready(&self) -> Result<Vec<String>, Vec<String>>;
}

/// The newest messages of the alert topic, from memory.
#[async_trait]
pub trait AlertTail: Send + Sync {
    /// What is held now. A call after a minute without one begins to read anew, and waits for that, 2 s at most.
    async fn held(&self) -> AlertsHeld;
}
