//! What waiting does not fix: a wrong password, a right that lacks, a cluster.

use super::*;

async fn told(url: &str) -> String {
    match check(&table(url, "timeout = \"2s\"")).await {
        Err(LookupError::Refused { lookup, why }) => {
            assert!(lookup == "customer" && !why.contains("wr0ng") && !why.contains("s3cret"), "{why}");
            why
        }
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_password_or_right_is_told_with_its_hint_and_the_rights_of_the_documentation_are_enough() {
    let redis = Server::with(free_port(), &["--requirepass", "s3cret"]);
    let at = |login: &str| format!("redis://{login}127.0.0.1:{}", redis.port);
    let none = told(&at("")).await;
    assert!(none.contains("asks for a password") && none.contains("lookup.customer.url holds none"), "{none}");
    let wrong = told(&at(":wr0ng@")).await;
    assert!(
        wrong.contains("refuses the user or the password") && wrong.contains("invalid username-password"),
        "{wrong}"
    );
    assert!(told(&at("weir:wr0ng@")).await.contains("refuses the user or the password"));
    let number = told(&(at(":s3cret@") + "/99")).await;
    assert!(number.contains("no database of the number"), "{number}");

    let admin = |command: &[&str]| {
        let mut connection = redis::Client::open(at(":s3cret@")).unwrap().get_connection().unwrap();
        redis::cmd(command[0]).arg(&command[1..]).query::<redis::Value>(&mut connection).unwrap();
    };
    admin(&["ACL", "SETUSER", "weir", "on", ">right", "~other:*", "+hmget"]);
    let keys = told(&at("weir:right@")).await;
    assert!(keys.contains("may not read the hashes") && keys.contains("+hmget ~c:*"), "{keys}");
    admin(&["ACL", "SETUSER", "weir", "~c:*", "-hmget"]);
    assert!(told(&at("weir:right@")).await.contains("may not read the hashes"));

    // The line of docs/operations.md.
    admin(&["ACL", "SETUSER", "weir", "reset", "on", ">right", "~c:*", "+hmget"]);
    let given = table(&at("weir:right@"), "timeout = \"2s\"");
    check(&given).await.unwrap();
    admin(&["HSET", "c:ann", "segment", "gold"]);
    let mut lookups = Lookups::new(&given, schema()).unwrap();
    let mut rows = batch(&[Some("ann")]);
    look_up(&mut lookups, &mut rows, Instant::now()).await.unwrap();
    assert_eq!(segments(&rows), [Some("gold")]);

    // Taken away from one that runs, and given back: it goes on by itself.
    admin(&["ACL", "SETUSER", "weir", "-hmget"]);
    let mut others = batch(&[Some("bob")]);
    let refused = look_up(&mut lookups, &mut others, Instant::now()).await;
    assert!(matches!(&refused, Err(LookupError::Refused { why, .. }) if why.contains("+hmget")), "{refused:?}");
    assert!(lookups.away().all(|(_, _, _, away)| away.refused));
    admin(&["ACL", "SETUSER", "weir", ">other", "<right", "+hmget"]);
    admin(&["CLIENT", "KILL", "USER", "weir"]);
    let refused = async {
        loop {
            match look_up(&mut lookups, &mut batch(&[Some("bob")]), Instant::now()).await {
                Err(LookupError::Refused { why, .. }) => return why,
                other => assert!(other.is_err(), "it logs in with a password that is gone"),
            }
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(5), refused).await.unwrap();
    assert!(refused.contains("refuses the user or the password"), "{refused}");
    admin(&["ACL", "SETUSER", "weir", ">right"]);
    look_up(&mut lookups, &mut batch(&[Some("bob")]), Instant::now()).await.unwrap();
    assert_eq!(lookups.away().count(), 0);
}

#[tokio::test]
async fn a_password_for_a_redis_that_has_none_is_told_and_a_redis_that_is_away_is_no_error_yet() {
    let redis = Server::start(free_port());
    let why = told(&format!("redis://:s3cret@127.0.0.1:{}", redis.port)).await;
    assert!(why.contains("holds a password, and Redis has none"), "{why}");
    check(&table(&format!("redis://127.0.0.1:{}", free_port()), "")).await.unwrap();
}

#[tokio::test]
async fn a_redis_cluster_is_told_as_one() {
    // Two nodes that share the keys; each knows of the other's.
    let nodes = [free_port(), free_port()].map(|port| {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        let bus = free_port().to_string();
        (Server::with(port, &["--cluster-enabled", "yes", "--cluster-port", &bus, "--dir", &at]), bus, folder)
    });
    let url = format!("redis://127.0.0.1:{}", nodes[0].0.port);
    let down = told(&url).await;
    assert!(down.contains("a node of a Redis Cluster") && down.contains("CLUSTERDOWN"), "{down}");

    nodes[0].0.run(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    nodes[1].0.run(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    let (port, bus) = (nodes[1].0.port.to_string(), &nodes[1].1);
    nodes[0].0.run(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]);
    let asked = Fair::start();
    let shared = loop {
        let why = told(&url).await;
        if why.contains("2 nodes share them") {
            break why;
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{why}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(shared.contains("not supported") && shared.contains("lookup.customer.url"), "{shared}");
    // One that becomes a cluster while it is asked, and a client that may not ask whether it is one.
    let mut lookups = Lookups::new(&table(&url, "timeout = \"2s\""), schema()).unwrap();
    let names: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let mut rows = batch(&names.iter().map(|name| Some(name.as_str())).collect::<Vec<_>>());
    let moved = look_up(&mut lookups, &mut rows, Instant::now()).await;
    assert!(
        matches!(&moved, Err(LookupError::Refused { why, .. }) if why.contains("a node of a Redis Cluster")),
        "{moved:?}"
    );
}
