//! docker-compose.yml, without Docker: what a parser can see. That the services start is for a machine with an engine;
//! that names, conditions, secrets and topics fit together is for this test.

use std::collections::BTreeSet;
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
fn the_topics_that_are_made_are_those_that_the_configuration_names() {
    let config = config();
    let wanted = BTreeSet::from([config.source.topic.as_str(), config.dead_letters.topic.as_str()]);

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
}

#[test]
fn the_configuration_is_whole_with_what_the_engine_is_given() {
    let config = config();
    assert_eq!(config.source.brokers, "kafka:9092");
    assert!(!config.admin.listen.ip().is_loopback(), "the published port leads to it");
    assert!(config.admin.tokens.viewer.is_some() && config.admin.tokens.publisher.is_some());
    assert!(config.record.fields.contains_key(&config.record.event_time));
}

/// stack/weir.compose.toml with the environment that docker-compose.yml gives the engine.
fn config() -> Config {
    let mut file = read("stack/weir.compose.toml");
    for (_, key, value) in environment_of_all().into_iter().filter(|(service, ..)| service == "engine") {
        file = file.replace(&format!("${{{key}}}"), &value.replace("${", "$("));
    }
    assert!(!file.contains("${"), "the engine's environment lacks {}", between(&file, "${", "}"));
    toml::from_str(&file).expect("stack/weir.compose.toml is a valid configuration")
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
    serde_yaml_ng::from_str(&read("docker-compose.yml")).expect("docker-compose.yml is YAML")
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
