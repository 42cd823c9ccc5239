//! The reason of a letter, where a test needs one and it does not matter which.

use weir::model::finding::Stage;
use weir::model::ids::Revision;
use weir::model::letter::Reason;

/// What `negative_amount` would say, at revision 1.
pub fn reason() -> Reason<'static> {
    Reason {
        stage: Stage::Rule,
        code: "AMOUNT_NEGATIVE",
        message: "amount -1 < 0".into(),
        rule: None,
        revision: Revision(1),
        hits: vec![],
        more: 0,
    }
}
