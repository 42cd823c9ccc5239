//! Dead letters and records: pages, what they read and what not, and the same at the API.

use axum::Router;
use weir_testkit::fakes::admin::client::{Answer, call, send};
use weir_testkit::fakes::admin::{Fakes, IBAN, PUBLISHER};

use super::{ANALYST, READER, browse, people, session};

pub(super) async fn see(api: &Router, token: &str, path: &str) -> Answer {
    let session = session(api, token).await;
    send(api, browse(path).header("cookie", session)).await
}

fn holds(answer: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(answer.text.contains(part), "{part:?} is not in {}", answer.text);
    }
}

#[tokio::test]
async fn the_page_groups_letters_out_of_memory_and_a_hundred_tabs_read_nothing_of_kafka() {
    let fakes = people();
    let api = fakes.api();
    let session = session(&api, ANALYST).await;
    for _ in 0..100 {
        let page = send(&api, browse("/console/dead-letters").header("cookie", session.clone())).await;
        assert_eq!(page.status, 200);
        holds(
            &page,
            &[
                "/console/assets/live.js",
                "href=\"/console/dead-letters?code=IBAN_BLOCKED&#38;rule=blocked&#38;sha256=",
                "3,912",
                "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 a minute",
                "About 1,234 were passed over",
                "href=\"/console/dead-letters/0@0\"",
                "href=\"/console/records/3@18234771\"",
                "$WEIR_URL/dead-letters/groups?letters=50",
            ],
        );
        assert!(page.text.contains("***@db"), "why the topic can't be read, without a password: {}", page.text);
    }
    assert_eq!(*fakes.seen.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_filter_is_in_the_url_and_is_read_once_by_a_page_that_does_not_refresh() {
    let fakes = people();
    let path =
        "/console/dead-letters?code=NOBODY&rule=r&sha256=AB&position=3%4018,234,771&key=k&from=1970-01-01T00:01&to=";
    let page = see(&fakes.api(), ANALYST, path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    holds(
        &page,
        &[
            "value=\"3@18,234,771\"",
            "value=\"NOBODY\"",
            "href=\"/console/dead-letters.ndjson?code=NOBODY&#38;rule=r&#38;sha256=AB&#38;position=3%4018%2C234%2C771&#38;key=k&#38;from=",
            "$WEIR_URL/dead-letters?code=NOBODY",
            "href=\"/console/records/3@18,234,771\"",
        ],
    );
    assert!(!page.text.contains("live.js") && !page.text.contains("data-live"), "{}", page.text);
    let seen = fakes.seen.lock().unwrap().join("\n");
    let asked = "code: Some(\"NOBODY\"), rule: Some(\"r\"), sha256: Some(\"ab\"), source: Some(RecordPosition { partition: Partition(3), \
                 offset: Offset(18234771) }), key: Some(\"k\"), from: Some(60000), to: None } limit 1";
    assert!(seen.contains(asked), "{seen}");
}

#[tokio::test]
async fn what_was_cut_is_said_and_what_is_whole_too() {
    let api = people().api();
    holds(&see(&api, ANALYST, "/console/dead-letters?code=CUT").await, &["there are or may be further ones"]);
    holds(&see(&api, ANALYST, "/console/dead-letters?code=A").await, &["These are all."]);
    // The one that there is is the last that was asked for.
    let full = see(&api, ANALYST, "/console/dead-letters?code=A&limit=1").await;
    holds(&full, &["The newest 1, as many as were asked for: there may be older ones"]);
    assert!(!full.text.contains("These are all"), "{}", full.text);
    // Of one record there is one letter.
    holds(&see(&api, ANALYST, "/console/dead-letters?position=3@1&limit=1").await, &["These are all."]);
    let lines = async |query: &str| {
        let answer = send(&api, call("GET", &format!("/dead-letters.ndjson?{query}"))).await;
        assert_eq!(answer.headers["content-type"], "application/x-ndjson");
        assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"dead-letters.ndjson\"");
        let lines = answer.text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.collect::<Vec<_>>()
    };
    let whole = lines("code=A").await;
    assert_eq!((whole.len(), &whole[0]["code"], &whole[0]["source_offset"]), (1, &"A".into(), &18_234_771.into()));
    assert_eq!(lines("code=CUT").await[1], serde_json::json!({ "complete": false }));
}

#[tokio::test]
async fn a_letter_says_why_it_is_there_what_all_rules_saw_and_which_version_judged() {
    let api = people().api();
    let page = see(&api, ANALYST, "/console/dead-letters/0@12").await;
    assert_eq!(page.status, 200, "{}", page.text);
    holds(
        &page,
        &[
            "<h1>Dead letter 0@12</h1>",
            "DE8937040044 is blocked",
            "href=\"/console/rules/high_amount\"",
            "<dd>1.2.0 <code",
            "IBAN_SEEN",
            "And 3 more",
            "href=\"/console/records/3@18234771\"",
            "href=\"/console/try?letter=0@12\"",
            "href=\"/console/dead-letters/0@12/value\" download",
            "data-copy=\"/console/dead-letters/0@12/value\"",
            "&#34;type&#34;:&#34;DEBIT&#34;",
            "5 headers",
        ],
    );
    assert!(!page.text.contains("beginning of the record"), "{}", page.text);
    let cut = see(&api, ANALYST, "/console/dead-letters/0@11").await;
    holds(&cut, &["The letter has the beginning of the record's value alone", "the whole has 9,000,000 bytes"]);
    let json = send(&api, call("GET", "/dead-letters/0@12")).await.json();
    assert_eq!((&json["letter"]["revision"], &json["hidden"]), (&41.into(), &().into()));
}

#[tokio::test]
async fn a_record_is_shown_as_it_is_with_its_neighbors_and_its_bytes_are_sent_as_they_are() {
    let api = people().api();
    let page = see(&api, ANALYST, "/console/records/3@7").await;
    holds(
        &page,
        &["<h1>Record 3@7</h1>", "/console/records/3@6\"", "/console/records/3@8\"", "/console/try?record=3@7\""],
    );
    let tombstone = see(&api, ANALYST, "/console/records/3@8").await;
    holds(&tombstone, &["none: a tombstone"]);
    for (path, status) in [
        ("/records/3@7/value", 200),
        ("/console/records/3@7/value", 200),
        ("/console/dead-letters/0@7/value", 200),
        ("/records/3@8/value", 404),
        ("/records/3@9/value", 422),
    ] {
        let answer = if path.starts_with("/console") {
            see(&api, ANALYST, path).await
        } else {
            send(&api, call("GET", path)).await
        };
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        if status == 200 {
            assert_eq!(answer.headers["content-type"], "application/octet-stream");
            assert_eq!(answer.text, format!("{{\"iban\":\"{IBAN}\",\"type\":\"DEBIT\"}}"));
        }
    }
}

#[tokio::test]
async fn when_all_readers_are_busy_the_answer_says_when_to_ask_again() {
    let api = people().api();
    for path in [
        "/dead-letters?code=BUSY",
        "/dead-letters/5@1",
        "/records/5@1",
        "/records/5@1/value",
        "/dead-letters.ndjson?code=BUSY",
    ] {
        let json = send(&api, call("GET", path)).await;
        assert_eq!((json.status, json.headers["retry-after"].to_str().unwrap()), (503, "1"), "{path}");
        assert_eq!(json.json()["type"], "urn:weir:problem:busy");
        let page = see(&api, ANALYST, &format!("/console{path}")).await;
        assert_eq!((page.status, page.headers["retry-after"].to_str().unwrap()), (503, "1"), "{path}");
        holds(&page, &["2 reads of Kafka are under way already"]);
    }
}

#[tokio::test]
async fn a_position_that_is_none_or_holds_nothing_is_a_problem_that_says_so() {
    let api = people().api();
    for (path, status, said) in [
        ("/records/3", 400, "is no position of a record"),
        ("/dead-letters/a@b", 400, "is no position of a record"),
        ("/dead-letters?position=3", 422, "is no position of a record"),
        ("/records/4@1", 404, "has no partition 4"),
        ("/dead-letters/4@1", 404, "has no partition 4"),
        ("/records/6@1", 503, "is away"),
    ] {
        for path in [path.to_owned(), format!("/console{path}")] {
            let answer = if path.starts_with("/console") {
                see(&api, ANALYST, &path).await
            } else {
                send(&api, call("GET", &path)).await
            };
            assert_eq!(answer.status, status, "{path}: {}", answer.text);
            holds(&answer, &[said]);
        }
    }
}

#[tokio::test]
async fn who_may_not_see_values_finds_no_letter_by_its_key_and_downloads_none() {
    let api = Fakes { sensitive: true, ..people() }.api();
    for path in ["/dead-letters?key=x", "/dead-letters.ndjson", "/dead-letters/0@1/value", "/records/3@7/value"] {
        for path in [path.to_owned(), format!("/console{path}")] {
            let refused = if path.starts_with("/console") {
                see(&api, READER, &path).await
            } else {
                send(&api, call("GET", &path).token(Some(READER))).await
            };
            assert_eq!(refused.status, 403, "{path}: {}", refused.text);
            holds(&refused, &["iban is sensitive", "ask for `values`"]);
            assert!(!refused.text.contains(IBAN));
        }
        assert_eq!(send(&api, call("GET", path).token(Some(PUBLISHER))).await.status, 200, "{path}");
    }
    let page = see(&api, READER, "/console/dead-letters").await;
    holds(&page, &["filters by key"]);
    assert!(!page.text.contains("name=\"key\"") && !page.text.contains("ndjson"), "{}", page.text);
    let letter = see(&api, READER, "/console/dead-letters/0@12").await;
    holds(&letter, &["iban is sensitive", "IBAN_SEEN", "DEBIT"]);
    assert!(!letter.text.contains(IBAN) && !letter.text.contains("Download"), "{}", letter.text);
}

#[tokio::test]
async fn letters_before_a_time_are_not_called_all_without_a_word_of_those_out_of_order() {
    let api = people().api();
    let ana = session(&api, ANALYST).await;
    for (query, is_said) in [("to=2030-01-01T00:00", true), ("from=1970-01-01T00:00&to=", false)] {
        let page = send(&api, browse(&format!("/console/dead-letters?{query}")).header("cookie", ana.clone())).await;
        assert_eq!(page.status, 200, "{query}: {}", page.text);
        assert_eq!(page.text.contains("timestamps are out of order"), is_said, "{query}: {}", page.text);
    }
}
