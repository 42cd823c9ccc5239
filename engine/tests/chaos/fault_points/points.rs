//! The list of the points, the sources that they are in, and what the scenarios hit of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use weir::fault::POINTS;

use crate::fault_points::scenario::Hit;

#[test]
fn the_list_names_the_points_of_the_sources_and_no_other() {
    let listed: BTreeSet<String> = POINTS.iter().map(|point| (*point).to_owned()).collect();
    assert_eq!(listed.len(), POINTS.len(), "a name stands in the list once");
    let found: BTreeSet<String> = of_the_sources().into_keys().collect();
    assert_eq!(found, listed);
}

/// Every point has died and been slow, and failed where something can fail: one that no scenario comes to is not tested.
pub(crate) fn all_were_hit(hits: &BTreeSet<Hit>) {
    let mut wanted: BTreeSet<Hit> = BTreeSet::new();
    for (point, can_fail) in of_the_sources() {
        let ways = if can_fail { &["crash", "delay", "error"][..] } else { &["crash", "delay"] };
        wanted.extend(ways.iter().map(|way| (point.clone(), (*way).to_owned())));
    }
    println!(
        "{} points, {} of {} ways to fail were seen",
        POINTS.len(),
        wanted.intersection(hits).count(),
        wanted.len()
    );
    let missing: Vec<&Hit> = wanted.difference(hits).collect();
    assert!(missing.is_empty(), "no scenario came to these: {missing:?}");
}

/// Each point, and whether something can fail there.
pub(crate) fn of_the_sources() -> BTreeMap<String, bool> {
    let (mut points, mut folders) = (BTreeMap::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                points.extend(of_a_file(&path));
            }
        }
    }
    points
}

fn of_a_file(path: &PathBuf) -> Vec<(String, bool)> {
    let text = std::fs::read_to_string(path).unwrap();
    let calls = text.split("fault::").skip(1).filter_map(|rest| {
        let (call, rest) = rest.split_once("(\"")?;
        let can_fail = match call {
            "at" => true,
            "pass" => false,
            _ => return None,
        };
        Some((rest.split_once('"')?.0.to_owned(), can_fail))
    });
    calls.collect()
}
