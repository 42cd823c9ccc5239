//! The rules of this repository and the sums in plain Rust: what should come out, computed from the source topic apart
//! from the engine, with the parameters that were in force for each offset.

use std::collections::BTreeMap;

use crate::broker::{Place, Record};
use crate::oracle::history::History;
use crate::oracle::windows::{Windows, cents};
use crate::pipeline::generated::{Payment, payment};

const WINDOW_MS: i64 = 5_000;

/// The windows over every record that is no dead letter.
pub fn windows(source: &BTreeMap<Place, Record>, letters: &BTreeMap<Place, String>, history: &History) -> Windows {
    let mut windows = Windows::new();
    for (place, record) in source.iter().filter(|(place, _)| !letters.contains_key(place)) {
        let payment = payment(record).unwrap_or_else(|| panic!("no payment at {place:?}: {record:?}"));
        sum(&mut windows, payment, *place, history);
    }
    windows
}

/// Adds one valid payment to its window.
pub fn sum(windows: &mut Windows, payment: Payment, place: Place, history: &History) {
    let start = payment.event_time - payment.event_time.rem_euclid(WINDOW_MS);
    let flagged = !flags(&payment, place, history).is_empty();
    windows.entry((start, payment.kind)).or_default().add(cents(payment.amount.get()), flagged);
}

/// What flags the payment: rule and code, in the order of rules of one place.
pub fn flags(payment: &Payment, place: Place, history: &History) -> Vec<(&'static str, &'static str)> {
    let high = history.rule(place, "high_amount").is_some_and(|rule| {
        let limit = rule.parameters.get("limit").map_or("200000", String::as_str);
        cents(payment.amount.get()) > cents(limit)
    });
    let to_itself = history.rule(place, "self_transfer").is_some() && payment.name_orig == payment.name_dest;
    let mismatch = history.rule(place, "balance_mismatch").is_some() && !adds_up(payment);
    let all = [
        (mismatch, ("balance_mismatch", "BALANCE_MISMATCH")),
        (high, ("high_amount", "HIGH_AMOUNT")),
        (to_itself, ("self_transfer", "SELF_TRANSFER")),
    ];
    all.into_iter().filter(|(hit, _)| *hit).map(|(_, of)| of).collect()
}

fn adds_up(payment: &Payment) -> bool {
    let amount = cents(payment.amount.get());
    let (old, new) = (cents(payment.old_balance_org.get()), cents(payment.new_balance_orig.get()));
    match payment.kind.as_str() {
        "CASH_IN" => new == old + amount,
        "TRANSFER" | "CASH_OUT" | "PAYMENT" | "DEBIT" => new == (old - amount).max(0),
        _ => true,
    }
}
