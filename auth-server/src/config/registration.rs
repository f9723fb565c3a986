//! `[registration]`: clients that register themselves (RFC 7591).

use chrono::TimeDelta;

use super::{section::section, value::choice};

choice! {
    /// Who may register a client.
    RegistrationMode {
        /// Anyone.
        Open = "open",
        /// Who has an initial access token.
        InitialAccessToken = "initial_access_token",
        /// Nobody.
        Off = "off",
    }
}

section! {
    /// Clients that register themselves (RFC 7591).
    pub Registration at "registration" {
        /// Who may register: anyone (`open`, what MCP clients expect; such a client is shown as unverified and can do nothing until a
        /// person allows it), who has an `initial_access_token`, or nobody (`off`).
        mode: RegistrationMode = RegistrationMode::Open;
        /// How many registered clients are kept at most.
        most_clients: u64 = 100_000, within 1 => 10_000_000;
        /// A client that nobody has allowed anything takes no room: what it said of itself stands in its identifier. Only one that says
        /// more than fits there is kept beforehand; so many of those at most.
        most_waiting: u64 = 1000, within 0 => 1_000_000;
        /// A client that nobody ever allowed is forgotten after this long.
        never_used_lifetime: TimeDelta = TimeDelta::days(1), within TimeDelta::hours(1) => TimeDelta::days(400);
        /// A client is forgotten when it was not used for this long.
        idle_lifetime: TimeDelta = TimeDelta::days(90), within TimeDelta::days(1) => TimeDelta::days(4000);
        /// How many clients one address may register in an hour. Networks of vendors have ten times as much.
        per_source_per_hour: u32 = 20, within 1 => 1_000_000;
    }
}
