//! Times as people say them.

use chrono::{DateTime, TimeDelta, Utc};

const UNITS: [(&str, i64); 4] = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];

/// The longest span that is told relative to now; beyond it the date says more.
const RELATIVE: TimeDelta = TimeDelta::days(60);

/// `3 minutes ago`, `in 2 days`, `24 Nov 2026`.
pub fn ago(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let since = now - then;
    if since.abs() > RELATIVE {
        return date(then);
    }
    if since.abs() < TimeDelta::seconds(2) {
        return "just now".to_owned();
    }
    if since < TimeDelta::zero() { format!("in {}", span(-since)) } else { format!("{} ago", span(since)) }
}

/// `3 minutes`, in the largest unit, rounded down.
pub fn span(length: TimeDelta) -> String {
    let seconds = length.num_seconds();
    let (name, unit) = UNITS.into_iter().find(|(_, unit)| seconds >= *unit).unwrap_or(("second", 1));
    match seconds / unit {
        1 => format!("1 {name}"),
        number => format!("{number} {name}s"),
    }
}

/// `24 Nov 2026`.
pub fn date(day: DateTime<Utc>) -> String {
    day.format("%-d %b %Y").to_string()
}

/// `never`, or as [`ago`].
pub fn ago_or(then: Option<DateTime<Utc>>, otherwise: &str, now: DateTime<Utc>) -> String {
    then.map_or_else(|| otherwise.to_owned(), |then| ago(then, now))
}

/// RFC 3339 in UTC, as programs read it.
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (before, words) in [
            (0, "just now"),
            (45, "45 seconds ago"),
            (60, "1 minute ago"),
            (3 * 60 + 59, "3 minutes ago"),
            (26 * 3600, "1 day ago"),
            (-2 * 86_400, "in 2 days"),
            (61 * 86_400, "15 Nov 2026"),
        ] {
            assert_eq!(ago(now - TimeDelta::seconds(before), now), words);
        }
        assert_eq!(ago_or(None, "never", now), "never");
        assert_eq!(timestamp(now), "2027-01-15T08:00:00Z");
    }
}
