//! The database is away while somebody looks, and comes back.

use weir_testkit::browser::Look;
use weir_testkit::pipeline::{Database, PAYSIM, RULES, TestPipeline, shared};
use weir_testkit::stack::mariadb::MariaDb;

use crate::console::people::{ANA, Console, ends, payment, row_says};

#[test]
fn the_database_goes_away_and_comes_back() {
    let mut server = MariaDb::start();
    let database = Database { url: server.bare_url(), client: server.client() };
    // Made by the client on the database `weir`, which is there.
    let pipeline = TestPipeline::on_database(shared(), database, "away", PAYSIM, &RULES).with_workers(1);
    let console = Console::start(pipeline);
    console.judges(&[payment("4.20", "C1", "M1")]);
    let before = console.revision();
    console.visit("database", &Look::DESK, ANA, |page| {
        row_says(page, "database", "up");
        let rule = page.tab("rule");
        rule.go("/console/rules/high_amount");
        server.stop();
        console.pipeline.send(0, &payment("5.20", "C1", "M1"));
        row_says(page, "database", "away");
        page.says("The database does not say who else there is, since");
        page.says("As of ");
        page.check("away");
        rule.expect_status(503);
        rule.within("region", "Parameters", || {
            rule.fill("limit decimal", "1000");
            rule.follow("button", "Show what it changes");
        });
        assert_eq!(rule.status(), 503, "{}", rule.text());
        rule.says("What to do");
        rule.check("refused");

        server.start_again(&[]);
        row_says(page, "database", "up");
        page.says("As of ");
        console.is_at_the_end();
        page.check("back");
    });
    assert_eq!(console.revision(), before);
    ends(console);
}
