//! What is wrong at the start is one clear line on stderr and exit code 1, and never a password.

use rdkafka::mocking::MockCluster;

use weir_testkit::guest::{self, Guest};
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::generated::Generated;
use weir_testkit::pipeline::refusal::{refusal, says};
use weir_testkit::pipeline::{TestPipeline, weir};
use weir_testkit::stack::port::free_port;

/// `weir run` with one thing of the configuration changed.
fn run_with(pipeline: &TestPipeline, from: &str, to: &str) -> String {
    let wrong = pipeline.folder.path().join("wrong.toml");
    std::fs::write(&wrong, pipeline.changed(from, to)).expect("the folder is writable");
    let line = refusal(&mut pipeline.running(&wrong));
    let password = pipeline.url().split(['@', ':']).nth(2).expect("a password").to_owned();
    assert!(!line.contains(&password), "the password is shown: {line}");
    line
}

#[test]
fn a_wrong_configuration_or_service_is_one_line_that_says_what_to_do() {
    let pipeline = TestPipeline::new("wrong");
    let url = pipeline.url();
    let (address, database) = url.rsplit_once('/').expect("a database");
    let (_, host) = address.rsplit_once('@').expect("a host");
    let port: u16 = host.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");

    let line = run_with(&pipeline, "out_of_orderness", "out_of_ordernes");
    says(&line, &["window.out_of_ordernes", "out_of_orderness"]);
    let line = run_with(&pipeline, "${WEIR_TOPIC}", "no_such_topic");
    says(&line, &["source.topic", "no_such_topic", "create it", "kafka-topics.sh", "--create --topic no_such_topic"]);
    let line = run_with(&pipeline, "${WEIR_QUEUE}", "no_such_queue");
    says(&line, &["dead_letters.topic", "no_such_queue", "create it"]);

    let refused = "topic = \"${WEIR_QUEUE}\"\nproperties = { \"compression.type\" = \"lz5\" }";
    let line = run_with(&pipeline, "topic = \"${WEIR_QUEUE}\"", refused);
    says(&line, &["dead_letters.properties", "compression.type", "does not take"]);
    let line = run_with(&pipeline, "properties = {}", "properties = { \"socket.timeout.ms\" = \"60000\" }");
    says(&line, &["source.properties", "socket.timeout.ms"]);

    let line = run_with(&pipeline, "${WEIR_SINK}", &format!("mysql://weir:secret@{host}/{database}"));
    says(&line, &["sink.url", "'weir'", "Correct user or password"]);
    let line = run_with(&pipeline, "${WEIR_SINK}", &format!("{address}/weir_nowhere"));
    says(&line, &["sink", "weir_nowhere", "Create it"]);
    let nobody = free_port();
    let away = address.replace(&format!(":{port}"), &format!(":{nobody}"));
    let line = run_with(&pipeline, "${WEIR_SINK}", &format!("{away}/{database}"));
    says(&line, &["sink.url", &format!("127.0.0.1:{nobody}"), "start the database", "fix the address"]);
    let line = run_with(&pipeline, "${WEIR_BROKERS}", &format!("127.0.0.1:{nobody}"));
    says(&line, &["source.brokers", "no answer", &nobody.to_string()]);
    assert!(!line.contains("no topic"), "a cluster that is away says nothing about topics: {line}");

    let line = run_with(
        &pipeline,
        "[admin]",
        "[admin]\ntokens = { viewer = \"\", publisher = \"a-secret-of-26-characters-x\" }",
    );
    says(&line, &["admin.tokens.viewer", "empty", "weir token new"]);
    let line = run_with(&pipeline, "[admin]", "[admin]\ntokens = { viewers = \"secret\" }");
    says(&line, &["admin.tokens.viewers", "viewer"]);
    let line = run_with(&pipeline, "[admin]", "[admin]\ntokens = { publisher = \"${WEIR_NO_SUCH_TOKEN}\" }");
    says(&line, &["admin.tokens.publisher", "WEIR_NO_SUCH_TOKEN", "set it"]);
    let line = run_with(&pipeline, "${WEIR_LISTEN}", "0.0.0.0:0");
    says(&line, &["admin.listen", "0.0.0.0:0", "admin.tokens"]);

    // The same before it is started: a line each of what is there and what is not.
    let asked = |from: &str, to: &str| {
        let file = pipeline.folder.path().join("asked.toml");
        std::fs::write(&file, pipeline.changed(from, to)).expect("the folder is writable");
        let mut check = weir();
        for (name, value) in pipeline.running(&file).get_envs() {
            check.env(name, value.expect("it is set"));
        }
        let output = check.arg("check").arg(&file).arg("--connect").output().expect("weir starts");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let (code, said) = asked("[admin]", "[admin]");
    assert!(code == Some(0) && !said.contains("FAILED"), "{said}");
    for part in ["source.topic: ", "has 4 partitions", "source.topic, Read", "source.group", "cleanup.policy"] {
        assert!(said.contains(part), "{part:?} stands not in\n{said}");
    }
    for part in ["transactional id", "sink.url: the database answers", "lookup.customer: Redis answers", "rules.dir"] {
        assert!(said.contains(&format!("ok      {part}")), "{part:?} stands not in\n{said}");
    }
    let (code, said) = asked("${WEIR_QUEUE}", "no_such_queue");
    assert_eq!((code, said.matches("FAILED").count()), (Some(1), 1), "{said}");
    assert!(
        said.contains("FAILED  dead_letters.topic: there is no topic \"no_such_queue\"") && said.contains("create it"),
        "{said}"
    );
    let (code, said) = asked("${WEIR_REDIS_URL}", &format!("redis://127.0.0.1:{nobody}"));
    assert!(
        code == Some(1) && said.contains("FAILED  lookup.customer: ") && said.contains("ok      rules.dir"),
        "{said}"
    );

    let taken = std::net::TcpListener::bind(("127.0.0.1", pipeline.admin)).expect("the port is free");
    let line = run_with(&pipeline, "[admin]", "[admin]");
    says(&line, &["admin.listen", &pipeline.admin.to_string()]);
    drop(taken);
}

/// As when a database is restored beside another cluster: offsets of one would be taken for the other's.
#[test]
fn another_kafka_cluster_is_refused_by_both_names_and_nothing_is_published() {
    let pipeline = TestPipeline::new("clusters");
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    engine.stop();
    let rules = || pipeline.sql("SELECT revision, rule FROM weir_rule_set ORDER BY 1, 2");
    let before = rules();
    std::fs::remove_file(pipeline.rules().join("high_amount.wasm")).expect("it is there");

    let other = MockCluster::new(1).expect("librdkafka's own cluster");
    for topic in [pipeline.topic(), pipeline.queue()] {
        other.create_topic(&topic, 1, 1).expect("a topic");
    }
    let line = refusal(pipeline.running(&pipeline.config()).env("WEIR_BROKERS", other.bootstrap_servers()));
    says(&line, &["source.brokers", "ran on the Kafka cluster", "and this one is \"mockCluster"]);
    assert_eq!(rules(), before, "the other cluster's engine changed the rules");
}

/// The same where no id is stored, as a version before left it: the first claim finds out, and until then nothing is published.
#[test]
fn another_kafka_cluster_that_no_id_tells_publishes_nothing_from_its_directory() {
    let pipeline = TestPipeline::new("unknown_cluster").with_workers(1);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    engine.stop();
    let rules = || pipeline.sql("SELECT revision, rule FROM weir_rule_set ORDER BY 1, 2");
    let before = rules();
    pipeline.sql("UPDATE weir_pipeline SET fingerprint = JSON_REMOVE(fingerprint, '$.cluster')");
    std::fs::write(pipeline.rules().join("foreign.wasm"), Guest::good("foreign").core())
        .expect("the folder is writable");

    let other = MockCluster::new(1).expect("librdkafka's own cluster");
    for topic in [pipeline.topic(), pipeline.queue()] {
        other.create_topic(&topic, 1, 1).expect("a topic");
    }
    let mut command = pipeline.running(&pipeline.config());
    command.env("WEIR_BROKERS", other.bootstrap_servers());
    let mut engine = Engine::start(command, pipeline.folder.path().join("foreign.log"));
    pipeline.until_readyz_says(&mut engine, &["partition 0", "the group has no committed offset"]);
    engine.until_it_says("rules.directory_held");
    assert_eq!(rules(), before, "the other cluster's engine changed the rules");
    engine.stop();
}

#[test]
fn a_wrong_mapping_or_line_is_one_line_with_its_place() {
    let pipeline = TestPipeline::new("mapped");
    let generated = Generated::new(&pipeline, 10, 3, &[]);
    let mapping = pipeline.folder.path().join("mapping.toml");
    let paysim = include_str!("../../../../mappings/paysim.toml");
    let produce = |text: &str, brokers: &str, topic: &str| {
        std::fs::write(&mapping, text).expect("the folder is writable");
        let mut command = weir();
        command.arg("produce").arg(&generated.csv).args(["--brokers", brokers, "--topic", topic]);
        refusal(command.arg("--mapping").arg(&mapping))
    };
    let (brokers, topic) = (pipeline.stack.brokers(), pipeline.topic());
    let line = produce(&paysim.replace("column = \"amount\"", "column = \"amuont\""), brokers, &topic);
    says(&line, &["amuont"]);
    let line = produce(&paysim.replace("key = \"name_orig\"", "key = \"name_orgi\""), brokers, &topic);
    says(&line, &["mapping.toml", "name_orgi", "[fields]"]);
    let line = produce(&paysim.replace("kind = \"timestamp\"", "kind = \"tiem\""), brokers, &topic);
    says(&line, &["mapping.toml", "tiem"]);
    let line = produce(paysim, brokers, "no_such_topic");
    says(&line, &["--topic", "no_such_topic", "create it"]);
    let line = produce(paysim, "127.0.0.1:1", &topic);
    says(&line, &["--brokers", "no answer", "127.0.0.1:1"]);
    let text = std::fs::read_to_string(&generated.csv).expect("the records");
    std::fs::write(&generated.csv, text.replacen(",0,", ",", 3)).expect("the folder is writable");
    let line = produce(paysim, brokers, &topic);
    says(&line, &["records.csv:2:", "expected 14"]);
}

#[test]
fn a_bad_upload_is_one_line_that_says_what_to_fix_and_changes_nothing() {
    let pipeline = TestPipeline::new("upload");
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let before = pipeline.get("/rules");
    let push = |wasm: &[u8]| {
        let file = pipeline.folder.path().join("bad.wasm");
        std::fs::write(&file, wasm).expect("the folder is writable");
        let url = format!("http://127.0.0.1:{}", pipeline.admin);
        refusal(weir().args(["rules", "push", "--url", &url]).arg(&file))
    };
    says(&push(b"no module at all"), &["not a WebAssembly module"]);
    // The service hangs up in the middle of it; what it said comes through all the same.
    says(
        &push(&[b"\0asm".as_slice(), &vec![0; 9 << 20]].concat()),
        &["the body is beyond the limit", "raise `max_module`"],
    );
    says(&push(&wat::parse_str("(module)").expect("WAT")), &["component-type"]);
    let traps = Guest { configure: "unreachable", ..Guest::good("traps") };
    says(&push(&traps.core()), &["RULE_TRAP"]);
    let foreign = Guest::good("foreign");
    let text = foreign.text().replace("\"amount\"", "\"anount\"");
    let contract = include_str!("../../../../sdk/wit/rule.wit");
    says(&push(&guest::typed(&text, contract, foreign.encoding)), &["anount", "does not have", "declare the field"]);
    assert_eq!(pipeline.get("/rules"), before, "nothing changed");
    engine.stop();
}
