//! temp
use axum::extract::Path;
pub async fn asset(Path(_name): Path<String>) -> super::PageFailure {
    super::PageFailure::not_found()
}
