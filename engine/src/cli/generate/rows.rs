//! One generated record: what it means (for the truth) and its cells (for the CSV). At most one fault is planted in a
//! record, so that its dead-letter code is certain.

use rand::{Rng, RngExt};

use super::Parameters;

/// The CSV's header: PaySim's columns, then ours.
pub const COLUMNS: [&str; 14] = [
    "step",
    "type",
    "amount",
    "nameOrig",
    "oldbalanceOrg",
    "newbalanceOrig",
    "nameDest",
    "oldbalanceDest",
    "newbalanceDest",
    "isFraud",
    "isFlaggedFraud",
    "event_time",
    "tx_id",
    "raw",
];

/// Customers that `blocked_segment` rejects once Redis says so.
pub const BLOCKED_NAMES: [&str; 4] = ["C_BLOCKED_0", "C_BLOCKED_1", "C_BLOCKED_2", "C_BLOCKED_3"];

const TYPES: [&str; 5] = ["PAYMENT", "CASH_OUT", "CASH_IN", "TRANSFER", "DEBIT"];
/// 2100-01-01: beyond any `max_ahead`, without asking the clock.
const FAR_AHEAD: i64 = 4_102_444_800_000;
/// Well beyond the allowed lateness of an hour.
const LATE_BY: i64 = 5 * 3_600_000;
/// Below the out-of-orderness of two seconds, so that jitter alone makes nothing late.
const JITTER_MS: i64 = 1_500;
const HIGH_CENTS: i64 = 20_000_000;

/// A record.
#[derive(Clone, Debug)]
pub struct Row {
    /// Counts from 0; the column `tx_id`.
    pub number: u64,
    /// The code of the dead letter that it must become.
    pub code: Option<&'static str>,
    /// Whether a flag rule with default parameters hits it.
    pub flagged: bool,
    /// Event time, in epoch milliseconds.
    pub event_time: i64,
    /// Type of the payment, as PaySim names it.
    pub kind: &'static str,
    /// Cents, before any fault was planted in the text.
    pub amount: i64,
    amount_text: String,
    orig: String,
    dest: String,
    balances: [i64; 4],
    raw: String,
}

impl Row {
    /// Draws the next record.
    pub(super) fn draw(parameters: &Parameters, number: u64, rng: &mut impl Rng) -> Self {
        let due = parameters.start + number as i64 * i64::from(parameters.rate_ms);
        let kind = TYPES[rng.random_range(0..TYPES.len())];
        let amount = rng.random_range(1..HIGH_CENTS / 20);
        let mut row = Self {
            number,
            code: None,
            flagged: false,
            event_time: due - rng.random_range(0..=JITTER_MS),
            kind,
            amount,
            amount_text: String::new(),
            orig: format!("C{}", rng.random_range(1_000_000..1_100_000)),
            dest: format!("M{}", rng.random_range(1_000_000..1_100_000)),
            balances: [rng.random_range(0..HIGH_CENTS), 0, rng.random_range(0..HIGH_CENTS), 0],
            raw: String::new(),
        };
        let fraud = rng.random_range(0..1_000);
        let dirt = rng.random_range(0..1_000);
        row.plant_fraud(fraud);
        row.amount_text = cents(row.amount);
        if !parameters.clean {
            row.plant_dirt(dirt, number >= parameters.records.div_ceil(3));
        }
        row
    }

    fn plant_fraud(&mut self, draw: u32) {
        if (10..16).contains(&draw) {
            self.amount += HIGH_CENTS;
        }
        let [old, new, old_dest, new_dest] = &mut self.balances;
        *new = if self.kind == "CASH_IN" { *old + self.amount } else { (*old - self.amount).max(0) };
        *new_dest = *old_dest + self.amount;
        match draw {
            0..5 => *new += 100,
            5..10 => self.dest.clone_from(&self.orig),
            _ => {}
        }
        self.flagged = draw < 16;
    }

    fn plant_dirt(&mut self, draw: u32, may_be_late: bool) {
        match draw {
            0..2 => self.spoil("AMOUNT_NEGATIVE", cents(-self.amount)),
            2..4 => self.spoil("FIELD_MISSING", String::new()),
            4..6 => self.spoil("FIELD_KIND", "twelve".to_owned()),
            6..8 => {
                let text = format!("{}7", cents(self.amount));
                self.spoil("FIELD_RANGE", text);
            }
            8..10 => {
                self.code = Some("PARSE_JSON");
                self.raw = format!(r#"{{"tx_id":{},"type":"{}","amount":"#, self.number, self.kind);
            }
            10..12 => {
                self.code = Some("EVENT_TIME_AHEAD");
                self.event_time = FAR_AHEAD + self.number as i64;
            }
            12..14 if may_be_late => {
                self.code = Some("LATE");
                self.event_time -= LATE_BY;
            }
            14..17 => {
                self.code = Some("BLOCKED_SEGMENT");
                let self_transfer = self.orig == self.dest;
                self.orig = BLOCKED_NAMES[self.number as usize % BLOCKED_NAMES.len()].to_owned();
                if self_transfer {
                    self.dest.clone_from(&self.orig);
                }
            }
            _ => {}
        }
    }

    fn spoil(&mut self, code: &'static str, amount: String) {
        self.code = Some(code);
        self.amount_text = amount;
    }

    /// In the order of [`COLUMNS`].
    pub fn cells(&self) -> [String; 14] {
        let [old, new, old_dest, new_dest] = self.balances.map(cents);
        [
            (self.number / 1_000 + 1).to_string(),
            self.kind.to_owned(),
            self.amount_text.clone(),
            self.orig.clone(),
            old,
            new,
            self.dest.clone(),
            old_dest,
            new_dest,
            u8::from(self.flagged).to_string(),
            "0".to_owned(),
            self.event_time.to_string(),
            self.number.to_string(),
            self.raw.clone(),
        ]
    }
}

/// An amount as exact text with two digits.
pub(super) fn cents(amount: impl Into<i128>) -> String {
    let amount = amount.into();
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", amount.unsigned_abs() / 100, amount.unsigned_abs() % 100)
}
