//! Alerts: as JSON and as a page that groups them, and stands still where somebody pauses it.

use weir_testkit::fakes::admin::client::{call, send};
use weir_testkit::fakes::admin::{Fakes, IBAN, SECRET};

use super::{ANALYST, browse, people, session};

#[tokio::test]
async fn alerts_are_grouped_and_what_was_not_sent_or_not_read_is_counted() {
    let api = people().api();
    let alerts = send(&api, call("GET", "/alerts?limit=2")).await.json();
    let count = |name: &str| alerts[name].as_u64().unwrap();
    assert_eq!(["matching", "not_sent", "read", "held", "passed_over", "newer"].map(count), [10, 8, 12, 12, 1_234, 0]);
    let groups: Vec<_> =
        alerts["groups"].as_array().unwrap().iter().map(|group| (&group["name"], &group["alerts"])).collect();
    assert_eq!(groups, [(&IBAN.into(), &9.into()), (&"acct-2".into(), &1.into())]);
    let kinds: Vec<_> = alerts["alerts"].as_array().unwrap().iter().map(|alert| &alert["kind"]).collect();
    assert_eq!(kinds, ["other", "not_sent"]);
    let problem = alerts["problem"].as_str().unwrap();
    assert!(problem.contains("***@db") && !problem.contains(SECRET), "{problem}");
    for (query, matching) in [("code=AMOUNT_HIGH", 10), ("rule=high_amount", 10), ("rule=x", 0), ("key=acct-2", 1)] {
        let some = send(&api, call("GET", &format!("/alerts?{query}"))).await.json();
        assert_eq!(some["matching"], matching, "{query}");
    }
    for (path, status, said) in [
        ("/alerts?until=yesterday", 422, "is no mark of an answer"),
        ("/alerts?limit=0", 422, "ask for 1 to 1000"),
        ("/alerts?by=amount", 400, "unknown variant"),
    ] {
        let refused = send(&api, call("GET", path)).await;
        assert!(refused.status == status && refused.text.contains(said), "{path}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_paused_page_stands_still_counts_what_came_and_goes_on() {
    let api = people().api();
    let session = session(&api, ANALYST).await;
    let at = |path: String| {
        let (api, session) = (api.clone(), session.clone());
        async move { send(&api, browse(&path).header("cookie", session)).await.text }
    };
    let page = at("/console/alerts?code=AMOUNT_HIGH".into()).await;
    let pause = "/console/alerts?code=AMOUNT_HIGH&#38;until=1700-12";
    assert!(page.contains(&format!("href=\"{pause}\">Pause here")), "{page}");
    assert!(page.contains("id=\"groups\" data-live") && page.contains("id=\"alerts\" data-live"), "{page}");
    assert!(
        page.contains("/console/alerts?code=AMOUNT_HIGH&#38;key=acct-2\">acct-2</a>"),
        "a group leads to its alerts"
    );
    assert!(
        page.contains("8 flagged records were not sent")
            && page.contains("<a href=\"/console/records/3@30\">3@30</a> to 39"),
        "{page}"
    );

    let none = at("/console/alerts?code=NOBODY".into()).await;
    assert!(
        none.contains("<section id=\"alerts\" data-live></section>"),
        "the first one has a place to appear in: {none}"
    );

    let paused = at("/console/alerts?code=AMOUNT_HIGH&until=1700-10".into()).await;
    assert!(
        paused.contains("2 messages came since") && paused.contains("href=\"/console/alerts?code=AMOUNT_HIGH\">Go on")
    );
    assert!(!paused.contains("id=\"groups\" data-live") && paused.contains("id=\"state\" data-live"), "{paused}");
    assert!(!paused.contains("were not sent") && !paused.contains("Pause here"), "it came later: {paused}");
    let lost = at("/console/alerts?until=1699-10".into()).await;
    assert!(lost.contains("does not stand still any more") && lost.contains("Pause here"), "{lost}");
}

#[tokio::test]
async fn without_alerts_there_is_no_page_of_them_and_no_way_to_it() {
    for alerts in [true, false] {
        let api = Fakes { alerts, ..people() }.api();
        let session = session(&api, ANALYST).await;
        let now = send(&api, browse("/console/").header("cookie", session.clone())).await.text;
        assert_eq!(now.contains("href=\"/console/alerts\""), alerts);
        for path in ["/alerts", "/console/alerts"] {
            let answer = send(&api, call("GET", path)).await;
            assert_eq!(answer.status, if alerts { 200 } else { 404 }, "{path}: {}", answer.text);
            assert!(alerts || answer.text.contains("this pipeline reports no alerts"), "{path}: {}", answer.text);
        }
    }
}
