//! Details of flags: only where they are asked for, and then whole.

use weir::model::catalog::Mode;
use weir::model::finding::Finding;
use weir::rules::Judge;

use crate::catalog::fixture::{Fixture, Opened, by_api};

/// In hundredths: 200,000.00 is not flagged yet.
const AMOUNTS: [i64; 5] = [-1, 20_000_001, 5, 20_000_002, -7];

pub(super) async fn shipped(catalog: &Opened, rule: &str) {
    let path = format!("{}/../rules.d/{rule}.wasm", env!("CARGO_MANIFEST_DIR"));
    let module = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}; `make rules` builds it"));
    catalog.catalog.publish(module, by_api()).await.unwrap();
}

/// What a worker's judge finds, and then knows once it was asked to explain these rows.
fn judged(catalog: &Opened, judge: &mut Judge, explained: &[u32]) -> Vec<Finding> {
    let (set, batch, mut findings) = (catalog.catalog.live(), catalog.batch(&AMOUNTS), Vec::new());
    judge.judge(&set, &batch, &mut findings).unwrap();
    judge.explain(&set, &batch, explained, &mut findings);
    findings
}

fn of<'a>(rule: &str, findings: &'a [Finding]) -> Vec<(u32, &'a str)> {
    findings.iter().filter(|found| &*found.rule.name == rule).map(|found| (found.row, found.detail.as_str())).collect()
}

#[tokio::test]
async fn a_flag_is_explained_where_it_is_asked_for_and_a_dead_letter_everywhere() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    shipped(&catalog, "high_amount").await;
    shipped(&catalog, "negative_amount").await;
    let mut judge = catalog.judge_of_a_worker();
    // Twice, and another row first: what one call was told does not stay for the next.
    for asked in [&[3_u32][..], &[0, 1], &[2, 3, 4], &[], &[0, 1, 2, 3, 4]] {
        let findings = judged(&catalog, &mut judge, asked);
        let detail = |row: u32, detail| (row, if asked.contains(&row) { detail } else { "" });
        let flags = [detail(1, "amount 200000.01 > 200000"), detail(3, "amount 200000.02 > 200000")];
        assert_eq!(of("high_amount", &findings), flags, "asked {asked:?}");
        assert_eq!(of("negative_amount", &findings), [(0, "amount -0.01 < 0"), (4, "amount -0.07 < 0")]);
    }
    let figures = &catalog.rule("high_amount").unwrap().stats;
    assert_eq!(figures.hits.lock().unwrap()["HIGH_AMOUNT"], 10, "an explanation is no second hit");
}

#[tokio::test]
async fn every_one_of_many_flags_gets_its_own_detail() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    shipped(&catalog, "high_amount").await;
    let amounts: Vec<i64> = (0..1_001).map(|n| if n % 2 == 0 { 20_000_001 + n } else { n }).collect();
    let (set, batch, mut findings) = (catalog.catalog.live(), catalog.batch(&amounts), Vec::new());
    let mut judge = catalog.judge_of_a_worker();
    judge.judge(&set, &batch, &mut findings).unwrap();
    // All but the first and the last, and rows between that are not flagged.
    judge.explain(&set, &batch, &(1..1_000).collect::<Vec<_>>(), &mut findings);
    assert_eq!(findings.len(), 501);
    for found in &findings {
        let amount = amounts[found.row as usize];
        let detail = format!("amount {}.{:02} > 200000", amount / 100, amount % 100);
        let wanted = if [0, 1_000].contains(&found.row) { "" } else { &detail };
        assert_eq!(found.detail, wanted, "row {}", found.row);
    }
}

#[tokio::test]
async fn a_rule_in_shadow_keeps_details_as_samples_and_is_told_again_when_it_goes_live() {
    let fixture = Fixture::new();
    let catalog = fixture.open().await;
    shipped(&catalog, "high_amount").await;
    catalog.mode("high_amount", Mode::Shadow).await;
    let mut judge = catalog.judge_of_a_worker();
    let findings = judged(&catalog, &mut judge, &[0, 1, 2, 3, 4]);
    assert_eq!(findings, [], "a shadow's flags act on nothing");
    let details = |catalog: &Opened| {
        let rule = catalog.rule("high_amount").unwrap();
        let samples = rule.stats.samples.lock().unwrap();
        samples.iter().map(|found| found.detail.clone()).collect::<Vec<_>>()
    };
    assert_eq!(details(&catalog), ["amount 200000.01 > 200000", "amount 200000.02 > 200000"]);

    // The same instance goes on judging, live: it is told again.
    catalog.mode("high_amount", Mode::Live).await;
    let findings = judged(&catalog, &mut judge, &[1]);
    assert_eq!(of("high_amount", &findings), [(1, "amount 200000.01 > 200000"), (3, "")]);

    let evaluated = catalog.evaluate(&AMOUNTS);
    let said = evaluated.iter().find(|verdict| verdict.rule.manifest.name == "high_amount").unwrap();
    assert_eq!(of("high_amount", &said.findings).len(), 2);
    assert!(said.findings.iter().all(|found| !found.detail.is_empty()), "who evaluates reads details");
}
