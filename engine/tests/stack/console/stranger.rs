//! Why was this record rejected? By one who never saw the console before.

use serde_json::Value;
use weir_testkit::browser::{Look, Page};

use crate::console::people::{self, BEN, CEM, Console, payment, position, row, row_says, sensitive, sign_in};

/// Offset of the rejected record in its partition.
const AT: usize = 17;

/// A letter among records that are valid, and what it should show.
struct Rejected {
    console: Console,
    value: String,
    letter: Value,
}

fn rejected(name: &str) -> Rejected {
    let console = Console::start(sensitive(name));
    let records: Vec<_> = (0..40)
        .map(|i| if i == AT { payment("-12.50", "C17", "M9") } else { payment("4.20", &format!("C{i}"), "M1") })
        .collect();
    let places = console.judges(&records);
    let value = String::from_utf8(records[AT].value.clone().expect("a value")).expect("JSON");
    let letter = console.letter_of(places[AT]);
    console.has_read(1);
    Rejected { console, value, letter }
}

impl Rejected {
    fn text(&self, key: &str) -> &str {
        self.letter[key].as_str().unwrap_or_else(|| panic!("{key}: {}", self.letter))
    }

    /// From the first page to the letter.
    fn is_found(&self, page: &Page<'_>) {
        page.says("Dead letters");
        page.check("now");
        page.follow("link", "Dead letters");
        page.sees("heading", "Dead letters");
        for told in ["negative_amount", &self.text("sha256")[..8], "amount -12.50 < 0"] {
            row_says(page, "AMOUNT_NEGATIVE", told);
        }
        page.check("groups");
        page.follow("link", "AMOUNT_NEGATIVE");
        page.sees("heading", "Found, newest first");
        assert!(page.address().contains("code=AMOUNT_NEGATIVE"), "{}", page.address());
        page.check("group");
        page.follow("link", &position(&self.letter));
        self.is_told(page);
        page.check("letter");
    }

    /// All that the letter says to one who may see values.
    fn is_told(&self, page: &Page<'_>) {
        page.sees("heading", &format!("Dead letter {}", position(&self.letter)));
        page.says(&self.value);
        page.says(self.text("sha256"));
        page.says("C17");
        let said = page.text();
        assert!(said.contains("AMOUNT_NEGATIVE") && said.contains(&format!("0@{AT}")), "{said}");
        assert!(row(page, "amount").contains("-12.50"), "the fields are there as decoded: {said}");
        assert!(row(page, "negative_amount").contains("amount -12.50 < 0"), "and all hits: {said}");
        let revision = self.letter["revision"].to_string();
        assert!(said.contains(&format!("Revision of the rule set\n{revision}")), "{revision}: {said}");
    }

    /// By the position that somebody told.
    fn is_found_by_its_position(&self, page: &Page<'_>) {
        page.follow("link", "Now");
        page.follow("link", "Dead letters");
        page.fill("Position of the record", &format!("0@{AT}"));
        page.follow("button", "Find");
        assert!(page.address().contains(&format!("position=0%40{AT}")), "{}", page.address());
        page.check("found");
        page.follow("link", &position(&self.letter));
        self.is_told(page);
    }
}

#[test]
fn a_stranger_finds_why_a_record_was_rejected() {
    let rejected = rejected("stranger");
    let address = rejected.console.visit("stranger.ben", &Look::DESK, BEN, |page| {
        rejected.is_found(page);
        rejected.is_found_by_its_position(page);
        page.address()
    });
    rejected.console.visit_unknown("stranger.cem", &Look::DESK, |page| {
        page.go(&address);
        page.check("sign in");
        sign_in(page, CEM);
        assert_eq!(page.address(), address, "one who signs in comes to what was asked for");
        page.says("AMOUNT_NEGATIVE");
        page.says("negative_amount");
        page.says(rejected.text("sha256"));
        let said = page.text();
        assert!(said.contains("amount"), "it says why parts of it are not there: {said}");
        for hidden in ["-12.50", "Key:", rejected.value.as_str()] {
            assert!(!said.contains(hidden), "{hidden:?} is for those who may see values: {said}");
        }
        page.misses("link", "Download the bytes");
        let bytes: u16 = page.value(&format!("fetch({:?}).then(answer => answer.status)", address.clone() + "/value"));
        page.expect_status(403);
        assert_eq!(bytes, 403);
        page.check("hidden");
    });
    people::ends(rejected.console);
}

/// The same where no script runs.
pub(super) fn is_found_without_scripts() {
    let rejected = rejected("plain_stranger");
    rejected.console.visit("plain.stranger", &Look::PLAIN, BEN, |page| {
        let at = page.text();
        assert!(at.contains("As of 20") && !at.contains(" s ago:"), "the time of the page is said: {at}");
        rejected.is_found(page);
        rejected.is_found_by_its_position(page);
    });
    people::ends(rejected.console);
}
