//! Every route of the server, on one page.
