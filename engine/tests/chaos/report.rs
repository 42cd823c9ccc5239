//! What a campaign came to: printed, and a line of bench/reliability.jsonl where RECORD names the file.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::campaign_log::CampaignLog;
use crate::faults::KILLS;
use weir_testkit::oracle::Compared;
use weir_testkit::oracle::alerts::ComparedAlerts;

pub(crate) fn report(
    campaign_log: &CampaignLog,
    compared: &Compared,
    (seed, minutes, rate): (u64, u64, u64),
    took: Duration,
) {
    let rule_changes = campaign_log.rule_changes;
    let Compared { records, letters, codes, windows, revisions, alerts } = compared;
    let ComparedAlerts { sent, not_sent, summaries } = alerts.unwrap_or_default();
    let (kills, faults) = (campaign_log.count(&KILLS), campaign_log.counts.values().sum::<u64>());
    let said = ["Deadlock", "Lock wait timeout", "is full", "fenced", "not taken", "lost=true"]
        .map(|what| (what, campaign_log.said(what)));
    let without_room = campaign_log.steps_without_room();
    println!(
        "lines of the engines' logs that say so: {said:?}; of checkpoints that found the disk full: {without_room}"
    );
    println!("{faults} faults: {:?}", campaign_log.counts);
    println!(
        "{kills} kills survived, with {rule_changes} changes of rules; compared {records} records, {windows} windows, {letters} letters {codes:?}, {sent} alerts and {not_sent} in {summaries} summaries by {revisions} revisions; 0 differences; {took:?}"
    );
    let Ok(file) = std::env::var("RECORD") else { return };
    let commit = Command::new("git").args(["describe", "--always", "--dirty"]).output().expect("git runs");
    let line = json!({
        "what": "campaign", "seed": seed, "minutes": minutes, "rate": rate, "took_s": took.as_secs(),
        "faults": campaign_log.counts, "kills": kills, "steps_on_a_full_disk": without_room, "records": records, "letters": letters, "codes": codes, "windows": windows,
        "alerts": sent, "alerts_not_sent": not_sent, "alert_summaries": summaries, "rule_changes": rule_changes, "revisions": revisions, "differences": 0, "findings": campaign_log.findings.len(),
        "commit": String::from_utf8_lossy(&commit.stdout).trim(),
        "at": chrono::Utc::now().format("%Y-%m-%dT%H:%MZ").to_string(),
    });
    let mut file = std::fs::File::options().create(true).append(true).open(file).expect("RECORD is writable");
    std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).expect("RECORD is writable");
}
