//! `[tokens]`: codes, access tokens, refresh tokens.

use chrono::TimeDelta;

use super::section::section;

section! {
    /// Codes, access tokens and refresh tokens.
    pub Tokens at "tokens" {
        /// How long an authorization code can be exchanged. Clients do it at once; a minute forgives a slow network and no thief.
        code_lifetime: TimeDelta = TimeDelta::seconds(60), within TimeDelta::seconds(10) => TimeDelta::seconds(60);
        /// How long an access token is valid, unless its resource says otherwise. Resource servers check tokens by themselves,
        /// so this is how long a revoked one may still be accepted where introspection is not used.
        access_token_lifetime: TimeDelta = TimeDelta::minutes(15), within TimeDelta::minutes(1) => TimeDelta::minutes(60);
        /// A refresh token ends when it was not used for this long.
        refresh_idle_lifetime: TimeDelta = TimeDelta::days(30), within TimeDelta::hours(1) => TimeDelta::days(400);
        /// After this long the person is asked again, however often the token was refreshed.
        refresh_absolute_lifetime: TimeDelta = TimeDelta::days(180), within TimeDelta::hours(1) => TimeDelta::days(400);
        /// A refresh token that was just used gives the same successor again for this long, since clients retry and race.
        /// After it, using the token again ends the whole family.
        refresh_grace: TimeDelta = TimeDelta::seconds(45), within TimeDelta::zero() => TimeDelta::seconds(60);
        /// How far clocks may differ when this server checks its own tokens.
        clock_skew: TimeDelta = TimeDelta::seconds(30), within TimeDelta::zero() => TimeDelta::seconds(60);
        /// Whether clients with a secret also get a new refresh token at each use. A stolen one is then noticed.
        rotate_confidential: bool = true;
        /// Give refresh tokens only to clients that ask for the scope `offline_access`. Off, since most MCP clients never ask and expect one.
        refresh_needs_offline_access: bool = false;
        /// How many refresh token families one person may have with one client; the oldest ends when there is one more.
        families_per_client: u32 = 20, within 1 => 1000;
        /// After so many failed exchanges a code is spent, so that nobody can try verifiers.
        failed_exchanges: u32 = 5, within 1 => 10;
    }
}
