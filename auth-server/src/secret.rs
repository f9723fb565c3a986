//! Values that must not be shown, and the one way to compare them.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A value that prints as `[redacted]`, cannot be serialised, is wiped when
/// dropped and has no `==`.
///
/// ```compile_fail
/// let one = portcullis::secret::Secret::new(String::from("a"));
/// let other = portcullis::secret::Secret::new(String::from("a"));
/// let _ = one == other; // compare with `same_bytes`
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself: the one way in, and easy to search for.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Compares in a time that depends only on the lengths.
pub fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}
