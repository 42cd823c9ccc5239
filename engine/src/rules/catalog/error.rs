//! Why a set can't come into force, and why a change of it was not made.

use super::moved::Moved;
use crate::model::ids::Sha256;
use crate::model::store::StoreError;
use crate::rules::module::Invalid;
use crate::rules::text::shorten;

/// The stored set can't come into force.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The store can't be asked, or holds rows that can't be a set.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A rule does not fit this instance.
    #[error("the stored rule {rule} does not fit: {message}")]
    Rule {
        /// Its name.
        rule: String,
        /// What does not fit, and what to do.
        message: String,
    },
    /// At the start: all rules that do not fit, each with the reason.
    #[error("{}", all(.0))]
    Misfits(Vec<(String, String)>),
    /// The compiler does not run, whatever the module.
    #[error("rules can't be compiled: {0}")]
    Compiler(String),
    /// At the start: the rules directory can't be used.
    #[error("{0}")]
    Directory(String),
}

fn all(misfits: &[(String, String)]) -> String {
    let rules: Vec<_> =
        misfits.iter().map(|(rule, why)| format!("the stored rule {rule} does not fit: {why}")).collect();
    format!(
        "{}. Fix the configuration; or turn the rule off, roll it back or delete it through an instance that runs; or \
         start with --suspend-misfits, which suspends it for every instance",
        rules.join("; ")
    )
}

/// Why a change was not made; nothing changed, but for `Unknown`.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Larger than the configuration allows.
    #[error("the module has {size} bytes, rules.max_module allows {most}")]
    TooLarge {
        /// Bytes of the module.
        size: usize,
        /// Bytes that are allowed.
        most: usize,
    },
    /// The bytes are no WebAssembly.
    #[error("not a WebAssembly module: upload the .wasm that cargo built (a .cwasm is refused)")]
    NotWasm,
    /// It is no rule, or says wrong things of itself.
    #[error("{0}")]
    Module(String),
    /// A rule, but not for this pipeline or these parameters.
    #[error("{0}")]
    Unfit(String),
    /// The set has no rule of this name.
    #[error("there is no rule {0}")]
    NoSuchRule(String),
    /// The store has no such version of the rule.
    #[error("rule {rule} has no version {sha256}: GET /rules/{rule} lists those that it has")]
    NoSuchVersion {
        /// The rule's name.
        rule: String,
        /// The digest that was asked for.
        sha256: Sha256,
    },
    /// Another change stands in the way.
    #[error("{0}")]
    Conflict(String),
    /// It was decided on another set than the one in the store.
    #[error("{0}")]
    Moved(Box<Moved>),
    /// Another version would take the live one out of force, and nobody said that it should.
    #[error(
        "rule {rule} is live at version {live}: this version with mode {mode} would take its place, and then nothing of \
         the rule would act"
    )]
    InForce {
        /// The rule's name.
        rule: String,
        /// The version that acts.
        live: Sha256,
        /// The mode that was asked for.
        mode: &'static str,
    },
    /// The answer of the store was lost: the change may be made or not.
    #[error("the store did not say whether the change of rule {rule} was made: {why}")]
    Unknown {
        /// The rule's name.
        rule: String,
        /// What was seen instead of an answer.
        why: String,
    },
    /// No fault of the module.
    #[error("rules can't be compiled at the moment: {0}")]
    Compiler(String),
    /// The store can't be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refused {
    /// What `probe` says holds texts of the module's: cut to one line of 1,000 characters.
    pub(super) fn short(self) -> Self {
        match self {
            Self::Unfit(why) => Self::Unfit(shorten(&why)),
            Self::Compiler(why) => Self::Compiler(shorten(&why)),
            other => other,
        }
    }
}

/// For whoever brings a new module: that the compiler was killed over it is its fault.
impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::TooLarge { size, most } => Self::TooLarge { size, most },
            Invalid::NotWasm => Self::NotWasm,
            Invalid::Module(why) | Invalid::Killed(why) => Self::Module(why),
            Invalid::Compiler(why) => Self::Compiler(why),
        }
    }
}

impl From<CatalogError> for Refused {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Store(error) => Self::Store(error),
            CatalogError::Compiler(why) => Self::Compiler(why),
            error @ (CatalogError::Rule { .. } | CatalogError::Misfits(_) | CatalogError::Directory(_)) => {
                Self::Unfit(error.to_string())
            }
        }
    }
}
