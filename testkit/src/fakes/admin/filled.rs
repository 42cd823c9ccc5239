//! What a page shows at most, with figures and texts that differ from row to row as those of a running pipeline do: of a thousand equal
//! rows gzip leaves nothing, so what a page weighs would not be seen.

use weir::admin::views::*;
use weir::model::catalog::{Audit, Mode, RuleChange};
use weir::model::checkpoint::Activation;
use weir::model::finding::Effect;
use weir::model::ids::{Offset, Partition, Revision, Sha256};
use weir::model::seen_alert::{Flagged, Says, SeenHit};

/// Rows of a kind that are listed nowhere in greater number.
const ROWS: u64 = 1_000;
/// 2026-01-01, in epoch milliseconds.
const NOW: i64 = 1_767_225_600_000;
const ACTIONS: [&str; 4] = ["patch", "publish", "rollback", "retire"];
const WORDS: [&str; 12] = [
    "limit", "account", "amount", "night", "merchant", "transfer", "velocity", "country", "mule", "cash", "device",
    "refund",
];

/// Numbers and texts, the same for the same row of the same kind (splitmix64).
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn of(kind: &str, row: u64) -> Self {
        let kind = kind.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        Self(kind.wrapping_shl(32) ^ row.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn digest(&mut self) -> String {
        (0..4).map(|_| format!("{:016x}", self.next())).collect()
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len() as u64) as usize]
    }

    fn amount(&mut self) -> String {
        format!("{}.{:02}", self.below(1_000_000), self.below(100))
    }

    /// A time of the last day.
    fn time(&mut self) -> i64 {
        NOW - self.below(86_400_000) as i64
    }

    fn counts(&mut self, n: usize) -> Vec<u64> {
        (0..n).map(|_| self.below(2_000)).collect()
    }

    /// A payment of some 255 bytes, as `weir generate` writes them.
    fn payment(&mut self) -> String {
        format!(
            r#"{{"step":1,"tx_id":"T{:07}","type":"TRANSFER","amount":{},"name_orig":"C{}","old_balance_org":{},"new_balance_orig":{},"name_dest":"M{}","is_fraud":0,"event_time":{}}}"#,
            self.below(10_000_000),
            self.amount(),
            self.below(1_000_000),
            self.amount(),
            self.amount(),
            self.below(1_000_000),
            self.time(),
        )
    }
}

fn name(number: u32) -> String {
    let mut draw = Draw::of("name", number.into());
    match number {
        0 => "high_amount".into(),
        _ => format!("{}_{}_{number:03}", draw.word(), draw.word()),
    }
}

pub(super) fn rule(number: u32, rule: RuleView) -> RuleView {
    let mut draw = Draw::of("rule", number.into());
    let name = name(number);
    let code = |at| CodeView {
        name: format!("{}_{at}", name.to_uppercase()),
        summary: "above it".into(),
        effect: Effect::Flag,
    };
    RuleView {
        version: format!("1.{}.{}", draw.below(20), draw.below(20)),
        summary: format!("Flags a {} whose {} is above what {} has.", draw.word(), draw.word(), draw.word()),
        sha256: draw.digest(),
        mode: [Mode::Live, Mode::Live, Mode::Live, Mode::Shadow][draw.below(4) as usize],
        order: 10 * number as i32,
        codes: (0..2).map(code).collect(),
        records: draw.below(1_000_000_000),
        hits: draw.below(1_000_000),
        trend: draw.counts(15),
        failures: draw.below(30),
        skipped: draw.below(5_000),
        ns_per_record: Some(draw.below(90_000) as f64 / 100.0),
        name,
        ..rule
    }
}

/// Of an instance's report: what it counted of each rule.
pub(super) fn rules_of_a_report(count: u32) -> Vec<RuleFigures> {
    let figures = |number: u32| {
        let mut draw = Draw::of("report", number.into());
        RuleFigures {
            name: name(number),
            since: rfc3339(draw.time()),
            records: draw.below(1_000_000_000),
            nanos: draw.below(1_000_000_000),
            hits: [("AMOUNT_HIGH".to_owned(), draw.below(1_000_000))].into(),
            ..RuleFigures::default()
        }
    };
    (0..count).map(figures).collect()
}

pub(super) fn partition(figures: PartitionFigures) -> PartitionFigures {
    let mut draw = Draw::of("partition", figures.partition as u64);
    let committed = 18_000_000 + draw.below(9_000_000) as i64;
    PartitionFigures {
        worker: draw.below(2) as u32,
        epoch: Some(draw.below(40)),
        judged: Some(committed + draw.below(20_000) as i64),
        committed: Some(committed),
        lag: Some(draw.below(1_000_000) as i64),
        oldest_ms: Some(draw.below(400_000) as i64),
        change_per_second: Some(draw.below(9_000) as i64 - 4_500),
        watermark: Some(rfc3339(draw.time())),
        ..figures
    }
}

pub(super) fn letter(letter: LetterView) -> LetterView {
    let mut draw = Draw::of("letter", letter.offset as u64);
    let value = draw.payment();
    LetterView {
        at: Some(rfc3339(draw.time())),
        message: Some(format!("amount -{} is below 0.00", draw.amount())),
        rule: Some(format!("{}_{}", draw.word(), draw.word())),
        sha256: Some(draw.digest()),
        source_partition: Some(draw.below(1_000) as i32),
        source_offset: Some(draw.below(20_000_000) as i64),
        key: Some(format!("C{}", draw.below(1_000_000))),
        value_bytes: Some(value.len() as u64),
        value: Some(value),
        truncated: false,
        ..letter
    }
}

/// With a value as long as a page shows, of which gzip leaves three quarters.
pub(super) fn long(like: LetterView, most: usize) -> LetterView {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut draw = Draw::of("long", 0);
    let value: String = (0..most).map(|_| char::from(LETTERS[draw.below(64) as usize])).collect();
    LetterView { value: Some(value), value_bytes: Some(1 << 20), truncated: true, ..letter(like) }
}

pub(super) fn group(number: u64, group: LetterGroupView) -> LetterGroupView {
    let mut draw = Draw::of("group", number);
    LetterGroupView {
        code: Some(format!("{}_{}", draw.word().to_uppercase(), draw.word().to_uppercase())),
        rule: Some(format!("{}_{}_{number}", draw.word(), draw.word())),
        sha256: Some(draw.digest()),
        letters: draw.below(10_000_000),
        first: rfc3339(draw.time()),
        last: rfc3339(draw.time()),
        by_minute: draw.counts(15),
        sample: letter(LetterView { offset: number as i64, ..group.sample }),
    }
}

/// Key and content of each alert, as many as are held in memory.
pub(super) fn alerts() -> Vec<(String, Says)> {
    let alert = |number| {
        let mut draw = Draw::of("alert", number);
        let hit = |draw: &mut Draw| SeenHit {
            rule: format!("{}_{}", draw.word(), draw.word()),
            version: "1.2.0".into(),
            sha256: draw.digest(),
            code: format!("{}_HIGH", draw.word().to_uppercase()),
            detail: format!("amount {} > {}", draw.amount(), draw.amount()),
        };
        let key = format!("C{}", draw.below(400));
        let fields = [
            ("amount", draw.amount()),
            ("name_orig", key.clone()),
            ("name_dest", format!("M{}", draw.below(1_000_000))),
        ];
        let record = format!("{}@{}", draw.below(1_000), draw.below(20_000_000)).parse().expect("a position");
        let says = Says::Flagged(Flagged {
            record,
            timestamp: draw.time(),
            revision: draw.below(60),
            hits: (0..3).map(|_| hit(&mut draw)).collect(),
            more: 0,
            fields: fields.map(|(name, text)| (name.to_owned(), Some(text))).to_vec(),
            value: Some(draw.payment()),
            is_cut: false,
        });
        (key, says)
    };
    (0..ROWS).map(alert).collect()
}

pub(super) fn audit(limit: u32) -> Vec<Audit> {
    let line = |number: u64| {
        let mut draw = Draw::of("audit", number);
        Audit {
            at: draw.time(),
            who: ["ana", "ben", "directory", "publisher"][draw.below(4) as usize].into(),
            action: ACTIONS[draw.below(4) as usize].into(),
            rule: format!("{}_{}", draw.word(), draw.word()),
            revision: ROWS - number,
            detail: format!("{} {} -> {}", draw.word(), draw.amount(), draw.amount()),
            reason: Some(format!("{} {} of the {}", draw.word(), draw.word(), draw.word())),
        }
    };
    (0..ROWS.min(limit.into())).map(line).collect()
}

/// The changes of a rule, each like one of these.
pub(super) fn history(like: &[RuleChange], limit: u32) -> Vec<RuleChange> {
    let change = |number: u64| {
        let (mut draw, like) = (Draw::of("change", number), &like[number as usize % like.len()]);
        let mut change = like.clone();
        change.line.revision = ROWS - number;
        change.line.at = draw.time();
        change.line.detail = format!("most {} -> {}", draw.amount(), draw.amount());
        change.line.reason = Some(format!("{} {} of the {}", draw.word(), draw.word(), draw.word()));
        if let Some(entry) = &mut change.entry {
            entry.sha256 = Sha256::of(&number.to_be_bytes());
            entry.parameters = [("most".to_owned(), draw.amount())].into();
        }
        change
    };
    (0..ROWS.min(limit.into())).map(change).collect()
}

/// Every partition judged by each of the newest revisions.
pub(super) fn activations(limit: u32) -> Vec<Activation> {
    let activation = |number: u64| Activation {
        partition: Partition((number / 20) as i32),
        first_offset: Offset((number % 20 * 100_000 + Draw::of("activation", number).below(100_000)) as i64),
        revision: Revision(ROWS - 20 + number % 20),
    };
    (0..ROWS.min(limit.into())).map(activation).collect()
}
