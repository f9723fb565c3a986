//! Making the first account.
