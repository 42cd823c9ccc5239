//! Try: a record that is pasted or picked, parameters that are changed on the spot, and a test that is made of it.

use axum::Router;
use weir_testkit::fakes::admin::client::{Answer, call, send};
use weir_testkit::fakes::admin::{Fakes, IBAN};

use super::letters::see;
use super::{ANALYST, READER, people, session, submit};

async fn post(api: &Router, token: &str, body: &str) -> Answer {
    let session = session(api, token).await;
    send(api, submit("/console/try", body).header("cookie", session)).await
}

fn last(fakes: &Fakes) -> String {
    fakes.seen.lock().unwrap().last().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_pasted_record_is_judged_by_parameters_that_were_changed_and_only_those_are_sent() {
    let fakes = people();
    let api = fakes.api();
    let form = see(&api, READER, "/console/try").await;
    assert_eq!(form.status, 200);
    assert!(form.text.contains("name=\"parameter:high_amount:most\" value=\"1000\""), "{}", form.text);
    assert_eq!(last(&fakes), "", "an empty form judges nothing");

    let record = "text=%7B%22a%22%3A+1.50%7D&record=&letter=";
    let page = post(&api, READER, &format!("{record}&parameter:high_amount:most=1000")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(last(&fakes), "evaluate {\"a\": 1.50} by {} of None");
    for part in [
        "It would be <span class=\"mark bad\">a dead letter",
        "AMOUNT_HIGH",
        "DE8937040044: 9 &#62; 1",
        "{&#34;a&#34;: 1.50}</textarea>",
    ] {
        assert!(page.text.contains(part), "{part:?} is not in {}", page.text);
    }

    let page = post(&api, READER, &format!("{record}&parameter:high_amount:most=5")).await;
    assert_eq!(last(&fakes), "evaluate {\"a\": 1.50} by {\"high_amount\": {\"most\": \"5\"}} of None");
    assert!(
        page.text.contains("value=\"5\"") && page.text.contains("in force: <span class=\"data\">1000"),
        "{}",
        page.text
    );
    assert!(page.text.contains("/evaluate?parameters=%7B%22high_amount%22"), "{}", page.text);
}

#[tokio::test]
async fn what_is_refused_is_said_beside_what_was_typed() {
    let api = people().api();
    let page = post(&api, ANALYST, "text=%7B%7D&parameter:high_amount:most=many").await;
    assert_eq!(page.status, 422);
    assert!(
        page.text.contains("does not fit")
            && page.text.contains("value=\"many\"")
            && page.text.contains("{}</textarea>"),
        "{}",
        page.text
    );
    let unknown = post(&api, ANALYST, "text=%7B%7D&something=else").await;
    assert!(unknown.status == 400 && unknown.text.contains("the form cannot be read"), "{}", unknown.text);
}

#[tokio::test]
async fn a_record_is_picked_by_its_position_or_a_letter_s_and_put_where_it_can_be_edited() {
    let fakes = people();
    let api = fakes.api();
    let value = format!("{{\"iban\":\"{IBAN}\",\"type\":\"DEBIT\"}}");
    for (path, origin) in [("/console/try?record=3@7", "3@7"), ("/console/try?letter=0@12", "3@18234771")] {
        let page = see(&api, ANALYST, path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert_eq!(last(&fakes), format!("evaluate {value} by {{}} of Some(\"{origin}\")"));
        assert!(page.text.contains("&#34;type&#34;:&#34;DEBIT&#34;}</textarea>"), "{}", page.text);
    }
    let bytes = see(&api, ANALYST, "/console/try?record=3@10").await;
    assert!(
        bytes.text.contains("the rules judge the bytes as they are") && !bytes.text.contains("<textarea"),
        "{}",
        bytes.text
    );
    for (path, status, said) in [
        ("/console/try?record=3@8", 422, "a tombstone"),
        ("/console/try?letter=0@11", 422, "was cut to what its topic takes"),
        ("/console/try?record=4@1", 404, "has no partition 4"),
        ("/console/try?record=x", 422, "is no position of a record"),
        ("/console/try?record=5@1", 503, "2 reads of Kafka"),
    ] {
        let page = see(&api, ANALYST, path).await;
        assert!(page.status == status && page.text.contains(said), "{path}: {} {}", page.status, page.text);
    }
}

#[tokio::test]
async fn a_test_is_made_of_a_record_and_shown_line_by_line() {
    let api = people().api();
    let page = post(&api, ANALYST, "text=%7B%7D&record=3@7&test=high_amount").await;
    assert!(page.text.contains("#[test]\nfn a_test_of_high_amount() {\n    // DE89"), "{}", page.text);
    let json = send(&api, call("POST", "/evaluate?record=3@7&test=high_amount")).await.json();
    assert!(json["test"].as_str().unwrap().starts_with("#[test]"), "{json}");
    let json = send(&api, call("POST", "/evaluate").body("application/json", "{}")).await.json();
    assert!(json["test"].is_null() && json["hidden"].is_null(), "{json}");
}

/// With a limit of one's own choice a verdict tells a hidden amount, one bit at a time.
#[tokio::test]
async fn who_may_not_see_values_learns_none_by_trying_and_all_of_what_they_paste() {
    let api = Fakes { sensitive: true, ..people() }.api();
    let ask = |query: &str| {
        let path = format!("/evaluate?{query}");
        let api = api.clone();
        async move { send(&api, call("POST", &path).token(Some(READER))).await }
    };
    for query in ["record=3@7", "letter=0@12"] {
        let json = ask(query).await;
        assert!(json.status == 200 && !json.text.contains(IBAN) && json.text.contains("AMOUNT_HIGH"), "{}", json.text);
        for more in ["&test=high_amount", "&parameters=%7B%22high_amount%22%3A%7B%22most%22%3A%225%22%7D%7D"] {
            let refused = ask(&format!("{query}{more}")).await;
            assert_eq!(refused.status, 403, "{query}{more}: {}", refused.text);
        }
        let page = see(&api, READER, &format!("/console/try?{query}")).await;
        assert!(page.status == 200 && !page.text.contains(IBAN), "{}", page.text);
        for word in ["They can&#39;t be changed", "its bytes are for those who may see values"] {
            assert!(
                page.text.contains(word) || page.text.contains(&word.replace("&#39;", "'")),
                "{word}: {}",
                page.text
            );
        }
        assert!(!page.text.contains("name=\"parameter:") && !page.text.contains("name=\"test\""), "{}", page.text);
    }
    let own = post(&api, READER, "text=%7B%7D").await;
    assert!(own.text.contains(IBAN) && own.text.contains("name=\"test\""), "{}", own.text);
    let posted = post(&api, READER, "record=3@7&parameter:high_amount:most=5").await;
    assert!(posted.status == 403 && !posted.text.contains(IBAN), "{} {}", posted.status, posted.text);
}

#[tokio::test]
async fn a_body_and_a_position_are_not_sent_together() {
    let api = people().api();
    for (call, said) in [
        (call("POST", "/evaluate?record=3@7").body("application/json", "{}"), "a body comes with"),
        (call("POST", "/evaluate?record=3@7&letter=0@1"), "both `record` and `letter`"),
        (call("POST", "/evaluate?parameters=x&record=3@7"), "parameters: "),
        (call("POST", "/evaluate?record=3"), "is no position of a record"),
    ] {
        let refused = send(&api, call).await;
        assert!(refused.status == 422 && refused.text.contains(said), "{}", refused.text);
    }
}
