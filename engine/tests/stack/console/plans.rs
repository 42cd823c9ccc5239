//! What pages that refresh ask of the database, by its own log, goes by an index: all that a running engine sends meanwhile, the row of
//! its instance and its checkpoints included.

use std::time::Duration;

use weir_testkit::pipeline::api::ask_as;
use weir_testkit::pipeline::{Database, PAYSIM, RULES, TestPipeline, shared};
use weir_testkit::plans;
use weir_testkit::stack::mariadb::MariaDb;

use crate::console::people::{ANA, Console, ends, payment_at, token};

/// Every page with a part that refreshes.
const PAGES: [&str; 6] = [
    "/console/",
    "/console/rules",
    "/console/rules/high_amount",
    "/console/dead-letters",
    "/console/windows",
    "/console/alerts",
];

/// Windows, and rows of others for each row of the engine's own tables: for few, an optimizer rightly reads all.
const ROWS: i64 = 600;

/// The tables of which rows are made, each with the columns that follow its `pipeline`.
const TABLES: [(&str, &str); 9] = [
    ("weir_partition", "topic, `partition`, next_offset, published, watermark, owner, `checkpoint`, updated_at"),
    ("weir_activation", "topic, `partition`, first_offset, revision"),
    ("weir_rule_current", "revision"),
    ("weir_rule_count", "revision, rules"),
    ("weir_rule_version", "sha256, rule, wasm, manifest, origin, source, published_at, published_by"),
    ("weir_rule_set", "revision, rule, sha256, `order`, mode, parameters, from_directory, suspended"),
    ("weir_audit", "revision, at, who, action, rule, detail"),
    ("weir_audit_reason", "revision, at, reason"),
    ("weir_instance", "instance, address, version, started_at, seen_at, state"),
];

fn fill(pipeline: &TestPipeline) {
    pipeline.sql("INSERT IGNORE INTO weir_audit_reason SELECT pipeline, revision, at, 'because' FROM weir_audit");
    for (table, columns) in TABLES {
        pipeline.sql(&format!(
            "INSERT INTO {table} (pipeline, {columns}) SELECT CONCAT('other-', seq), {columns} FROM {table}, seq_1_to_{ROWS}"
        ));
        pipeline.sql(&format!("ANALYZE TABLE {table}"));
    }
    pipeline.sql("ANALYZE TABLE risk_stats");
}

#[test]
fn what_pages_that_refresh_ask_of_the_database_goes_by_an_index() {
    let server = MariaDb::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(plans::prepare(&server.url_of_root()));
    let database = Database { url: server.bare_url(), client: server.client() };
    let pipeline = TestPipeline::on_database(shared(), database, "plans", PAYSIM, &RULES);
    let console = Console::start(pipeline.with_workers(1).with_alerts(1_000, "count"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970");
    let at = |number: i64| now.as_millis() as i64 - (ROWS - number) * 10_000;
    let records: Vec<_> = (0..ROWS).map(|number| payment_at(at(number), "250000.00", "C1", "C1")).collect();
    console.judges(&records);
    fill(&console.pipeline);

    let url = server.url_of_root().replace("/weir?", &format!("/weir_{}?", console.pipeline.name));
    let look = async {
        // Longer than answers of the database are kept, and than an instance waits until it writes its row.
        for _ in 0..3 {
            for page in PAGES {
                let (status, text) = ask_as(Some(&token(ANA)), console.pipeline.admin, "GET", page, "text/plain", b"")
                    .expect("an answer");
                assert!(status == 200 && text.contains("data-live"), "{page}: {status}: {text}");
            }
            tokio::time::sleep(Duration::from_millis(2_100)).await;
        }
    };
    let ((), plans) = runtime.block_on(plans::plans_by_index(&url, look));
    for table in ["risk_stats", "weir_audit", "weir_activation", "weir_rule_version", "weir_instance", "weir_partition"]
    {
        assert!(plans.iter().any(|plan| plan.statement.contains(table)), "nothing was asked of {table}: {plans:#?}");
    }
    ends(console);
}
