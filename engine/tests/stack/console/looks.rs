//! Every page once, filled: in dark colors, and on a narrow telephone.

use weir_testkit::browser::{Look, Page};
use weir_testkit::pipeline::{TestPipeline, another_build};

use crate::console::people::{ANA, Console, MOST_BYTES, ends, payment, position};
use crate::console::swap::{roll_back, set_the_limit};

/// An engine that has judged records of each kind, and each of its pages, with what it has once it is filled.
struct Filled {
    console: Console,
    pages: Vec<(String, &'static str)>,
}

fn filled(name: &str) -> Filled {
    let console = Console::start(TestPipeline::new(name).with_workers(1).with_alerts(1_000, "count"));
    console.publish(&another_build("high_amount"));
    let long = "a name of somebody that is long and has no end that anybody would have foreseen ".repeat(3);
    let mut records = vec![payment("-12.50", "C17", "M9"), payment("250000.00", "C2", "C2"), payment("x", "C3", "M3")];
    records.extend((0..20).map(|i| payment(&format!("{i}.25"), &format!("C{i}"), &long)));
    records.push(payment("-1.00", &long, &long));
    let places = console.judges(&records);
    let letter = console.letter_of(places[0]);
    console.has_read(3);
    let pages = [
        ("/console/".to_owned(), "Partitions, worst first"),
        ("/console/?pin=1".to_owned(), "Checkpoints of this instance"),
        ("/console/rules".to_owned(), "high_amount"),
        ("/console/rules/high_amount".to_owned(), "Codes"),
        ("/console/publish".to_owned(), "Publish a module"),
        ("/console/dead-letters".to_owned(), "AMOUNT_NEGATIVE"),
        ("/console/dead-letters?code=AMOUNT_NEGATIVE".to_owned(), "Found, newest first"),
        (format!("/console/dead-letters/{}", position(&letter)), "The record as it is"),
        (format!("/console/records/{}@{}", places[1].0, places[1].1), "The record as it is"),
        (format!("/console/try?record={}@{}", places[1].0, places[1].1), "It would be"),
        ("/console/windows".to_owned(), "The rows, newest first"),
        ("/console/alerts".to_owned(), "SELF_TRANSFER"),
        ("/console/audit".to_owned(), "publish"),
        ("/console/nowhere".to_owned(), "What to do"),
    ];
    Filled { console, pages: pages.to_vec() }
}

impl Filled {
    fn each(&self, page: &Page<'_>, looked: impl Fn(&Page<'_>)) {
        page.expect_status(404);
        for (path, has) in &self.pages {
            page.go(path);
            page.says(has);
            let what: String = path.trim_start_matches("/console/").split(['?', '/']).next().unwrap_or_default().into();
            page.check(if what.is_empty() { "now" } else { &what });
            assert!(page.weight() <= MOST_BYTES, "{path} weighs {} bytes", page.weight());
            looked(page);
        }
    }
}

/// How light the page's background is, from 0 to 255.
fn lightness(page: &Page<'_>) -> f64 {
    page.value(
        "(() => {
            const [r, g, b] = getComputedStyle(document.documentElement).backgroundColor.match(/[0-9.]+/g).map(Number);
            const [x, y, z, a = 1] = getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).map(Number);
            return a === 0 ? (r + g + b) / 3 : (x + y + z) / 3;
        })()",
    )
}

#[test]
fn in_dark_colors() {
    let filled = filled("dark");
    filled.console.visit("dark", &Look::DARK, ANA, |page| {
        filled.each(page, |page| assert!(lightness(page) < 64.0, "{}: {}", page.address(), lightness(page)));
    });
    ends(filled.console);
}

#[test]
fn on_a_narrow_telephone() {
    let filled = filled("narrow");
    filled.console.visit("narrow", &Look::NARROW, ANA, |page| {
        filled.each(page, |page| {
            // What is wider than the page scrolls in a box that the Tab key reaches.
            let boxes: Vec<String> = page.value(
                "[...document.querySelectorAll('table')].map(table => table.parentElement)
                    .filter(box => box.scrollWidth > box.clientWidth && box.tabIndex !== 0).map(box => box.outerHTML.slice(0, 80))",
            );
            assert_eq!(boxes, [""; 0], "{}", page.address());
        });
        page.go("/console/rules/high_amount");
        set_the_limit(page, "1000", "on the way home");
        roll_back(page, "on the way home, too");
        page.check("rolled back");
    });
    ends(filled.console);
}
