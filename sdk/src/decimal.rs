//! An exact decimal: what a rule compares amounts with. It knows nothing of fields or batches.
//!
//! Two decimals of different scales compare by value: `1.5 == 1.50`. No operation rounds; what does not fit is `None`.

mod text;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

pub use text::ParseDecimalError;

/// An exact decimal number: an unscaled 64-bit integer and how many of its digits are behind the point.
#[derive(Clone, Copy)]
pub struct Decimal {
    unscaled: i64,
    scale: u8,
}

/// 10^0 to 10^18.
const POWERS: [i64; Decimal::MAX_SCALE as usize + 1] = {
    let mut powers = [1; Decimal::MAX_SCALE as usize + 1];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// What a number may be at most to stay within 64 bits when it is multiplied by the power.
const LIMITS: [i64; POWERS.len()] = {
    let mut limits = [i64::MAX; POWERS.len()];
    let mut exponent = 1;
    while exponent < limits.len() {
        limits[exponent] = i64::MAX / POWERS[exponent];
        exponent += 1;
    }
    limits
};

/// `unscaled * 10^exponent`, if it fits. A rule compares in every row: a table and a 64-bit product take a tenth of the
/// time of a 128-bit one in WebAssembly, which has no such instruction.
#[inline]
fn raised(unscaled: i64, exponent: u8) -> Option<i64> {
    let exponent = usize::from(exponent);
    let limit = LIMITS[exponent];
    (-limit <= unscaled && unscaled <= limit).then(|| unscaled * POWERS[exponent])
}

/// Compares `low * 10^exponent` with `high`, exponent > 0. A product beyond 64 bits lies beyond every `high`, on the side
/// of its sign; it never is i64::MIN itself, which no power of ten divides.
#[inline]
fn compare_raised(low: i64, exponent: u8, high: i64) -> Ordering {
    match raised(low, exponent) {
        Some(low) => low.cmp(&high),
        None => low.cmp(&0),
    }
}

impl Decimal {
    /// Most fraction digits that a decimal may have; it is what keeps every sum within 128 bits.
    pub const MAX_SCALE: u8 = 18;
    /// Zero.
    pub const ZERO: Self = Self { unscaled: 0, scale: 0 };

    /// `unscaled / 10^scale`: `Decimal::new(1250, 2)` is 12.50.
    ///
    /// # Panics
    /// If `scale` is above [`Decimal::MAX_SCALE`].
    pub const fn new(unscaled: i64, scale: u8) -> Self {
        assert!(scale <= Self::MAX_SCALE, "a decimal has at most 18 fraction digits");
        Self { unscaled, scale }
    }

    /// A value of a column whose scale `configure` has checked, without checking it again a row.
    #[inline]
    pub(crate) const fn of_column(unscaled: i64, scale: u8) -> Self {
        Self { unscaled, scale }
    }

    /// The number without its point.
    pub const fn unscaled(self) -> i64 {
        self.unscaled
    }

    /// How many digits are behind the point.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.unscaled < 0
    }

    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.unscaled == 0
    }

    /// The sum at the larger scale of the two, or `None` if that needs more than 64 bits.
    #[inline]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.combined(other, i64::checked_add, |a, b| a + b)
    }

    /// The difference at the larger scale of the two, or `None` if that needs more than 64 bits.
    #[inline]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.combined(other, i64::checked_sub, |a, b| a - b)
    }

    /// In 128 bits only where the scales differ: a column and its sum have one scale, and numbers that do not fit 64
    /// bits at the larger one may still have a sum that does.
    #[inline]
    fn combined(self, other: Self, narrow: fn(i64, i64) -> Option<i64>, wide: fn(i128, i128) -> i128) -> Option<Self> {
        if self.scale == other.scale {
            return Some(Self { unscaled: narrow(self.unscaled, other.unscaled)?, scale: self.scale });
        }
        let scale = self.scale.max(other.scale);
        let exact = wide(self.at_scale(scale), other.at_scale(scale));
        Some(Self { unscaled: i64::try_from(exact).ok()?, scale })
    }

    /// The number with the other sign, or `None` for the one number that has no opposite in 64 bits.
    pub fn checked_neg(self) -> Option<Self> {
        Some(Self { unscaled: self.unscaled.checked_neg()?, scale: self.scale })
    }

    /// The same value with this many fraction digits, or `None` if digits would be lost or 64 bits do not hold it.
    pub fn rescaled(self, scale: u8) -> Option<Self> {
        if scale > Self::MAX_SCALE {
            return None;
        }
        if scale >= self.scale {
            return Some(Self { unscaled: i64::try_from(self.at_scale(scale)).ok()?, scale });
        }
        let divisor = POWERS[usize::from(self.scale - scale)];
        (self.unscaled % divisor == 0).then_some(Self { unscaled: self.unscaled / divisor, scale })
    }

    /// Below 10^37, since the scale is at most 18: two of them add up within 128 bits.
    fn at_scale(self, scale: u8) -> i128 {
        i128::from(self.unscaled) * i128::from(POWERS[usize::from(scale - self.scale)])
    }

    /// The one form that equal numbers share.
    fn normal(self) -> (i64, u8) {
        let (mut unscaled, mut scale) = (self.unscaled, self.scale);
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        (unscaled, scale)
    }
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match self.scale.cmp(&other.scale) {
            Ordering::Equal => self.unscaled.cmp(&other.unscaled),
            Ordering::Less => compare_raised(self.unscaled, other.scale - self.scale, other.unscaled),
            Ordering::Greater => compare_raised(other.unscaled, self.scale - other.scale, self.unscaled).reverse(),
        }
    }
}

impl PartialOrd for Decimal {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.normal().hash(state);
    }
}

impl Default for Decimal {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Self { unscaled: whole, scale: 0 }
    }
}
