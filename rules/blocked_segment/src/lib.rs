//! A customer whose segment, as the Redis lookup knows it, may not pay at all. A customer that the lookup does not know
//! passes: who must be known is for the pipeline to require.

use weir_sdk::{PASS, Parameters, Record, Text, Verdict, dead_letter_if, rule};

/// What the rule reads.
#[derive(Debug, Record)]
pub struct Payment<'a> {
    #[field("customer.segment")]
    segment: Option<Text<'a>>,
}

/// What can be set.
#[derive(Debug, Parameters)]
pub struct Segments {
    #[parameter(default = "blocked,sanctioned", summary = "segments that may not pay, separated by commas")]
    blocked: Vec<String>,
}

/// Customers of a blocked segment.
#[rule(code(BLOCKED_SEGMENT, dead_letter, "the customer is of a segment that may not pay"))]
pub fn blocked_segment(tx: &Payment, segments: &Segments) -> Verdict {
    let Some(segment) = tx.segment else {
        return PASS;
    };
    let blocked = segments.blocked.iter().any(|blocked| blocked == segment);
    dead_letter_if(blocked, BLOCKED_SEGMENT, || format!("segment {segment}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::Harness;

    fn payments() -> [Payment<'static>; 5] {
        [Some("retail"), Some("sanctioned"), None, Some(""), Some("blocked")].map(|segment| Payment { segment })
    }

    #[test]
    fn blocked_and_sanctioned_customers_are_dead_letters() {
        let hits = Harness::<blocked_segment>::new().judge(&payments());
        let wanted = [(1, "BLOCKED_SEGMENT", "segment sanctioned"), (4, "BLOCKED_SEGMENT", "segment blocked")];
        assert_eq!(hits, wanted);
    }

    #[test]
    fn the_list_is_a_parameter_and_spaces_in_it_do_not_count() {
        let hits = Harness::<blocked_segment>::new().set("blocked", " retail , vip,").judge(&payments());
        assert_eq!(hits, [(0, "BLOCKED_SEGMENT", "segment retail")]);
    }
}
