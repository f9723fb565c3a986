//! family_id
