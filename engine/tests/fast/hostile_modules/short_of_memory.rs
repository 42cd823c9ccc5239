//! A machine that has no memory for an instance. The test runs itself again as the process that is short.

use std::process::Command;
use std::time::{Duration, Instant};

use rlimit::{INFINITY, Resource};
use weir::conditions::Severity;
use weir::rules::{Judge, Refused};

use crate::hostile_modules::fixture::{BATCH, Fixture, of};
use weir_testkit::guest::Guest;
use weir_testkit::wait::STILL;

const OWN: &str = "hostile_modules::short_of_memory::a_machine_short_of_memory_is_no_rule_s_fault_and_records_wait";
const GIB: u64 = 1 << 30;
const RULES: usize = 5;

/// Allows so much address space beyond what the process has. An instance reserves a little more than 4 GiB.
fn allow(more: u64) {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    rlimit::setrlimit(Resource::AS, pages * 4_096 + more, INFINITY).unwrap();
}

#[test]
fn a_machine_short_of_memory_is_no_rule_s_fault_and_records_wait() {
    if std::env::var_os("WEIR_TEST_SHORT").is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(short());
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    let output = again.args([OWN, "--exact", "--nocapture"]).env("WEIR_TEST_SHORT", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("it was short"), "{said}");
}

/// All rules judge as if there were room for all of them.
fn judges_well(fixture: &Fixture, judge: &mut Judge) {
    let mut found = Vec::new();
    judge.judge(&fixture.catalog.live(), &fixture.rows(&BATCH), &mut found).unwrap();
    for n in 0..RULES {
        assert_eq!(of(&format!("rule_{n}"), &found), [(3, "BAD".to_owned())]);
    }
    assert_eq!(found.len(), RULES);
}

fn nobody_is_blamed(fixture: &Fixture) {
    for rule in &fixture.catalog.live().rules {
        let failures = rule.stats.failures.lock().unwrap().clone();
        assert!(failures.is_empty() && rule.suspended.is_none(), "{}: {failures:?}", rule.id.name);
    }
}

async fn short() {
    let fixture = Fixture::new().await;
    for n in 0..RULES {
        fixture.publish(Guest::good(&format!("rule_{n}"))).await;
    }
    let (sender, mut trips) = tokio::sync::mpsc::channel(64);
    let judge = || Judge::new(fixture.runtime(), sender.clone());

    // Room for one instance, not for five: one after the other.
    allow(6 * GIB);
    let mut one_at_a_time = judge();
    for _ in 0..3 {
        judges_well(&fixture, &mut one_at_a_time);
    }
    nobody_is_blamed(&fixture);
    drop(one_at_a_time);

    // Room for none: the batch waits, and it is told. Nor is a module refused for it.
    allow(2 * GIB);
    let told = || fixture.catalog.conditions().with("host.memory");
    let mut waits = judge();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| judges_well(&fixture, &mut waits));
        let began = Instant::now();
        while told().is_empty() {
            assert!(began.elapsed() < STILL && !waiting.is_finished(), "it does not wait");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(told()[0].severity, Severity::NotReady);
        let refused = futures::executor::block_on(fixture.upload(Guest::good("late").core())).unwrap_err();
        assert!(matches!(refused, Refused::Compiler(_)), "{refused:?}");
        std::thread::sleep(Duration::from_millis(500));
        assert!(!waiting.is_finished(), "it waits");
        nobody_is_blamed(&fixture);
        rlimit::setrlimit(Resource::AS, INFINITY, INFINITY).unwrap();
        waiting.join().unwrap();
    });
    assert!(told().is_empty() && trips.try_recv().is_err(), "it is over, and no breaker tripped");
    fixture.publish(Guest::good("late")).await;
    println!("it was short");
}
