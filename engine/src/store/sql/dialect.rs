//! Where databases differ in words. A statement of this folder is written once, in one notation: a name that may be a
//! reserved word or comes from the configuration is in backticks, a bind is a question mark, and what else differs
//! comes from a [`Dialect`]. [`Dialect::render`] writes it as the database has it, so a further database is a dialect and a
//! driver.

use std::borrow::Cow;

/// The words of one database.
pub(crate) struct Dialect {
    /// Stands on both sides of a name.
    pub quote: char,
    /// The n-th bind of a statement, counted from 1.
    pub bind: fn(usize) -> Cow<'static, str>,
    /// Type of a name in keys: case and accents count.
    pub name_type: &'static str,
    /// Type of a text of any length.
    pub text_type: &'static str,
    /// Type of bytes of any length.
    pub blob_type: &'static str,
    /// Type of the 32 bytes of a sha256.
    pub sha_type: &'static str,
    /// Type of the 16 bytes of a group's id.
    pub group_id_type: &'static str,
    /// Type of a time with milliseconds, in UTC.
    pub time_type: &'static str,
    /// Type of a readable group column.
    pub group_type: &'static str,
    /// Type of a measure's column, an exact decimal; `{scale}` is replaced.
    pub decimal_type: &'static str,
    /// The type to cast to for a value's text.
    pub cast_text: &'static str,
    /// Ends a CREATE TABLE.
    pub table_suffix: &'static str,
    /// Epoch milliseconds by the database's clock.
    pub now_ms: &'static str,
    /// The database's clock as a value of `time_type`.
    pub now: &'static str,
    /// Begins the part of an upsert after VALUES; `{key}` is replaced by the key columns.
    pub on_conflict: &'static str,
    /// Ends a SELECT that must wait for undecided writers.
    pub for_update: &'static str,
    /// An expression over `{ms}`, epoch milliseconds, that gives a value comparable with `time_type`.
    pub time_of_ms: &'static str,
    /// Whether a view cannot be replaced, only dropped and made.
    pub drop_view: bool,
    /// Queries that take a lock which one session has of a database at a time (1: it has it), and give it back; None: a
    /// transaction that writes is such a lock.
    pub lock: Option<(&'static str, &'static str)>,
    /// A query for the names of the engine's own tables that are there.
    pub own_tables: &'static str,
    /// A query for the names of the engine's own indexes that are there.
    pub own_indexes: &'static str,
    /// Stands in a CREATE INDEX that leaves one alone that is there, if the database knows such.
    pub index_if: &'static str,
    /// A query for name and lower-case type of each column of the table that is bound.
    pub columns_of: &'static str,
    /// A query for the text of the view that is bound.
    pub view_of: &'static str,
}

impl Dialect {
    /// `ON CONFLICT (key) DO UPDATE SET` or `ON DUPLICATE KEY UPDATE`.
    pub(super) fn upsert(&self, key: &str) -> String {
        self.on_conflict.replace("{key}", key)
    }

    /// The value as text.
    pub(super) fn text_of(&self, value: &str) -> String {
        format!("CAST({value} AS {})", self.cast_text)
    }

    /// Type of a measure's column with so many fraction digits.
    pub(super) fn decimal(&self, scale: u8) -> String {
        self.decimal_type.replace("{scale}", &scale.to_string())
    }

    /// The statement as this database writes it. What is in single quotes stays as it is. Costs nothing where the
    /// database has the notation of this folder, as those with large statements do.
    pub(super) fn render<'s>(&self, statement: &'s str) -> Cow<'s, str> {
        if self.quote == '`' && (self.bind)(1) == "?" {
            return Cow::Borrowed(statement);
        }
        let (mut rendered, mut binds, mut in_literal) = (String::with_capacity(statement.len() + 64), 0, false);
        for c in statement.chars() {
            match c {
                '`' if !in_literal => rendered.push(self.quote),
                '?' if !in_literal => {
                    binds += 1;
                    rendered += &(self.bind)(binds);
                }
                c => {
                    // A quote within a literal is written twice, which ends it and begins it again.
                    in_literal ^= c == '\'';
                    rendered.push(c);
                }
            }
        }
        Cow::Owned(rendered)
    }
}

#[cfg(test)]
mod tests {
    use crate::store::mysql;
    use crate::store::sql::tests::THIRD;

    #[test]
    fn names_and_binds_are_written_as_the_database_has_them_and_literals_stay() {
        let statement = "SELECT `order` FROM t WHERE a = ? AND b = 'is ''it'' `?`' AND `c` IN (?, ?)";
        assert_eq!(mysql::DIALECT.render(statement), statement);
        let rendered = "SELECT \"order\" FROM t WHERE a = $1 AND b = 'is ''it'' `?`' AND \"c\" IN ($2, $3)";
        assert_eq!(THIRD.render(statement), rendered);
    }
}
