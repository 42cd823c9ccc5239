//! A payment from an account to itself: harmless arithmetic, a known sign of layering. A flag.

use weir_sdk::{Record, Text, Verdict, flag_if, rule};

/// What the rule reads.
#[derive(Debug, Record)]
pub struct Payment<'a> {
    name_orig: Text<'a>,
    name_dest: Text<'a>,
}

/// The origin pays itself.
#[rule(code(SELF_TRANSFER, flag, "origin and destination are the same account"))]
pub fn self_transfer(tx: &Payment) -> Verdict {
    flag_if(tx.name_orig == tx.name_dest, SELF_TRANSFER, || format!("{} pays itself", tx.name_orig))
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::Harness;

    #[test]
    fn only_the_very_same_account_is_flagged() {
        let payments = [("C1", "C2"), ("C7", "C7"), ("C7", "c7"), ("C7", "C7 ")]
            .map(|(name_orig, name_dest)| Payment { name_orig, name_dest });
        assert_eq!(Harness::<self_transfer>::new().judge(&payments), [(1, "SELF_TRANSFER", "C7 pays itself")]);
    }

    /// A record that lacks an account.
    #[derive(Record)]
    struct Incomplete<'a> {
        name_orig: Option<Text<'a>>,
        name_dest: Option<Text<'a>>,
    }

    #[test]
    fn two_missing_accounts_are_not_the_same_account() {
        let payments =
            [Incomplete { name_orig: None, name_dest: None }, Incomplete { name_orig: Some(""), name_dest: None }];
        assert!(Harness::<self_transfer>::new().judge(&payments).is_empty());
    }
}
