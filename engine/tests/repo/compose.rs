//! docker-compose.yml, without Docker: what a parser can see. That the services start is for a machine with an engine;
//! that names, conditions, secrets and topics fit together is for this test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_yaml_ng::{Mapping, Value};
use weir::config::Config;

#[test]
fn every_service_has_a_health_check_or_ends_by_itself() {
    for (name, service) in &services() {
        let service = service.as_mapping().expect("a service is a mapping");
        assert!(
            service.contains_key("healthcheck") || one_shot(service),
            "service {name:?}: a healthcheck, or restart: \"no\" for one that ends"
        );
    }
}

#[test]
fn a_service_waits_only_for_what_the_other_one_can_become() {
    let services = services();
    for (name, service) in &services {
        let Some(dependencies) = service.get("depends_on") else { continue };
        for (other, dependency) in dependencies.as_mapping().expect("depends_on names its conditions") {
            let other_service = services.get(other).and_then(Value::as_mapping);
            let other_service =
                other_service.unwrap_or_else(|| panic!("{name:?} waits for {other:?}, which is no service"));
            match text(dependency, "condition") {
                "service_healthy" => assert!(other_service.contains_key("healthcheck"), "{other:?} is never healthy"),
                "service_completed_successfully" => assert!(one_shot(other_service), "{other:?} never ends"),
                condition => panic!("{name:?} waits for {other:?} with condition {condition:?}"),
            }
        }
    }
}

#[test]
fn images_are_pinned_to_a_version() {
    for (name, service) in &services() {
        let image = text(service, "image");
        let (_, tag) = image.rsplit_once(':').unwrap_or_else(|| panic!("{name:?}: image {image} has no tag"));
        assert!(tag.starts_with(|c: char| c.is_ascii_digit()), "{name:?}: image {image} is not pinned");
    }
    for line in read("Dockerfile").lines().filter(|line| line.starts_with("FROM ")) {
        assert!(line.contains(':') && !line.contains("latest"), "{line}");
    }
}

#[test]
fn no_secret_is_written_down() {
    for (service, key, value) in environment_of_all() {
        let secret = ["PASSWORD", "TOKEN", "SECRET"].iter().any(|word| key.contains(word));
        if secret && key != "MYSQL_RANDOM_ROOT_PASSWORD" {
            let required = value.starts_with("${") && value.contains(":?");
            assert!(required, "{service}: {key} must be taken from the environment, and be required there");
        }
        if let Some((login, _)) = value.split_once("://").and_then(|(_, rest)| rest.split_once('@')) {
            let (_, password) = login.split_once(':').unwrap_or_default();
            assert!(password.starts_with("${"), "{service}: {key} holds a password");
        }
    }
}

#[test]
fn named_volumes_are_declared_and_used_and_mounted_files_exist() {
    let declared: BTreeSet<String> = compose()["volumes"].as_mapping().expect("volumes").keys().map(string).collect();
    let mut used = BTreeSet::new();
    for (name, service) in &services() {
        for volume in service.get("volumes").and_then(Value::as_sequence).into_iter().flatten() {
            let source = volume.as_str().and_then(|v| v.split(':').next()).expect("SOURCE:TARGET");
            if source.starts_with('.') {
                assert!(root().join(source).exists(), "{name:?} mounts {source}, which is not there");
            } else {
                used.insert(source.to_owned());
            }
        }
    }
    assert_eq!(used, declared);
}

#[test]
fn the_engine_does_not_run_as_root() {
    let not_root = |user: &str| !user.starts_with('0') && !user.starts_with("root");
    for name in ["engine", "producer"] {
        assert!(not_root(text(&services()[name], "user")), "{name} runs as root");
    }
    let dockerfile = read("Dockerfile");
    let user = dockerfile.lines().rev().find_map(|line| line.strip_prefix("USER ")).expect("USER in the Dockerfile");
    assert!(not_root(user), "the image runs as {user}");
}

#[test]
fn every_service_has_few_rights_and_bounds() {
    for (name, service) in &services() {
        let listed = |key: &str| service.get(key).and_then(Value::as_sequence).cloned().unwrap_or_default();
        assert_eq!(listed("cap_drop"), ["ALL"], "{name:?}");
        assert_eq!(listed("security_opt"), ["no-new-privileges:true"], "{name:?}");
        assert!(service["pids_limit"].is_u64() && service["mem_limit"].is_string(), "{name:?} has no bounds");
        // Who else would reach it is each user of the machine, or of its network.
        for port in listed("ports") {
            let port = port.as_str().expect("HOST:PORT:PORT");
            assert!(name == "engine" && port.starts_with("127.0.0.1:"), "{name:?} publishes {port}");
        }
    }
}

#[test]
fn a_signal_reaches_the_program_and_no_check_starts_a_jvm() {
    for (name, service) in &services() {
        assert_eq!(service["init"].as_bool(), Some(true), "{name:?}: a shell as process 1 hears no SIGTERM");
        let check = service.get("healthcheck").map_or(String::new(), |check| format!("{:?}", check["test"]));
        assert!(!check.contains("/opt/kafka/bin"), "{name:?}: {check}");
    }
    let script = command("producer");
    let last = script.trim().lines().last().expect("the producer's script has a line");
    assert!(last.trim().starts_with("exec weir produce "), "{last}");
}

#[test]
fn the_producer_s_truth_outlives_its_container() {
    let producer = &services()["producer"];
    let folder = text(producer, "working_dir");
    let volumes = producer["volumes"].as_sequence().cloned().expect("the producer has volumes");
    let mounted: Vec<&str> = volumes.iter().filter_map(|volume| volume.as_str()?.split(':').nth(1)).collect();
    assert!(mounted.contains(&folder), "{folder} is no volume: {mounted:?}");
    assert!(command("producer").contains("--truth truth.json"), "the truth is written there");
}

#[test]
fn the_topics_that_are_made_are_those_that_the_configuration_names() {
    let config = config();
    let alerts = &config.alerts.as_ref().expect("the stack shows alerts").topic;
    let wanted = BTreeSet::from([config.source.topic.as_str(), config.dead_letters.topic.as_str(), alerts.as_str()]);

    let script = command("topics");
    assert_eq!(words(between(&script, "for topic in ", ";")), wanted, "docker-compose.yml");

    let up = read("stack/up");
    assert_eq!(words(between(&up, "topics=(", ")")), wanted, "stack/up");
    assert_eq!(between(&script, "--partitions ", " "), between(&up, "WEIR_STACK_PARTITIONS:-", "}"));

    assert_eq!(between(&command("producer"), "--topic ", " "), config.source.topic);
}

#[test]
fn both_ways_of_starting_run_the_same_kafka() {
    let services = services();
    let image = text(&services["kafka"], "image");
    assert_eq!(image.rsplit(':').next(), Some(between(&read("stack/kafka-fetch"), "WEIR_KAFKA_VERSION:-", "}")));
    assert_eq!(image, text(&services["topics"], "image"));

    let compose = environment_of("kafka");
    let compose = compose.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix("KAFKA_")?.to_lowercase().replace('_', ".");
        Some((name, value.clone()))
    });
    assert_eq!(behavior(compose), behavior(properties_of_the_stack()), "left: compose, right: stack/up");
}

/// What of a broker's settings is no address or place of its own, and is not there for the tests alone.
fn behavior(settings: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let own =
        |name: &str| name.contains("listener") || ["node.id", "controller.quorum.voters", "log.dirs"].contains(&name);
    // stack/up says why: tests kill members and producers and do not wait long for them, and write records of any year.
    let tests = [
        "group.min.session.timeout.ms",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        "log.retention.hours",
    ];
    let roles = |value: String| value.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
    settings
        .filter(|(name, _)| !own(name) && !tests.contains(&name.as_str()))
        .map(|(name, value)| (name, roles(value).into_iter().collect::<Vec<_>>().join(",")))
        .collect()
}

/// server.properties as stack/up writes it.
fn properties_of_the_stack() -> impl Iterator<Item = (String, String)> {
    let up = read("stack/up");
    let text = up.split_once("server.properties\" <<CONF\n").expect("stack/up writes server.properties").1;
    let text = text.split_once("\nCONF\n").expect("it ends").0.to_owned();
    let lines: Vec<_> =
        text.lines().filter_map(|line| line.split_once('=')).map(|(a, b)| (a.into(), b.into())).collect();
    assert!(lines.len() > 10, "{lines:?}");
    lines.into_iter()
}

#[test]
fn the_image_is_built_from_every_member_of_the_workspace() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml is TOML");
    let ignore = read(".dockerignore");
    assert_eq!(ignore.lines().next(), Some("*"), "all is left out but what is let through");
    let through: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let members = manifest["workspace"]["members"].as_array().expect("members").iter();
    for member in members.map(|member| member.as_str().expect("a member is a path")) {
        let folder = member.split('/').next().expect("a path has a first part");
        assert!(through.contains(&folder), "{member} is a member, but .dockerignore has no `!{folder}`");
    }
    for line in read("Dockerfile").lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from")) {
        let source = line.split_whitespace().rev().nth(1).expect("COPY SOURCE TARGET");
        assert!(source == "." || through.contains(&source), "{line}: .dockerignore has no `!{source}`");
    }
}

#[test]
fn what_the_engine_writes_outlives_its_container() {
    let config = config();
    let volumes = services()["engine"]["volumes"].as_sequence().cloned().expect("the engine has volumes");
    let mounted: Vec<&str> = volumes.iter().filter_map(|volume| volume.as_str()?.split(':').nth(1)).collect();
    let cache = config.rules.cache.as_deref().and_then(Path::to_str).expect("rules.cache is set");
    for folder in [config.rules.dir.to_str().expect("rules.dir is UTF-8"), cache] {
        assert!(mounted.contains(&folder), "{folder} is no volume: {mounted:?}");
        // Else it would be root's, and the engine could not write to it.
        let owned = read("Dockerfile").lines().any(|line| line.contains("10001") && line.contains(folder));
        assert!(owned, "the Dockerfile makes no {folder} for user 10001");
    }
}

#[test]
fn a_stopping_engine_has_time_for_its_last_checkpoint() {
    let grace = humantime::parse_duration(text(&services()["engine"], "stop_grace_period")).expect("a duration");
    assert!(grace >= 2 * config().checkpoint.drain, "{grace:?}");
}

#[test]
fn the_configuration_is_whole_with_what_the_engine_is_given() {
    // Parsed as the engine does, so its checks hold too.
    let config = config();
    assert_eq!(config.source.brokers, "kafka:9092");
    assert!(!config.admin.listen.ip().is_loopback(), "the published port leads to it");
    assert!(config.admin.tokens.viewer.is_some() && config.admin.tokens.publisher.is_some());
    assert!(config.record.fields.contains_key(&config.record.event_time));
}

/// stack/weir.compose.toml with the environment that docker-compose.yml gives the engine.
fn config() -> Config {
    let environment = environment_of("engine");
    Config::parse(&read("stack/weir.compose.toml"), &|name| environment.get(name).map(|value| set(value)))
        .unwrap_or_else(|error| panic!("stack/weir.compose.toml: {error}"))
}

/// With what an operator sets, as compose puts it in for `${NAME:?why}`.
fn set(value: &str) -> String {
    match value.split_once("${").and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (variable, after))) => {
            let name = variable.split(':').next().unwrap_or_default();
            format!("{before}{name}-of-the-operator{after}")
        }
        None => value.to_owned(),
    }
}

fn environment_of(service: &str) -> BTreeMap<String, String> {
    let all = environment_of_all().into_iter().filter(|(name, ..)| name == service);
    all.map(|(_, key, value)| (key, value)).collect()
}

/// (service, key, value)
fn environment_of_all() -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (name, service) in &services() {
        for (key, value) in service.get("environment").and_then(Value::as_mapping).into_iter().flatten() {
            let value = value.as_str().unwrap_or_else(|| panic!("{name:?}: {key:?} must be a string"));
            all.push((string(name), string(key), value.to_owned()));
        }
    }
    all
}

fn command(service: &str) -> String {
    let command = services()[service]["command"].as_sequence().cloned().unwrap_or_default();
    command.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn one_shot(service: &Mapping) -> bool {
    service.get("restart").and_then(Value::as_str) == Some("no")
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before:?} is missing"));
    rest.split(after).next().expect("a split has a first part").trim()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("{key} is missing in {value:?}"))
}

fn string(value: &Value) -> String {
    value.as_str().expect("a name").to_owned()
}

fn compose() -> Value {
    let mut compose: Value = serde_yaml_ng::from_str(&read("docker-compose.yml")).expect("docker-compose.yml is YAML");
    compose.apply_merge().expect("`<<` names mappings");
    compose
}

fn services() -> Mapping {
    compose()["services"].as_mapping().expect("services").clone()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the engine lies in the workspace")
}
