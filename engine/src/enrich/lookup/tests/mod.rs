mod large;
mod refused;
mod server;
mod tls;

use server::{Server, free_port};
use weir_testkit::wait::Fair;

use super::*;
use crate::model::ids::{Offset, Partition};
use crate::model::record::{Field, Kind, Value};

fn schema() -> Arc<Schema> {
    let customer = |name: &str, kind, scale| Field {
        path: vec![],
        lookup: Some("customer".to_owned()),
        ..Field::new(format!("customer.{name}"), kind, scale)
    };
    Arc::new(Schema {
        fields: vec![
            Field::new("name", Kind::Text, 0),
            Field::new("other", Kind::Text, 0),
            customer("limit", Kind::Decimal, 2),
            customer("segment", Kind::Text, 0),
        ],
    })
}

const NAME: FieldId = FieldId(0);
const LIMIT: FieldId = FieldId(2);
const SEGMENT: FieldId = FieldId(3);

/// `more`: further lines of the table.
fn table(url: &str, more: &str) -> BTreeMap<String, config::Lookup> {
    let table = toml::from_str(&format!(
        "url = \"{url}\"\nkey = \"c:{{name}}\"\nfields = {{ segment = {{ kind = \"text\" }}, limit = {{ kind = \"decimal\", \
         scale = 2 }} }}\n{more}"
    ));
    BTreeMap::from([("customer".to_owned(), table.unwrap())])
}

fn lookups(port: u16, on_unavailable: &str, ttl: &str) -> Lookups {
    let more = format!(
        "timeout = \"2s\"\non_unavailable = \"{on_unavailable}\"\ncache = {{ entries = 100, ttl = \"{ttl}\" }}"
    );
    Lookups::new(&table(&format!("redis://127.0.0.1:{port}"), &more), schema()).unwrap()
}

fn batch(names: &[Option<&str>]) -> Batch {
    let mut batch = Batch::new(&schema());
    batch.clear(Partition(0));
    for (row, name) in names.iter().enumerate() {
        batch.offsets.push(Offset(row as i64));
        batch.columns[NAME.0].push(name.map(Value::Text));
    }
    batch
}

fn segments(batch: &Batch) -> Vec<Option<&str>> {
    let segment = |row| match batch.column(SEGMENT).get(row) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    (0..batch.rows()).map(segment).collect()
}

/// Plans, fetches and applies, as the pipeline does.
async fn look_up(lookups: &mut Lookups, batch: &mut Batch, now: Instant) -> Result<bool, LookupError> {
    let plan = lookups.plan(batch, &[SEGMENT], now);
    let complete = plan.is_complete();
    let answers = if complete { None } else { Some(plan.fetch().await?) };
    lookups.apply(plan, answers, batch, now);
    Ok(complete)
}

#[tokio::test]
async fn every_row_gets_the_fields_of_its_hash_and_the_second_time_from_the_cache() {
    let redis = Server::start(free_port());
    redis.run(&["HSET", "c:ann", "segment", "gold", "limit", "12.5"]);
    redis.run(&["HSET", "c:bob", "limit", "twelve"]);
    redis.run(&["SET", "c:eve", "no hash"]);
    let names = [Some("ann"), None, Some("bob"), Some("nobody"), Some("eve"), Some("ann")];
    let mut lookups = lookups(redis.port, "wait", "60s");
    let now = Instant::now();

    let mut first = batch(&names);
    assert!(!look_up(&mut lookups, &mut first, now).await.unwrap());
    assert_eq!(segments(&first), [Some("gold"), None, None, None, None, Some("gold")]);
    assert_eq!(first.column(LIMIT).get(0), Some(Value::Decimal(1250)));
    assert_eq!(first.column(LIMIT).get(2), None, "a value of the wrong kind is missing");
    assert_eq!(first.column(LIMIT).rows(), names.len());

    redis.run(&["HSET", "c:ann", "segment", "silver"]);
    let mut second = batch(&names);
    assert!(look_up(&mut lookups, &mut second, now + Duration::from_secs(59)).await.unwrap());
    assert_eq!(segments(&second), segments(&first));

    let mut third = batch(&names);
    assert!(!look_up(&mut lookups, &mut third, now + Duration::from_secs(61)).await.unwrap());
    assert_eq!(segments(&third)[0], Some("silver"));
}

#[tokio::test]
async fn a_redis_that_is_away_is_an_error_until_it_is_back_where_it_has_to_be_waited_for() {
    let port = free_port();
    let mut lookups = lookups(port, "wait", "60s");
    let mut rows = batch(&[Some("ann")]);
    let plan = lookups.plan(&rows, &[SEGMENT], Instant::now());
    assert!(plan.waits());
    let away = plan.fetch().await.err().expect("nobody listens").to_string();
    assert!(away.starts_with("lookup.customer: Redis does not answer"), "{away}");

    let redis = Server::start(port);
    redis.run(&["HSET", "c:ann", "segment", "gold"]);
    let asked = Fair::start();
    let answers = loop {
        match plan.fetch().await {
            Ok(answers) => break answers,
            Err(e) => assert!(asked.elapsed() < Duration::from_secs(20), "still {e}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    lookups.apply(plan, Some(answers), &mut rows, Instant::now());
    assert_eq!(segments(&rows), [Some("gold")]);
}

#[tokio::test]
async fn a_redis_that_is_away_makes_fields_missing_where_it_need_not_be_waited_for_and_is_left_alone_for_a_while() {
    let mut lookups = lookups(free_port(), "missing", "60s");
    let now = Instant::now();
    let mut rows = batch(&[Some("ann")]);
    let plan = lookups.plan(&rows, &[SEGMENT], now);
    assert!(!plan.waits());
    let answers = plan.fetch().await.unwrap();
    lookups.apply(plan, Some(answers), &mut rows, now);
    assert_eq!(segments(&rows), [None]);
    assert!(lookups.plan(&rows, &[SEGMENT], now + PAUSE / 2).is_complete());
    assert!(!lookups.plan(&rows, &[SEGMENT], now + PAUSE).is_complete(), "nothing was cached");
}

#[tokio::test]
async fn an_answer_that_waited_to_be_applied_is_as_old_as_it_is() {
    let redis = Server::start(free_port());
    let mut lookups = lookups(redis.port, "wait", "60s");
    let now = Instant::now();
    let mut rows = batch(&[Some("ann")]);
    let plan = lookups.plan(&rows, &[SEGMENT], now);
    let answers = plan.fetch().await.unwrap();
    lookups.apply(plan, Some(answers), &mut rows, now + Duration::from_secs(3_600));
    let later = now + Duration::from_secs(3_601);
    assert!(!lookups.plan(&rows, &[SEGMENT], later).is_complete(), "an hour old, a minute is allowed");
}

#[test]
fn a_lookup_that_nothing_needs_is_neither_asked_nor_filled() {
    let mut lookups = lookups(1, "wait", "60s");
    assert_eq!(lookups.inputs(&[SEGMENT]), [NAME]);
    assert_eq!(lookups.inputs(&[NAME]), []);
    let mut rows = batch(&[Some("ann")]);
    let plan = lookups.plan(&rows, &[NAME], Instant::now());
    assert!(plan.is_complete());
    lookups.apply(plan, None, &mut rows, Instant::now());
    assert_eq!(rows.column(SEGMENT).rows(), 0);
}

#[test]
fn the_cache_never_holds_more_than_it_may_and_keeps_what_is_in_use() {
    let mut cache = Cache::new(10, Duration::from_secs(60));
    let now = Instant::now();
    let hash = || Arc::new(Hash::read(std::iter::empty(), Some(vec![]), &mut 0));
    cache.insert("used", hash(), now);
    for n in 0..1_000 {
        cache.insert(&n.to_string(), hash(), now);
        assert!(cache.get("used", now).is_some());
        assert!(cache.len() <= 10);
    }
}

#[test]
fn an_error_never_shows_the_address() {
    let table: config::Lookup =
        toml::from_str("url = \"redis://:s3cret@host:notaport\"\nkey = \"{name}\"\nfields = {}").unwrap();
    let error = Lookups::new(&BTreeMap::from([("customer".to_owned(), table)]), schema()).err().unwrap();
    assert!(error.to_string().starts_with("lookup.customer: url") && !format!("{error:?}").contains("s3cret"));
}
