//! Sign in, ask consent, issue the code, or refuse.
