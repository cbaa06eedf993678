//! What operators are told of the gate, in one word.

/// The destination's state, for operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DestinationState {
    /// Calls go out.
    Running,
    /// The destination asked to be left alone for a while.
    Paused,
    /// Failures opened the breaker; probes go out.
    Broken,
    /// Credentials or region are wrong; probes go out.
    Halted,
}

impl DestinationState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Running, Self::Paused, Self::Broken, Self::Halted];

    /// The word for it in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Broken => "broken",
            Self::Halted => "halted",
        }
    }
}
