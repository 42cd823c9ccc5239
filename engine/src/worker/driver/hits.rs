//! What a letter or an alert lists of the hits on its record: a rule may hit often and say much, and one is written for each record.

use crate::model::finding::Finding;
use crate::model::letter::Hit;

/// Hits that a letter lists.
const HITS: usize = 64;
/// Bytes of all its details, as JSON has them.
const DETAILS: usize = 16 << 10;

/// Lists hits for a letter, and returns how many are left out.
pub(super) fn list<'a>(findings: &'a [Finding], hits: &mut Vec<Hit<'a>>) -> u32 {
    let more = listed(findings, |finding| hits.push(hit(finding)));
    if more > 0 {
        metrics::counter!("weir_dead_letter_hits_omitted_total").increment(more.into());
    }
    more
}

/// Tells the hits that a letter or an alert lists, the first ones in rule order, and returns how many are left out.
pub(super) fn listed<'a>(findings: &'a [Finding], mut each: impl FnMut(&'a Finding)) -> u32 {
    let (mut room, mut listed, mut more) = (DETAILS, 0, 0);
    for finding in findings {
        let detail = room.checked_sub(in_json(&finding.detail, room));
        let Some(left) = detail.filter(|_| listed < HITS) else {
            more += 1;
            continue;
        };
        room = left;
        listed += 1;
        each(finding);
    }
    more
}

/// Bytes of a text as JSON has it; no more than the greatest that it may be if that fits anyhow.
fn in_json(text: &str, room: usize) -> usize {
    // A control character takes six. Most details are short, so nobody has to look at them.
    if text.len() <= room / HITS / 6 {
        return text.len() * 6;
    }
    let of = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

fn hit(finding: &Finding) -> Hit<'_> {
    Hit { rule: &finding.rule.name, code: &finding.code, effect: finding.effect, detail: &finding.detail }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::finding::{Effect, RuleId};
    use crate::model::ids::Sha256;

    fn findings(count: usize, detail: &str) -> Vec<Finding> {
        let rule = Arc::new(RuleId { name: "r".into(), sha256: Sha256([0; 32]) });
        let of =
            |row| Finding { row, rule: rule.clone(), code: "C".into(), effect: Effect::Flag, detail: detail.into() };
        (0..count).map(|_| of(0)).collect()
    }

    /// How many are listed and left out, and the bytes of the list as JSON.
    fn listed(findings: &[Finding]) -> (usize, u32, usize) {
        let mut hits = Vec::new();
        let more = list(findings, &mut hits);
        (hits.len(), more, serde_json::to_string(&hits).unwrap().len())
    }

    #[test]
    fn a_letter_lists_64_hits_and_16_kib_of_details_and_counts_the_rest() {
        assert_eq!(listed(&findings(5, "amount -1 < 0")).1, 0);
        let (hits, more, _) = listed(&findings(70, ""));
        assert_eq!((hits, more), (64, 6));
        // As long as a detail may be: all that may be listed fit.
        assert_eq!(listed(&findings(64, &"x".repeat(256))).1, 0);
        for detail in ["\u{1}".repeat(256), "\"".repeat(256), "x".repeat(256)] {
            let (hits, more, bytes) = listed(&findings(300, &detail));
            assert!(hits + more as usize == 300 && hits >= 10 && bytes < DETAILS + 64 * 60, "{hits} {more} {bytes}");
        }
    }
}
