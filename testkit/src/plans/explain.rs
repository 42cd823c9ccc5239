//! What databases answer to EXPLAIN.

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row, SqliteConnection, raw_sql};

use super::{How, Step};

/// MariaDB and MySQL: a row for each table, in columns of the same names.
pub(super) async fn mysql(url: &str, statement: &str) -> Vec<Step> {
    let mut server = MySqlConnection::connect(url).await.expect("the server answers");
    let rows = raw_sql(AssertSqlSafe(format!("EXPLAIN {statement}"))).fetch_all(&mut server).await;
    let rows = rows.unwrap_or_else(|why| panic!("{why}: EXPLAIN {statement}"));
    let text = |row: &sqlx::mysql::MySqlRow, column: &str| {
        row.try_get::<Option<String>, _>(column).unwrap_or_default().unwrap_or_default()
    };
    let steps = rows.iter().filter_map(|row| {
        let [table, access, key, extra] = ["table", "type", "key", "Extra"].map(|column| text(row, column));
        // No table, or what another step has made.
        let is_none = table.is_empty() || table.starts_with('<') || access.is_empty();
        let how = how_of_mysql(&access, &extra, statement);
        (!is_none).then(|| Step { table, how, words: format!("type {access}, key {key:?}, {extra}") })
    });
    steps.collect()
}

fn how_of_mysql(access: &str, extra: &str, statement: &str) -> How {
    let sorts = extra.contains("filesort") || extra.contains("temporary");
    match access {
        "ALL" => How::All,
        "index" if sorts || !is_limited(statement) => How::All,
        "index" => How::Walk,
        _ => How::Search,
    }
}

/// SQLite: lines in words, with the binds left out, which its plan does not depend on.
pub(super) async fn sqlite(url: &str, statement: &str) -> Vec<Step> {
    let mut file = SqliteConnection::connect(url).await.expect("the file opens");
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"))).fetch_all(&mut file).await;
    let rows = rows.unwrap_or_else(|why| panic!("{why}: EXPLAIN QUERY PLAN {statement}"));
    let lines: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    let sorts = lines.iter().any(|line| line.starts_with("USE TEMP B-TREE FOR ORDER BY"));
    let steps = lines.iter().filter_map(|line| {
        let how = how_of_sqlite(line, sorts, statement)?;
        let table = line.split(' ').nth(1).unwrap_or_default().to_owned();
        Some(Step { table, how, words: line.clone() })
    });
    steps.collect()
}

/// None: the line is about no table.
fn how_of_sqlite(line: &str, sorts: bool, statement: &str) -> Option<How> {
    let rest = match line.split_once(' ')? {
        ("SEARCH", _) => return Some(How::Search),
        ("SCAN", rest) => rest,
        _ => return None,
    };
    // What another step has made, or rows that stand in the statement.
    let is_none = rest.starts_with('(') || rest.contains("CONSTANT ROW") || rest.contains("VIRTUAL TABLE");
    let walks = !sorts && is_limited(statement) && statement.to_uppercase().contains("ORDER BY");
    (!is_none).then_some(if walks { How::Walk } else { How::All })
}

fn is_limited(statement: &str) -> bool {
    statement.to_uppercase().split_whitespace().any(|word| word == "LIMIT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_limited_and_needs_no_sorting_walks() {
        let (limited, all) = ("SELECT a FROM t ORDER BY a LIMIT 9", "SELECT a FROM t ORDER BY a");
        for (access, extra, statement, how) in [
            ("ref", "Using where; Using filesort", all, How::Search),
            ("index", "", limited, How::Walk),
            ("index", "Using index", all, How::All),
            ("index", "Using temporary", limited, How::All),
            ("ALL", "", limited, How::All),
        ] {
            assert_eq!(how_of_mysql(access, extra, statement), how, "{access} {extra}");
        }
        for (line, sorts, statement, how) in [
            ("SEARCH t USING INDEX i (a=?)", true, all, Some(How::Search)),
            ("SCAN t USING INDEX i", false, limited, Some(How::Walk)),
            ("SCAN t", true, limited, Some(How::All)),
            ("SCAN t", false, all, Some(How::All)),
            ("SCAN 3 CONSTANT ROWS", false, all, None),
            ("SCALAR SUBQUERY 1", false, all, None),
        ] {
            assert_eq!(how_of_sqlite(line, sorts, statement), how, "{line}");
        }
    }
}
