//! Payments of PaySim's shape from a seed: the records on which Flink and Kafka Streams were measured. What is drawn, and
//! in which order, is part of the yardstick: another draw would make another topic with another truth.

use std::io::Write;

/// `type` of the five groups.
pub const TYPES: [&str; 5] = ["PAYMENT", "TRANSFER", "CASH_OUT", "DEBIT", "CASH_IN"];
/// Event times lie up to so much before the newest, in milliseconds.
const JITTER: u64 = 2_001;

/// What can differ between topics.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Records with an amount below zero, per mille.
    pub negative: u64,
    /// Records that are no whole JSON, per mille.
    pub malformed: u64,
    /// How many values `type` has. Five are PaySim's; of any other number they are G0, G1, ….
    pub groups: u64,
    /// Records that share a millisecond of event time: many of them put many groups into one window.
    pub per_ms: u64,
    /// Event time of the first record, epoch milliseconds.
    pub first: i64,
    /// Balances move as PaySim has it, so that `balance_mismatch` is silent. The peers' don't: about 40 % of the valid
    /// records get its flag.
    pub balanced: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { negative: 20, malformed: 5, groups: 5, per_ms: 1, first: 1_760_000_000_000, balanced: false }
    }
}

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It counts in its window.
    Valid,
    /// Its amount is below zero: a dead letter by rule.
    Negative,
    /// It is no JSON, or cut off: a dead letter by decoding.
    Malformed,
}

/// What the truth must know of a record.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    /// Index of its `type`.
    pub group: u64,
    /// Its amount.
    pub cents: i64,
    /// Epoch milliseconds.
    pub event_time: i64,
    /// Whether `balance_mismatch` flags it.
    pub mismatch: bool,
    /// Where it ends.
    pub fate: Fate,
}

/// The generator, and the bytes of the record that it drew last.
#[derive(Debug)]
pub struct Records {
    rng: Rng,
    shape: Shape,
    drawn: u64,
    /// Key of the last record.
    pub key: Vec<u8>,
    /// Value of the last record.
    pub value: Vec<u8>,
}

impl Records {
    /// The generator at its first record.
    pub fn new(seed: u64, shape: Shape) -> Self {
        Self { rng: Rng(seed), shape, drawn: 0, key: Vec::new(), value: Vec::new() }
    }

    /// Draws the next record.
    pub fn draw(&mut self) -> Drawn {
        let i = self.drawn;
        self.drawn += 1;
        let group = self.rng.below(self.shape.groups);
        let amount = 1 + self.rng.below(1_000_000).cast_signed();
        let negative = self.rng.below(1_000) < self.shape.negative;
        let cents = if negative { -amount } else { amount };
        let event_time =
            self.shape.first + (i / self.shape.per_ms).cast_signed() - self.rng.below(JITTER).cast_signed();
        let old = self.rng.below(2_000_000).cast_signed();
        let old_dest = self.rng.below(2_000_000).cast_signed();
        let (orig, dest) = (100_000 + self.rng.below(200_000), 100_000 + self.rng.below(200_000));
        let kind = Kind { group, named: self.shape.groups == TYPES.len() as u64 };
        let right = kind.balance(old, cents);
        let new = if self.shape.balanced { right.unwrap_or(old - cents) } else { old - cents };
        let fraud = u8::from(self.rng.below(1_000) == 0);
        self.key.clear();
        write!(self.key, "C{orig}").expect("a Vec takes all");
        self.value.clear();
        write!(
            self.value,
            r#"{{"step":{step},"tx_id":"T{i:07}","type":"{kind}","amount":{amount},"name_orig":"C{orig}","old_balance_org":{old},"new_balance_orig":{new},"name_dest":"M{dest}","old_balance_dest":{old_dest},"new_balance_dest":{new_dest},"is_fraud":{fraud},"event_time":{event_time}}}"#,
            step = 1 + i / 3_600_000,
            amount = Cents(cents),
            old = Cents(old),
            new = Cents(new),
            old_dest = Cents(old_dest),
            new_dest = Cents(old_dest + cents),
        )
        .expect("a Vec takes all");
        let malformed = self.rng.below(1_000) < self.shape.malformed;
        if malformed {
            self.spoil(i);
        }
        let fate = match (malformed, negative) {
            (true, _) => Fate::Malformed,
            (_, true) => Fate::Negative,
            _ => Fate::Valid,
        };
        Drawn { group, cents, event_time, mismatch: right.is_some_and(|right| right != new), fate }
    }

    /// Half of them are cut off somewhere within the object, half are no JSON at all.
    fn spoil(&mut self, i: u64) {
        if self.rng.below(2) == 0 {
            let cut = 1 + self.rng.below(self.value.len() as u64 - 1);
            self.value.truncate(usize::try_from(cut).expect("a record is short"));
        } else {
            self.value.clear();
            write!(self.value, "ERR upstream timeout, tx T{i:07} not serialized <<binary>>").expect("a Vec takes all");
        }
    }
}

/// `type` of a group.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its index, from 0.
    pub group: u64,
    /// One of PaySim's five.
    pub named: bool,
}

impl Kind {
    /// The origin's balance after the payment, as the rule `balance_mismatch` has it; None: it does not know the type.
    fn balance(self, old: i64, cents: i64) -> Option<i64> {
        match TYPES.get(usize::try_from(self.group).ok()?) {
            _ if !self.named => None,
            Some(&"CASH_IN") => Some(old + cents),
            Some(_) => Some(if cents >= old { 0 } else { old - cents }),
            None => None,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match TYPES.get(usize::try_from(self.group).unwrap_or(usize::MAX)) {
            Some(name) if self.named => f.write_str(name),
            _ => write!(f, "G{}", self.group),
        }
    }
}

/// An exact decimal of two digits.
#[derive(Clone, Copy, Debug)]
pub struct Cents(pub i64);

impl std::fmt::Display for Cents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, whole) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        write!(f, "{sign}{}.{:02}", whole / 100, whole % 100)
    }
}

/// splitmix64 from a seed.
#[derive(Debug)]
pub struct Rng(pub u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of 0 to `n - 1`.
    pub fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(n);
        u64::try_from(wide >> 64).expect("below n")
    }
}
