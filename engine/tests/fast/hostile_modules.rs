//! Modules that are no rules, and rules that are hostile: each is refused or contained, and a good rule judges on.

mod fixture;

mod answers;
mod behavior;
mod blame;
mod bombs;
mod budgets;
mod components;
mod contract;
mod explaining;
mod isolation;
mod lifting;
mod memory;
mod on_failure;
mod secrets;
mod short_of_memory;
mod uploads;
