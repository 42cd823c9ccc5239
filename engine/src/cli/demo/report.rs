//! What came out, beside what must: printed, and compared.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table};

use super::cpu_time::Took;
use super::stream::{Places, RATE};
use super::truth::{Expected, Flags};
use super::{LETTERS, PARTITIONS};
use crate::cli::out;
use crate::config::Properties;
use crate::model::catalog::{Entry, Mode};
use crate::model::checkpoint::Activation;
use crate::model::ids::Revision;
use crate::outbox::{Shown, Wanted, tail};
use crate::pipeline::Running;
use crate::store::StatsRow;

type Revisions = BTreeMap<u64, Vec<Entry>>;

/// Prints everything; true if the result is the truth.
pub(super) async fn print(
    running: &Running,
    expected: &Expected,
    places: &Places,
    brokers: &str,
    took: &Took,
) -> anyhow::Result<bool> {
    print_speed(expected.records.len(), took);
    let rows = running.store.windows(u32::MAX, false).await?;
    print_windows(&rows);

    let brokers = brokers.to_owned();
    let letters = tokio::task::spawn_blocking(move || {
        let within = Duration::from_secs(30);
        let wanted =
            Wanted { topic: LETTERS, limit: 1_000_000, code: None, within, text: usize::MAX, bytes: usize::MAX };
        tail(&brokers, &Properties::default(), &wanted)
    })
    .await??;
    anyhow::ensure!(letters.complete, "the dead-letter topic was not read to its end within 30 s");
    let letters = letters.letters;
    let by_code = print_letters(&letters, expected);

    let activations = running.store.activations(u32::MAX).await?;
    let mut revisions = Revisions::new();
    for activation in &activations {
        let entries = running.store.entries_at(activation.revision).await?;
        revisions.insert(activation.revision.0, entries);
    }
    print_activations(&activations, &revisions);

    let differences = compare(&rows, expected, places, &activations, &revisions);
    for difference in differences.iter().take(10) {
        out::note(format_args!("  differs: {difference}"));
    }
    let right = differences.is_empty() && by_code;
    out::note(format_args!(
        "\nverdict: {} of {} window rows and {} dead letters {}",
        rows.len() - differences.len().min(rows.len()),
        expected.windows.len(),
        letters.len(),
        if right { "equal the truth" } else { "were compared: NOT the truth" }
    ));
    Ok(right)
}

/// How fast it was: the whole way, which the demo paces itself, and the engine by itself.
fn print_speed(records: usize, took: &Took) {
    let mut table = Table::new();
    table.set_header(["", "seconds", "records/s"]);
    let mut row = |what: String, time: Duration| {
        let seconds = time.as_secs_f64();
        let numbers = [format!("{seconds:.2}"), format!("{:.0}", records as f64 / seconds)];
        let numbers = numbers.map(|text| Cell::new(text).set_alignment(CellAlignment::Right));
        table.add_row(std::iter::once(Cell::new(what)).chain(numbers));
    };
    row(format!("from the first record to the last checkpoint; the demo sends at most {RATE}/s"), took.wall);
    if let Some(own) = took.workers {
        row("the engine's own work: CPU time of its workers, which decode, judge and sum".to_owned(), own);
    }
    out::note(format_args!("\n{records} records\n{table}"));
    if env!("WEIR_PROFILE") != "release" {
        out::note("built in minutes, for the demo: docs/performance.md has what a release does");
    }
    out::note("");
}

fn print_windows(rows: &[StatsRow]) {
    let mut table = Table::new();
    table.set_header(["window (UTC)", "type", "records", "flagged", "late", "amount_sum", "amount_max"]);
    for row in rows.iter().rev().take(10) {
        let measure = |name: &str| {
            let found = row.measures.iter().find(|(column, _)| column == name);
            found.and_then(|(_, value)| value.clone()).unwrap_or_default()
        };
        let kind = row.group.first().and_then(|(_, value)| value.clone()).unwrap_or_default();
        table.add_row(
            [
                crate::model::time::to_rfc3339(row.window_start),
                kind,
                row.records.to_string(),
                row.flagged.to_string(),
                row.late.to_string(),
                measure("amount_sum"),
                measure("amount_max"),
            ]
            .map(|text| Cell::new(text).set_alignment(CellAlignment::Right)),
        );
    }
    out::note(format_args!("risk_stats, the first 10 of {} rows\n{table}", rows.len()));
}

fn print_letters(letters: &[Shown], expected: &Expected) -> bool {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for letter in letters {
        *found.entry(letter.header("weir.code").to_owned()).or_default() += 1;
    }
    let mut table = Table::new();
    table.set_header(["code", "dead letters", "truth"]);
    let codes: std::collections::BTreeSet<_> = found.keys().chain(expected.letters.keys()).collect();
    for code in codes {
        let count = |map: &BTreeMap<String, u64>| map.get(code).copied().unwrap_or_default().to_string();
        table.add_row([code.clone(), count(&found), count(&expected.letters)]);
    }
    out::note(format_args!("\ndead letters\n{table}"));
    if let Some(letter) = letters.iter().find(|letter| letter.header("weir.stage") == "rule") {
        out::note(format_args!(
            "\none of them, whole: partition {} offset {} of the queue",
            letter.partition, letter.offset
        ));
        out::note(format_args!("  key   {}", letter.key.as_deref().unwrap_or("none")));
        out::note(format_args!("  value {}", letter.value.as_deref().unwrap_or("none")));
        for (name, value) in &letter.headers {
            out::note(format_args!("  {name}: {}", value.as_deref().unwrap_or("none")));
        }
    }
    found == expected.letters
}

fn print_activations(activations: &[Activation], revisions: &Revisions) {
    out::note(format_args!("\nwhich revision judged which offsets"));
    for partition in 0..PARTITIONS {
        let of: Vec<String> = activations
            .iter()
            .filter(|activation| activation.partition.0 == partition)
            .map(|activation| format!("from {} revision {}", activation.first_offset, activation.revision))
            .collect();
        out::note(format_args!("  partition {partition}: {}", of.join(", ")));
    }
    for (revision, entries) in revisions {
        let rules: Vec<String> =
            entries.iter().map(|entry| format!("{} {}", entry.name, &entry.sha256.to_string()[..8])).collect();
        out::note(format_args!("  revision {revision}: {}", rules.join(", ")));
    }
}

fn compare(
    rows: &[StatsRow],
    expected: &Expected,
    places: &Places,
    activations: &[Activation],
    revisions: &Revisions,
) -> Vec<String> {
    let flagged = expected_flags(expected, places, activations, revisions);
    let mut differences = Vec::new();
    let mut seen = 0;
    for row in rows {
        let kind = row.group.first().and_then(|(_, value)| value.clone()).unwrap_or_default();
        let key = (row.window_start, kind);
        let measure = |name: &str| {
            let found = row.measures.iter().find(|(column, _)| column == name);
            found.and_then(|(_, value)| value.clone()).unwrap_or_default()
        };
        let got = (row.records as u64, measure("amount_sum"), measure("amount_min"), measure("amount_max"));
        let flags = flagged.get(&key).copied().unwrap_or_default();
        match expected.windows.get(&key) {
            Some(want) if *want == got && flags == row.flagged => seen += 1,
            want => {
                differences.push(format!("{key:?}: {got:?} flagged {}, truth {want:?} flagged {flags}", row.flagged))
            }
        }
    }
    if seen + differences.len() < expected.windows.len() {
        differences.push(format!("{} windows are missing", expected.windows.len() - seen));
    }
    differences
}

/// Flags of each window: each valid record by the rules of the revision that judged its offset.
fn expected_flags(
    expected: &Expected,
    places: &Places,
    activations: &[Activation],
    revisions: &Revisions,
) -> BTreeMap<(i64, String), i64> {
    let first_high = first_high_amount(revisions);
    let mut flagged = BTreeMap::new();
    for (record, (partition, offset)) in expected.records.iter().zip(places).filter(|(record, _)| record.valid) {
        let revision = activations
            .iter()
            .filter(|a| a.partition.0 == *partition && a.first_offset.0 <= *offset)
            .max_by_key(|a| a.first_offset)
            .map_or(Revision(0), |a| a.revision);
        let entries = revisions.get(&revision.0).map_or(&[][..], Vec::as_slice);
        if entries.iter().any(|entry| entry.mode == Mode::Live && hits(entry, &record.flags, first_high)) {
            *flagged.entry((record.window_start, record.kind.clone())).or_default() += 1;
        }
    }
    flagged
}

/// The module of `high_amount` that was in force first: any other is the stricter one.
fn first_high_amount(revisions: &Revisions) -> Option<crate::model::ids::Sha256> {
    let mut entries = revisions.values().flatten();
    entries.find(|entry| entry.name == "high_amount").map(|entry| entry.sha256)
}

fn hits(entry: &Entry, flags: &Flags, first_high: Option<crate::model::ids::Sha256>) -> bool {
    match entry.name.as_str() {
        "high_amount" if Some(entry.sha256) == first_high => flags.amount > 20_000_000,
        "high_amount" => flags.amount > 500_000,
        "self_transfer" => flags.self_transfer,
        "balance_mismatch" => flags.balance_mismatch,
        _ => false,
    }
}
