//! Where the savepoints of a batch stand.
//!
//! Between steps exactly one savepoint is open, the last step's, and what was done
//! in it stays. The next step puts its own in its place in the same trip that its
//! first statement makes. The two names take turns, so that "roll back to mine" can
//! never mean the step before.

/// The name of a savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Even,
    Odd,
}

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// No step; the savepoint of the last one.
    Between(Mark),
    /// A step that takes the place of this savepoint. Perhaps its own stands already.
    Beginning(Mark),
    /// A step, in this savepoint.
    Within(Mark),
}

pub(super) const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT even";
pub(super) const BEGUN: Place = Place::Between(Mark::Even);

impl Mark {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Even => Self::Odd,
            Self::Odd => Self::Even,
        }
    }

    pub(super) fn savepoint(self) -> &'static str {
        match self {
            Self::Even => "SAVEPOINT even",
            Self::Odd => "SAVEPOINT odd",
        }
    }

    pub(super) fn release(self) -> &'static str {
        match self {
            Self::Even => "RELEASE even",
            Self::Odd => "RELEASE odd",
        }
    }

    pub(super) fn roll_back(self) -> &'static str {
        match self {
            Self::Even => "ROLLBACK TO even",
            Self::Odd => "ROLLBACK TO odd",
        }
    }

    /// This savepoint in the place of the other one.
    pub(super) fn instead(self) -> &'static str {
        match self {
            Self::Even => "RELEASE odd; SAVEPOINT even",
            Self::Odd => "RELEASE even; SAVEPOINT odd",
        }
    }
}
