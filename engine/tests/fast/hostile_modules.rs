//! Modules that are no rules, and rules that are hostile: each is refused or contained, and a good rule judges on.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

#[path = "common/guest.rs"]
#[allow(dead_code, reason = "the pipeline's tests share it")]
mod guest;

#[path = "hostile_modules/bench.rs"]
mod bench;

#[path = "hostile_modules/answers.rs"]
mod answers;
#[path = "hostile_modules/behaviour.rs"]
mod behaviour;
#[path = "hostile_modules/blame.rs"]
mod blame;
#[path = "hostile_modules/bombs.rs"]
mod bombs;
#[path = "hostile_modules/budgets.rs"]
mod budgets;
#[path = "hostile_modules/components.rs"]
mod components;
#[path = "hostile_modules/contract.rs"]
mod contract;
#[path = "hostile_modules/explaining.rs"]
mod explaining;
#[path = "hostile_modules/isolation.rs"]
mod isolation;
#[path = "hostile_modules/kinds.rs"]
mod kinds;
#[path = "hostile_modules/lifting.rs"]
mod lifting;
#[path = "hostile_modules/memory.rs"]
mod memory;
#[path = "hostile_modules/on_failure.rs"]
mod on_failure;
#[path = "hostile_modules/secrets.rs"]
mod secrets;
#[path = "hostile_modules/short_of_memory.rs"]
mod short_of_memory;
#[path = "hostile_modules/uploads.rs"]
mod uploads;
