//! The kinds of events, by the names that operators search for.

macro_rules! steps {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $($alarming:ident)?),* $(,)?) => {
        /// The kind of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Step {
            $($(#[$doc])* $variant),*
        }

        impl Step {
            /// The name in the log.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

            /// Whether it hints at an attack or a fault.
            pub fn is_alarming(self) -> bool {
                match self {
                    $(Self::$variant => steps!(@alarming $($alarming)?)),*
                }
            }
        }
    };
    (@alarming) => { false };
    (@alarming alarming) => { true };
}

steps! {
    /// A registration token was made by an operator.
    RegistrationTokenAdded = "admin_registration_token_added",
    /// A registration token was made useless by an operator.
    RegistrationTokenRevoked = "admin_registration_token_revoked",
    /// An account was made by an operator.
    UserAdded = "admin_user_added",
    /// An account was shut out by an operator.
    UserDisabled = "admin_user_disabled",
    /// A disabled account may be used again.
    UserEnabled = "admin_user_enabled",
    /// An operator gave somebody a new password.
    UserPassword = "admin_user_password",
    /// A valid or refusable authorization request was kept.
    AuthorizeStart = "authorize_start",
    /// An authorization request was refused.
    AuthorizeRefused = "authorize_refused",
    /// We broke.
    Broken = "broken" alarming,
    /// The oldest of too many sessions, codes, families or grants ended.
    CapReached = "cap_reached",
    /// A client could not prove who it is.
    ClientAuthFail = "client_auth_fail" alarming,
    /// An operator changed a client.
    ClientChanged = "client_changed",
    /// A client was removed.
    ClientDeleted = "client_deleted",
    /// A client registered, by itself or by an operator.
    ClientRegistered = "client_registered",
    /// A code was stored and sent.
    CodeIssued = "code_issued",
    /// A code gave tokens.
    CodeRedeemed = "code_redeemed",
    /// A code was not redeemed.
    CodeRefused = "code_refused",
    /// A valid second use of a code.
    CodeReplay = "code_replay" alarming,
    /// An operator changed which resources there are, or the settings that a server starts with.
    ConfigChange = "config_change",
    /// The person said no.
    ConsentDenied = "consent_denied",
    /// The person said yes.
    ConsentGranted = "consent_granted",
    /// The page was shown.
    ConsentShown = "consent_shown",
    /// A form came from elsewhere, or was tampered with.
    FormRefused = "form_refused" alarming,
    /// A resource server asked about a token.
    Introspected = "introspected",
    /// A signing key was made, and published.
    KeyCreated = "key_created",
    /// A signing key was thrown away, long after it left the JWKS.
    KeyRemoved = "key_removed",
    /// A signing key signs no more, and verifies until it leaves the JWKS.
    KeyRetired = "key_retired",
    /// A signing key took over.
    KeyRotated = "key_rotated",
    /// A limit held somebody back.
    LimitHit = "limit_hit" alarming,
    /// A sign-in failed.
    LoginFail = "login_fail" alarming,
    /// A person signed in.
    LoginOk = "login_ok",
    /// A person signed out.
    Logout = "logout",
    /// A personal access token was made.
    PersonalTokenMade = "personal_token_made",
    /// A personal access token ended before its time.
    PersonalTokenRevoked = "personal_token_revoked",
    /// A personal access token was used for the first time.
    PersonalTokenUsed = "personal_token_first_used",
    /// The same successor was given again.
    RefreshGrace = "refresh_grace",
    /// A refresh token was not honoured.
    RefreshRefused = "refresh_refused",
    /// A rotated refresh token came back late: its family ended.
    RefreshReuse = "refresh_reuse" alarming,
    /// A refresh token was replaced.
    RefreshRotated = "refresh_rotated",
    /// A refresh token came from a client it was not given to.
    RefreshWrongClient = "refresh_wrong_client" alarming,
    /// A registration was refused.
    RegistrationRefused = "registration_refused",
    /// A request was refused before anything else could be said of it.
    Refused = "refused",
    /// A grant, a family or a token ended.
    Revoked = "revoked",
    /// A revocation was refused.
    RevocationRefused = "revocation_refused" alarming,
    /// A session was ended from the account page.
    SessionEnded = "session_ended",
    /// The first account was made.
    SetupDone = "setup_done",
    /// A token was issued without a person.
    TokenIssued = "token_issued",
    /// A token request was refused.
    TokenRefused = "token_refused",
}
