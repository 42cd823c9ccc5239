//! What is kept of a field for each window and group. All that tells one aggregate from another is in this file: the windows
//! fold over [`Aggregate::ALL`], the store has a column for each [`Measure`], and neither knows an aggregate by its name.

use serde::Deserialize;

/// What is kept of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// The exact sum.
    Sum,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
}

/// How two values of an aggregate become one: of two records, of two checkpoints, of a row and what is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Their sum.
    Add,
    /// The less of them.
    Least,
    /// The greater of them.
    Greatest,
}

impl Aggregate {
    /// All of them, as they are declared: the order of a field's columns in the table.
    pub const ALL: [Self; 3] = [Self::Sum, Self::Min, Self::Max];

    /// Those that are asked for, in the order of their columns and each once, however they are asked for.
    pub fn in_order(asked: &[Self]) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |aggregate| asked.contains(aggregate))
    }

    /// How the configuration names it, and what the name of its column ends in.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    /// Name of its column for this field, `amount_sum`.
    pub fn column(self, field: &str) -> String {
        format!("{field}_{}", self.name())
    }

    /// Fraction digits of its values, where the field's have `scale`.
    pub const fn scale(self, scale: u8) -> u8 {
        match self {
            Self::Sum | Self::Min | Self::Max => scale,
        }
    }

    /// Its unscaled value over one record, which has this value of the field.
    #[inline]
    pub fn of(self, value: i64) -> i64 {
        match self {
            Self::Sum | Self::Min | Self::Max => value,
        }
    }

    /// How its values become one.
    #[inline]
    pub const fn join(self) -> Join {
        match self {
            Self::Sum => Join::Add,
            Self::Min => Join::Least,
            Self::Max => Join::Greatest,
        }
    }
}

impl Join {
    /// None: the sum is out of an i128's range.
    #[inline]
    pub fn apply(self, a: i128, b: i128) -> Option<i128> {
        match self {
            Self::Add => a.checked_add(b),
            Self::Least => Some(a.min(b)),
            Self::Greatest => Some(a.max(b)),
        }
    }

    /// Adds one record to what is `kept` of those before it, which has to be of such records alone. It is [`Join::apply`] for a value of
    /// 64 bits, in fewer instructions: the least and the greatest of such values have 64 bits, too, and change seldom.
    #[inline]
    pub fn add(self, kept: &mut i128, value: i64) {
        debug_assert!(self == Self::Add || i64::try_from(*kept).is_ok(), "{kept} is no {self:?} of values of 64 bits");
        match self {
            // An i128 holds 10^19 values of an i64, more than a checkpoint has records.
            Self::Add => *kept += i128::from(value),
            Self::Least if value < *kept as i64 => *kept = value.into(),
            Self::Greatest if value > *kept as i64 => *kept = value.into(),
            Self::Least | Self::Greatest => {}
        }
    }
}

/// An aggregate of a field that `window.measures` asks for: a column of the table, of exact decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The field's name.
    pub field: String,
    /// What is kept of it.
    pub aggregate: Aggregate,
    /// Fraction digits of the column, 0 to 10.
    pub scale: u8,
}

impl Measure {
    /// One for each aggregate that is asked for of a field, whose own `scale` is given.
    pub fn all_of(field: &str, scale: u8, asked: &[Aggregate]) -> Vec<Self> {
        let measure = |aggregate: Aggregate| Self { field: field.to_owned(), aggregate, scale: aggregate.scale(scale) };
        Aggregate::in_order(asked).map(measure).collect()
    }

    /// Name of the column.
    pub fn column(&self) -> String {
        self.aggregate.column(&self.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aggregate_is_called_in_the_configuration_as_its_column_ends_and_stands_in_the_list_as_declared() {
        for (at, aggregate) in Aggregate::ALL.into_iter().enumerate() {
            assert_eq!(aggregate as usize, at, "{aggregate:?}");
            let called: toml::Table = format!("kept = [\"{}\"]", aggregate.name()).parse().unwrap();
            assert_eq!(called["kept"].clone().try_into::<Vec<Aggregate>>().unwrap(), [aggregate]);
        }
    }

    #[test]
    fn the_guide_to_windows_and_the_reference_of_the_keys_name_every_aggregate() {
        let (guide, keys) = (include_str!("../../../docs/windows.md"), include_str!("../../../docs/configuration.md"));
        let key = keys.lines().find(|line| line.starts_with("| `window.measures` |")).expect("the key");
        for aggregate in Aggregate::ALL {
            assert!(guide.contains(&format!("`{}`", aggregate.column("NAME"))), "docs/windows.md: {aggregate:?}");
            assert!(key.contains(&format!("`{}`", aggregate.name())), "docs/configuration.md: {aggregate:?}");
        }
    }

    #[test]
    fn a_record_is_added_as_two_values_become_one() {
        let values = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
        for join in Aggregate::ALL.map(Aggregate::join) {
            for (a, b) in values.into_iter().flat_map(|a| values.map(|b| (a, b))) {
                let mut kept = i128::from(a);
                join.add(&mut kept, b);
                assert_eq!(Some(kept), join.apply(a.into(), b.into()), "{join:?} of {a} and {b}");
            }
        }
    }

    #[test]
    fn columns_are_in_one_order_and_each_stands_once_however_they_are_asked_for() {
        let asked = [Aggregate::Max, Aggregate::Sum, Aggregate::Max];
        let columns: Vec<_> = Measure::all_of("fee", 2, &asked).iter().map(Measure::column).collect();
        assert_eq!(columns, ["fee_sum", "fee_max"]);
    }
}
