//! Every long-lived part of the server, built once.
