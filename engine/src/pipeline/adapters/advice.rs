//! What the API advises about a module that is refused. The catalog's text says what is wrong with it; this, where to look.

/// What to do about a module that is refused; most details say it themselves, and this says where.
pub(super) fn advice(detail: &str) -> &'static str {
    let has = |part: &str| detail.contains(part);
    if has("imports") {
        "a rule has no clock, file, network or randomness: take out what calls them, and build for wasm32-unknown-unknown"
    } else if has("the manifest is not valid") {
        "correct what is named, in #[rule(...)] and the structs that derive Record and Parameters"
    } else if has("compil") {
        "split its largest functions, and build it with the `rule` profile"
    } else if has("RULE_") {
        "write a test with that row in the rule's crate: `cargo test` calls it as the engine does"
    } else {
        "build it with the weir-sdk of this engine: `weir rules new` makes a crate that fits, `weir rules check` tries a module"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_refusal_has_an_advice_of_its_own() {
        let details = [
            "a rule imports nothing, this module imports wasi_snapshot_preview1::fd_write: remove them",
            "the manifest is not valid: the rule's name is \"X\"",
            "compiling exceeded 1 GiB or 10 s of CPU (signal: 9)",
            "RULE_TRAP: unreachable in high_amount::judge",
            "a core module without a component-type section",
        ];
        let advices: std::collections::BTreeSet<_> = details.map(advice).into();
        assert_eq!(advices.len(), details.len(), "{advices:?}");
    }
}
