//! Words that every text of the repository keeps to: American spelling, and metrics by the names that they have.

use std::collections::BTreeSet;

use weir::telemetry::METRICS;

use super::references::texts;

/// Beginnings of words as they are spelled in Britain. `cancelled` is not among them: tokio spells it so.
const BRITISH: [&str; 38] = [
    "artefact",
    "analyse",
    "armour",
    "behaviour",
    "catalogue",
    "categoris",
    "centre",
    "characteris",
    "colour",
    "customis",
    "defence",
    "favour",
    "finalis",
    "flavour",
    "fulfil ",
    "generalis",
    "grey ",
    "harbour",
    "honour",
    "initialis",
    "judgement",
    "labelled",
    "labour",
    "licence",
    "misspelt",
    "modelled",
    "neighbour",
    "normalis",
    "organisation",
    "organise",
    "prioritis",
    "recognis",
    "serialis",
    "signalled",
    "specialis",
    "summaris",
    "synchronis",
    "whilst",
];

/// Texts that others wrote, this list, and what a release said.
const FOREIGN: [&str; 3] = ["engine/src/config/properties.txt", "layout/words.rs", "CHANGELOG.md"];

#[test]
fn words_are_spelled_as_in_america() {
    let mut wrong = Vec::new();
    for file in texts().iter().filter(|file| !FOREIGN.iter().any(|foreign| file.path.ends_with(foreign))) {
        for (number, line) in file.text.lines().enumerate() {
            let line = line.to_lowercase();
            let found = BRITISH.iter().filter(|word| line.contains(**word));
            wrong.extend(found.map(|word| format!("{}:{}: {}", file.path.display(), number + 1, word.trim_end())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A document, a script or a test that asks for a metric by a name which it has no more would find nothing and say nothing.
#[test]
fn every_metric_that_is_named_is_there() {
    let known: BTreeSet<&str> = METRICS.iter().map(|metric| metric.0).collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for file in texts().iter().filter(|file| !FOREIGN.iter().any(|foreign| file.path.ends_with(foreign))) {
        for name in file.text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.starts_with("weir_"))
        {
            let of_a_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
            let name = of_a_histogram.unwrap_or(name);
            if name.ends_with("_total") || name.ends_with("_seconds") {
                seen += 1;
                if !known.contains(name) {
                    wrong.push(format!("{}: there is no metric {name}", file.path.display()));
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} names were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
