//! A rule that reads every kind of field and takes every kind of parameter.

use weir_sdk::{Decimal, PASS, Parameters, Record, Text, Timestamp, Verdict, dead_letter, flag, rule};

#[derive(Record)]
pub(crate) struct Everything<'a> {
    pub(crate) amount: Decimal,
    pub(crate) at: Timestamp,
    #[field("type")]
    pub(crate) kind: Text<'a>,
    pub(crate) step: i64,
    pub(crate) score: f64,
    pub(crate) known: bool,
    #[field("customer.segment")]
    pub(crate) segment: Option<Text<'a>>,
    pub(crate) fee: Option<Decimal>,
}

#[derive(Parameters)]
pub(crate) struct Settings {
    #[parameter(default = "1.5", summary = "least amount")]
    least: Decimal,
    /// Latest step.
    #[parameter(default = 100)]
    step: i64,
    #[parameter(default = 0.5, summary = "greatest score")]
    score: f64,
    #[parameter(default = true, summary = "whether the segment counts")]
    segments: bool,
    #[parameter(default = "vip, staff", summary = "segments that are flagged")]
    listed: Vec<String>,
}

/// Finds one thing a record.
///
/// And this line is not in the manifest.
#[rule(code(LOW, dead_letter, "below the least"), code(ODD, flag, "worth a look"))]
pub(crate) fn everything(tx: &Everything<'_>, settings: &Settings) -> Verdict {
    if tx.amount < settings.least {
        return dead_letter(LOW, || format!("{} at {}", tx.amount, tx.at));
    }
    if tx.step > settings.step || tx.score > settings.score || !tx.known {
        return flag(ODD, || tx.kind);
    }
    match tx.segment {
        Some(segment) if settings.segments && settings.listed.iter().any(|listed| listed == segment) => {
            flag(ODD, || format!("{segment}, fee {:?}", tx.fee))
        }
        _ => PASS,
    }
}

pub(crate) fn good() -> Everything<'static> {
    let amount = Decimal::new(150, 2);
    Everything {
        amount,
        at: Timestamp::default(),
        kind: "PAYMENT",
        step: 1,
        score: 0.1,
        known: true,
        segment: None,
        fee: None,
    }
}

/// The same fields, none of them required.
#[derive(Record)]
pub(crate) struct Gaps<'a> {
    pub(crate) amount: Option<Decimal>,
    pub(crate) at: Option<Timestamp>,
    #[field("type")]
    pub(crate) kind: Option<Text<'a>>,
    pub(crate) step: Option<i64>,
    pub(crate) score: Option<f64>,
    pub(crate) known: Option<bool>,
    #[field("customer.segment")]
    pub(crate) segment: Option<Text<'a>>,
    pub(crate) fee: Option<Decimal>,
}
