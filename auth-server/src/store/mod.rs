//! What must survive: clients, grants, codes, keys.
