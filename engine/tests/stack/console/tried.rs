//! A record of the topic, tried with another parameter, and a test of it.

use serde_json::Value;
use weir_testkit::browser::Look;

use crate::console::people::{BEN, ends, row};
use crate::console::swap::below_the_limit;

#[test]
fn a_record_is_tried_and_becomes_a_test() {
    let console = below_the_limit("tried");
    console.visit("tried", &Look::DESK, BEN, |page| {
        page.follow("link", "Try");
        page.check("empty");
        page.fill("Position in the source topic", "0@0");
        page.follow("button", "Pick");
        page.sees("heading", "It would be valid");
        assert!(row(page, "high_amount").contains("passes"), "{}", page.text());
        page.check("picked");

        page.click("DisclosureTriangle", "high_amount, live");
        page.fill("limit, in force: 200000", "1000");
        page.follow("button", "Judge");
        page.sees("heading", "It would be valid, and flagged");
        let verdict = row(page, "high_amount");
        assert!(verdict.contains("HIGH_AMOUNT amount 3000.00 > 1000"), "{verdict}");
        page.check("changed");
        let path = "/evaluate?record=0@0&parameters=%7B%22high_amount%22%3A%7B%22limit%22%3A%221000%22%7D%7D";
        let answer = console.asks("POST", path, &Value::Null);
        let verdicts = answer["records"][0]["verdicts"].as_array().expect("verdicts");
        let hit = verdicts.iter().find(|of| of["rule"] == "high_amount").expect("it was asked")["hits"][0].clone();
        assert_eq!((&hit["code"], &hit["detail"]), (&"HIGH_AMOUNT".into(), &"amount 3000.00 > 1000".into()));

        page.follow("button", "Make a test of it for high_amount");
        page.sees("heading", "A test for the rule's crate");
        let test: String = page.value("document.querySelector('pre').innerText");
        for told in ["#[test]", "Harness::<high_amount>", "\"limit\"", "1000", "3000.00", "HIGH_AMOUNT"] {
            assert!(test.contains(told), "{told:?}: {test}");
        }
        page.check("test");
    });
    assert_eq!(console.rule("high_amount")["parameters"]["limit"], "200000", "nothing was changed");
    ends(console);
}
