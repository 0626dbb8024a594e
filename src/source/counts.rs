//! Frames that were lost before anyone looked at them. Counted by `connection`, kept by `Source`, told by `stream`.

/// Frames that were lost before anyone looked at them, since the last call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decoded frames that reached the slot.
    pub arrived: u64,
    /// Of those, overwritten by a newer one before they were taken (live only).
    pub overwritten: u64,
    /// Frames that a decoder gave up or that could not be mapped.
    pub damaged: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.arrived += more.arrived;
        self.overwritten += more.overwritten;
        self.damaged += more.damaged;
    }
}
