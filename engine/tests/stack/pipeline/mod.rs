//! The built `weir` against a real Kafka, MariaDB and Redis: what it counted and rejected is compared with what the test
//! knows or computes by itself. Knows the program from outside only.

mod alerts;
mod cdnow;
mod compacted;
mod dear_rules;
mod door;
mod ends;
mod hostile;
mod instances;
mod kills;
mod letters_of_hits;
mod many_groups;
mod members;
mod memory;
mod outages;
mod proxy;
mod refusals;
mod stops;
mod swaps;
mod times;
mod whole_way;
