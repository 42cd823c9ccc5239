//! How a database goes about a read: by an index, or by reading all of a table.
//!
//! [`by_index`] takes the statements that a read of the store really sends (MariaDB's and MySQL's log has them with their values,
//! sqlx's that of SQLite), asks the same database to explain each, and fails where one reads a whole table. So a statement is tested as
//! it is, and one that is changed is tested anew.
//!
//! The tables have to be filled first, some hundred rows of each: for few rows an optimizer reads all of them, and rightly so.

mod explain;
mod sent;

use std::fmt;

/// How a step of a plan finds its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By values that an index is entered with.
    Search,
    /// Along an index in the order that is asked for, up to a LIMIT: as many rows as are shown, if the statement leaves none out.
    Walk,
    /// All rows of a table or of an index, or as many as it takes to sort them.
    All,
}

/// One table of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The table, or what the database calls it.
    pub table: String,
    /// How its rows are found.
    pub how: How,
    /// The database's own words.
    pub words: String,
}

/// A statement with the database's plan for it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// As the database had it.
    pub statement: String,
    /// Of each table, in the database's order.
    pub steps: Vec<Step>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.statement)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {:?} {}: {}", step.how, step.table, step.words))
    }
}

/// The plan for a statement without binds, of the database at the URL (`mysql://`, `mariadb://` or `sqlite://`).
pub async fn explain(url: &str, statement: &str) -> Plan {
    let steps = match url.starts_with("sqlite:") {
        true => explain::sqlite(url, statement).await,
        false => explain::mysql(url, statement).await,
    };
    Plan { statement: statement.to_owned(), steps }
}

/// For a MariaDB or a MySQL whose clients prepare their statements before the read: called before they connect.
pub async fn prepare(url: &str) {
    sent::prepare_mysql(url).await;
}

/// Runs a read and holds that each statement which it sends goes by an index; what the read gives. On a MariaDB or a MySQL the URL is
/// of a user who may set what counts for everybody, and no other test uses the server meanwhile. For SQLite the test runs alone in its
/// process (`process::alone`).
///
/// # Panics
/// Where a statement reads a whole table, and where the read sends none.
pub async fn by_index<T>(url: &str, read: impl Future<Output = T>) -> T {
    plans_by_index(url, read).await.0
}

/// The same; also the plans of what was sent, each statement once.
///
/// # Panics
/// As [`by_index`].
pub async fn plans_by_index<T>(url: &str, read: impl Future<Output = T>) -> (T, Vec<Plan>) {
    let (given, mut statements) = match url.starts_with("sqlite:") {
        true => sent::to_sqlite(read).await,
        false => sent::to_mysql(url, read).await,
    };
    assert!(!statements.is_empty(), "the read sent no SELECT");
    statements.sort_unstable();
    statements.dedup();
    let mut plans = Vec::with_capacity(statements.len());
    for statement in statements {
        let plan = explain(url, &statement).await;
        assert!(plan.steps.iter().all(|step| step.how != How::All), "not by an index:\n{plan}");
        plans.push(plan);
    }
    (given, plans)
}
