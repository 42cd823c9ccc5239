//! Which module, by sha256 and parameters, was in force for an offset: read from the store's tables alone.

use std::collections::BTreeMap;

use crate::broker::Place;
use crate::pipeline::TestPipeline;

/// A rule as it was in a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Digest of its module.
    pub sha256: String,
    /// Those that were set; the others have the module's defaults.
    pub parameters: BTreeMap<String, String>,
    /// Whether it judged: mode live, not suspended.
    pub live: bool,
    order: i32,
}

/// `weir_activation` and `weir_rule_set`, whole.
pub struct History {
    activations: BTreeMap<Place, u64>,
    rules: BTreeMap<(u64, String), InForce>,
}

impl History {
    /// Reads both tables.
    pub fn of(pipeline: &TestPipeline) -> Self {
        let mut activations = BTreeMap::new();
        for row in pipeline.sql("SELECT `partition`, first_offset, revision FROM weir_activation") {
            let place = (row[0].parse().expect("a partition"), row[1].parse().expect("an offset"));
            activations.insert(place, row[2].parse().expect("a revision"));
        }
        let mut rules = BTreeMap::new();
        let statement = "SELECT revision, rule, LOWER(HEX(sha256)), parameters, mode, suspended IS NULL, `order` FROM weir_rule_set";
        for row in pipeline.sql(statement) {
            let rule = InForce {
                sha256: row[2].clone(),
                parameters: serde_json::from_str(&row[3]).expect("a map of texts"),
                live: row[4] == r#""live""# && row[5] == "1",
                order: row[6].parse().expect("a number"),
            };
            rules.insert((row[0].parse().expect("a revision"), row[1].clone()), rule);
        }
        Self { activations, rules }
    }

    /// The revision that judged the record.
    pub fn revision(&self, (partition, offset): Place) -> u64 {
        let before = self.activations.range((partition, 0)..=(partition, offset)).next_back();
        *before.unwrap_or_else(|| panic!("no activation for partition {partition}, offset {offset}")).1
    }

    /// The rule as it judged the record; None: it was not live.
    pub fn rule(&self, place: Place, name: &str) -> Option<&InForce> {
        self.rules.get(&(self.revision(place), name.to_owned())).filter(|rule| rule.live)
    }

    /// All rules that were live in it, in their order: the first dead-letter hit is the letter's reason.
    pub fn in_order(&self, revision: u64) -> Vec<(&str, &InForce)> {
        let of_revision = self.rules.iter().filter(|((of, _), rule)| *of == revision && rule.live);
        let mut rules: Vec<_> = of_revision.map(|((_, name), rule)| (name.as_str(), rule)).collect();
        rules.sort_by_key(|(name, rule)| (rule.order, *name));
        rules
    }

    /// Every revision that judged anything.
    pub fn revisions(&self) -> std::collections::BTreeSet<u64> {
        self.activations.values().copied().collect()
    }
}
