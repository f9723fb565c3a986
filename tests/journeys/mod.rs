//! The first minutes, as the README and the guide tell them: an empty folder, a
//! link, an account, a client that works.

mod first_minute;
