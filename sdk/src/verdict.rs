//! What a rule says of one record, and the codes it says it with.

use std::marker::PhantomData;

use crate::runtime;

/// Bytes of a detail that are kept. Longer ones are cut here, in the guest: the engine's bound on what a batch may
/// return counts them before the engine could cut them.
pub const MAX_DETAIL: usize = 256;

/// A rule's verdict on one record: [`PASS`], or a hit by [`dead_letter`] or [`flag`].
#[must_use = "a verdict has no effect unless the rule returns it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict(pub(crate) Option<Found>);

/// A hit before it knows its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) code: u16,
    pub(crate) detail: String,
}

/// The rule has nothing to say of this record.
pub const PASS: Verdict = Verdict(None);

/// A code that `#[rule(code(NAME, …))]` declared; `Effect` is [`DeadLetter`] or [`Flag`].
#[derive(Debug)]
pub struct HitCode<Effect> {
    index: u16,
    effect: PhantomData<Effect>,
}

impl<Effect> Clone for HitCode<Effect> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Effect> Copy for HitCode<Effect> {}

/// Effect of a code: the record goes to the dead-letter queue and is not counted.
#[derive(Debug)]
pub struct DeadLetter;

/// Effect of a code: the record stays valid and is counted as flagged.
#[derive(Debug)]
pub struct Flag;

impl<Effect> HitCode<Effect> {
    /// For the macro: the place of the code in the manifest.
    #[doc(hidden)]
    pub const fn declared(index: u16) -> Self {
        Self { index, effect: PhantomData }
    }
}

/// A code declared `dead_letter`.
#[diagnostic::on_unimplemented(
    message = "this code is not declared `dead_letter`",
    label = "declared `flag` in #[rule(…)]",
    note = "write `flag(CODE, || …)` here, or declare it as `code(CODE, dead_letter, \"…\")`"
)]
pub trait DeadLetterCode {
    /// Its place in the manifest.
    #[doc(hidden)]
    fn index(self) -> u16;
}

impl DeadLetterCode for HitCode<DeadLetter> {
    fn index(self) -> u16 {
        self.index
    }
}

/// A code declared `flag`.
#[diagnostic::on_unimplemented(
    message = "this code is not declared `flag`",
    label = "declared `dead_letter` in #[rule(…)]",
    note = "write `dead_letter(CODE, || …)` here, or declare it as `code(CODE, flag, \"…\")`"
)]
pub trait FlagCode {
    /// Its place in the manifest.
    #[doc(hidden)]
    fn index(self) -> u16;
}

impl FlagCode for HitCode<Flag> {
    fn index(self) -> u16 {
        self.index
    }
}

/// The record is dirty: it goes to the dead-letter queue with this code and what was seen.
pub fn dead_letter<D: Into<String>>(code: impl DeadLetterCode, detail: impl FnOnce() -> D) -> Verdict {
    found(code.index(), detail)
}

/// [`dead_letter`] where the condition holds, else [`PASS`]; the detail is built only on a hit.
#[inline]
pub fn dead_letter_if<D: Into<String>>(
    condition: bool,
    code: impl DeadLetterCode,
    detail: impl FnOnce() -> D,
) -> Verdict {
    if condition { dead_letter(code, detail) } else { PASS }
}

/// The record stays valid and is counted as flagged, with this code and what was seen. The detail is built only where it
/// is kept.
#[inline]
pub fn flag<D: Into<String>>(code: impl FlagCode, detail: impl FnOnce() -> D) -> Verdict {
    if runtime::explains_flags() {
        return found(code.index(), detail);
    }
    Verdict(Some(Found { code: code.index(), detail: String::new() }))
}

/// [`flag`] where the condition holds, else [`PASS`].
#[inline]
pub fn flag_if<D: Into<String>>(condition: bool, code: impl FlagCode, detail: impl FnOnce() -> D) -> Verdict {
    if condition { flag(code, detail) } else { PASS }
}

#[cold] // hits are rare: keeps the formatting out of the loop over the rows
fn found<D: Into<String>>(code: u16, detail: impl FnOnce() -> D) -> Verdict {
    Verdict(Some(Found { code, detail: cut(detail().into()) }))
}

/// At most [`MAX_DETAIL`] bytes of it, never half a character.
fn cut(mut detail: String) -> String {
    detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
    detail
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: HitCode<Flag> = HitCode::declared(0);

    #[test]
    fn a_detail_is_cut_between_characters() {
        let long = "ä".repeat(200);
        let detail = flag(CODE, || format!("x{long}")).0.map(|found| found.detail);
        assert_eq!(detail.as_deref().map(str::len), Some(255), "256 would split an ä");
        assert_eq!(cut("a".repeat(300)).len(), 256);
        assert_eq!(cut("short".into()), "short");
    }

    #[test]
    fn a_flag_that_nobody_asks_to_explain_builds_no_detail() {
        runtime::explain_flags(false);
        let told = flag(CODE, || -> String { unreachable!("nobody reads it") });
        let dead = dead_letter(HitCode::<DeadLetter>::declared(1), || "-5 < 0");
        runtime::explain_flags(true);
        assert_eq!(told, Verdict(Some(Found { code: 0, detail: String::new() })));
        assert_eq!(dead, Verdict(Some(Found { code: 1, detail: "-5 < 0".into() })));
        assert_eq!(flag(CODE, || "seen"), Verdict(Some(Found { code: 0, detail: "seen".into() })));
    }

    #[test]
    fn a_detail_is_built_only_on_a_hit() {
        let verdict = flag_if(false, CODE, || -> String { unreachable!("no hit") });
        assert_eq!(verdict, PASS);
    }
}
