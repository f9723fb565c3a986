//! Statements that are written once and told to each database in the fewest trips.

/// The first statement of a step. SQLite hears it together with the step's
/// savepoint, which takes the place of the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub(super) alone: &'static str,
    pub(super) in_even: &'static str,
    pub(super) in_odd: &'static str,
}

/// Two statements with the same parameters, between which nothing is decided: one
/// trip. The second says by a row whether it found what it should change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) postgres: &'static str,
    pub(super) sqlite: &'static str,
}

/// Declares a [`First`] out of the parts of its text.
macro_rules! first {
    ($($part:expr),+ $(,)?) => {
        $crate::store::statement::First {
            alone: concat!($($part),+),
            in_even: concat!("RELEASE odd; SAVEPOINT even; ", $($part),+),
            in_odd: concat!("RELEASE even; SAVEPOINT odd; ", $($part),+),
        }
    };
}

/// Declares a [`Pair`]. (One text with several statements is nothing PostgreSQL
/// prepares, and a statement that changes rows is nothing SQLite takes into another.)
macro_rules! pair {
    ($one:literal, $other:literal) => {
        $crate::store::statement::Pair { postgres: concat!("WITH one AS (", $one, ") ", $other), sqlite: concat!($one, "; ", $other) }
    };
}

pub(super) use {first, pair};
