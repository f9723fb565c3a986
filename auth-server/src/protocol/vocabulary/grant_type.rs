//! grant_type
