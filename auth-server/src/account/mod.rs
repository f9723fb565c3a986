//! What people see of themselves: connected apps and sessions.
