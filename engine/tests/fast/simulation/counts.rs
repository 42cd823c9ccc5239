//! How often what happened, over all schedules: a simulation that never did a thing proves nothing about it.

use std::fmt;

macro_rules! counts {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {
        /// See the module.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct Counts { $($(#[doc = $doc])* pub $name: u64),* }

        impl Counts {
            pub(crate) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Kinds of events that never happened.
            pub(crate) fn never(&self) -> Vec<&'static str> {
                [$((stringify!($name), self.$name)),*].iter().filter(|(_, n)| *n == 0).map(|(name, _)| *name).collect()
            }
        }

        impl fmt::Display for Counts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>12}  {}", self.$name, stringify!($name).replace('_', " "))?;)*
                Ok(())
            }
        }
    };
}

counts! {
    /// Times a task or a worker's loop was let go on.
    scheduling_points,
    records_judged,
    crashes,
    /// Among them with a store or broker call half-way.
    crashes_inside_a_call,
    restarts,
    clean_stops,
    pauses,
    /// A worker that woke after the group had given its partitions away.
    zombies,
    rebalances,
    members_expired,
    members_thrown_out_of_a_rebalance,
    revokes,
    drains_abandoned,
    /// Deltas, and records that were fetched, of a worker that forgot what no checkpoint held.
    deltas_forgotten,
    backlogs_dropped,
    /// Records that came past the worker's queue.
    strays,
    /// Consumers that were made anew.
    rejoins,
    checkpoints,
    checkpoints_panicked,
    takes,
    /// A compare-and-set that found another epoch or position.
    fenced_by_the_store,
    fenced_by_generation,
    /// Of a member that is one, by a coordinator that was just moving.
    refused_in_passing,
    /// A producer that another of the same id, or the broker's time-out, had fenced.
    fenced_producers,
    /// Transactions of `take`: letters and offsets that an older owner left behind.
    replays,
    /// Of them: with letters.
    replays_with_letters,
    /// Of them: with a summary of alerts that were not sent.
    replays_with_summaries,
    /// Alerts that a consumer saw, and summaries of those that were not sent.
    alerts,
    alert_summaries,
    /// Checkpoints that ended before an alert that they had no room for.
    alerts_waited,
    commits_unanswered_applied,
    commits_unanswered_not_applied,
    commits_undecided_then_applied,
    commits_undecided_then_rolled_back,
    lock_time_outs,
    deadlocks,
    store_away,
    sessions_killed,
    transactions_unanswered_committed,
    transactions_unanswered_not_committed,
    transactions_committed_after_the_client_gave_up,
    transactions_aborted,
    transactions_timed_out,
    zombie_transactions_committed,
    k_read_while_undecided,
    kafka_away,
    /// Engines on this database whose Kafka is another cluster's.
    foreign_engines,
    /// Claims of theirs that found a contradiction.
    foreign_claims_stopped,
    /// Claims that showed whose the database is, where no id had.
    clusters_known_by_a_claim,
    rules_published,
    rules_retired,
    rule_changes_stale,
    rule_changes_unanswered,
    rule_rows_lost,
    /// Looks at a set that contradicts its rows, or what is in force.
    rule_sets_refused,
    /// Sets that an instance could not make rules of, so that it lags behind.
    rule_sets_not_loaded,
    directories_away,
    directories_emptied,
    /// Scans of a directory that may publish nothing.
    scans_held,
}
