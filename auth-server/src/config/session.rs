//! `[session]`: how long a person stays signed in.

use chrono::TimeDelta;

use super::section::section;

section! {
    /// How long a person stays signed in.
    pub Session at "session" {
        /// A sign-in ends when it was not used for this long. Half a day: a working day needs one sign-in, a forgotten browser does not stay open for days.
        idle_lifetime: TimeDelta = TimeDelta::hours(12), within TimeDelta::minutes(5) => TimeDelta::days(30);
        /// A sign-in ends after this long in any case.
        absolute_lifetime: TimeDelta = TimeDelta::days(14), within TimeDelta::minutes(5) => TimeDelta::days(30);
    }
}
