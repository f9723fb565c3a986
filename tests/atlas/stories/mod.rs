//! Rows that are told in code: races, raw bytes, faults from inside.

use crate::harness::Store;

/// Tells the story of this name, which belongs to this row.
pub(super) async fn tell(story: String, _row: String, _store: Store) {
    panic!("nobody knows the story {story}");
}
