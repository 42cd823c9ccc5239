//! A machine that has no memory for an instance. Such a limit is a whole process's: the test runs this binary once more.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use weir::conditions::Severity;

use crate::bench::{BATCH, Bench, of};
use crate::guest::Guest;

const CHILD: &str = "WEIR_TEST_WITHOUT_MEMORY";
const NAME: &str = "no_memory::an_instance_for_which_this_machine_has_no_memory_is_waited_for_and_everyone_is_told";
/// Below what wasmtime reserves for one linear memory, 4 GiB of addresses, and enough for everything else.
const ROOM: u64 = 512 << 20;

#[test]
fn an_instance_for_which_this_machine_has_no_memory_is_waited_for_and_everyone_is_told() {
    if std::env::var_os(CHILD).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(without_memory());
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    let output = again.args([NAME, "--exact"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn without_memory() {
    let bench = Bench::new().await;
    bench.publish(Guest::good("hostile")).await;
    let told = || bench.catalog.conditions().with("host.memory");
    let before = getrlimit(Resource::As);
    let judged = std::thread::scope(|scope| {
        let judged = scope.spawn(|| {
            let mut worker = bench.worker();
            let pages: u64 =
                std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
            setrlimit(Resource::As, Rlimit { current: Some(pages * 4_096 + ROOM), ..before }).unwrap();
            worker.judge(&BATCH)
        });
        let began = Instant::now();
        while told().is_empty() && began.elapsed() < Duration::from_secs(20) && !judged.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let conditions = told();
        setrlimit(Resource::As, before).unwrap();
        assert_eq!(conditions.len(), 1, "nobody is told");
        assert_eq!(conditions[0].severity, Severity::NotReady);
        for part in ["no memory for an instance of rule hostile", "the records wait", "ulimit -v", "run fewer rules"] {
            assert!(conditions[0].message.contains(part), "{}", conditions[0].message);
        }
        judged.join().unwrap()
    });
    assert_eq!(of("hostile", &judged), [(3, "BAD".to_owned())], "the records have waited");
    assert_eq!((bench.failures("hostile").len(), told().len()), (0, 0), "it was no fault of the rule's, and is over");
}
