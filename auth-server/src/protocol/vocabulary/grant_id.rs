//! grant_id
