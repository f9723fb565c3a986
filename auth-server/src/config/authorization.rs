//! `[authorization]`: requests that wait for a person.

use chrono::TimeDelta;

use super::{section::section, value::choice};

choice! {
    /// When an error may send the browser back to the client (OA-AZ-23).
    ErrorRedirects {
        /// Only after the person has signed in: nobody can use this server to send strangers elsewhere. At once for
        /// `prompt=none`, and for clients that the operator vouches for.
        AfterLogin = "after_login",
        /// The same, and to a client that registered itself and that this person has never allowed anything, only by a
        /// button on a page.
        KnownClients = "known_clients",
        /// At once, as RFC 6749 has it.
        Always = "always",
    }
}

section! {
    /// Requests that wait for a person.
    pub Authorization at "authorization" {
        /// How long a person may take to sign in and decide.
        request_lifetime: TimeDelta = TimeDelta::minutes(15), within TimeDelta::minutes(5) => TimeDelta::minutes(30);
        /// When an error sends the browser back to the client: `after_login`, once the person has signed in (at once for `prompt=none`
        /// and for clients you vouch for), since anyone can register a client and would else have a link on this server that leads
        /// wherever they like; `known_clients`, the same, but to a client that registered itself and that the person has never allowed
        /// anything only by a button on a page; or `always`, at once.
        error_redirects: ErrorRedirects = ErrorRedirects::AfterLogin;
        /// Allow redirect URIs with a scheme of the client's own (`com.example.app:/callback`), as desktop clients use them.
        private_use_schemes: bool = true;
        /// How many requests may wait at a time; those of nobody who is signed in make room first, the oldest before the others.
        most_pending: u64 = 10_000, within 10 => 1_000_000;
        /// How many of them may come from one person who is signed in, or else from one address.
        most_pending_per_source: u64 = 100, within 1 => 1_000_000;
    }
}

impl From<ErrorRedirects> for crate::protocol::next_step::ErrorRedirects {
    fn from(written: ErrorRedirects) -> Self {
        match written {
            ErrorRedirects::AfterLogin => Self::AfterLogin,
            ErrorRedirects::KnownClients => Self::KnownClients,
            ErrorRedirects::Always => Self::Always,
        }
    }
}
