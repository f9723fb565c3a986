//! A refusal, and what it leaves behind.

/// Why something was refused, and what is stored with that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused<E> {
    /// Precise, for tests, logs and the audit trail.
    pub error: E,
    /// What the refusal changes.
    pub effect: Effect,
}

/// What a refused request changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The failure counts against what was presented.
    CountFailure,
    /// Nothing: it may be tried again.
    Nothing,
    /// What the presented value once gave ends.
    RevokeFamily,
}

impl<E> Refused<E> {
    /// Refuses and changes nothing.
    pub fn harmlessly(error: E) -> Self {
        Self { error, effect: Effect::Nothing }
    }
}
