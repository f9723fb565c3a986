//! Statements that are written once and told to each database in the fewest trips.

/// The first statement of a step. SQLite hears it together with the step's
/// savepoint, which takes the place of the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    /// What PostgreSQL hears.
    pub(super) alone: &'static str,
    pub(super) in_even: &'static str,
    pub(super) in_odd: &'static str,
}

/// Declares a [`First`] out of the parts of its text. Where one text does not do
/// for both databases there are two: PostgreSQL prepares no text with several
/// statements, and SQLite takes no statement that changes rows into another.
macro_rules! first {
    (postgres: [$($postgres:expr),+ $(,)?], sqlite: [$($sqlite:expr),+ $(,)?] $(,)?) => {
        $crate::store::statement::First {
            alone: concat!($($postgres),+),
            in_even: concat!("RELEASE odd; SAVEPOINT even; ", $($sqlite),+),
            in_odd: concat!("RELEASE even; SAVEPOINT odd; ", $($sqlite),+),
        }
    };
    ($($part:expr),+ $(,)?) => {
        $crate::store::statement::first!(postgres: [$($part),+], sqlite: [$($part),+])
    };
}

pub(super) use first;
