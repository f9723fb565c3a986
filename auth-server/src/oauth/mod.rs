//! One file per endpoint, named as in the metadata document.
