//! How often a `VirtualService` was written, and by whom: who fights with somebody else writes once for each of their edits.

use serin_sim::invariants::WriteRecord;

use crate::world::User;

/// How many writes of ours no edit of others accounts for: the weights of one release, or of two when it is begun again, and a
/// few for an abort.
const OWN: u32 = 12;

/// Writes of `VirtualServices`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RouteWrites {
    ours: u32,
    others: u32,
}

impl RouteWrites {
    /// Counts a write.
    pub(super) fn see(&mut self, write: &WriteRecord) {
        if write.is("virtualservices") && write.accepted() {
            let ours = write.user == User::Serin.name();
            *(if ours { &mut self.ours } else { &mut self.others }) += 1;
        }
    }

    /// What is wrong with their number.
    pub(super) fn fault(self) -> Option<String> {
        let Self { ours, others } = self;
        let most = others + OWN;
        (ours > most).then(|| {
            format!("{ours} writes of VirtualServices are ours, at {others} of others; expected {most} at most")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_edit_of_others_may_be_answered_once() {
        let check = |ours, others, expect| assert_eq!(RouteWrites { ours, others }.fault().is_some(), expect);
        check(OWN, 0, false);
        check(OWN + 1, 0, true);
        check(OWN + 100, 100, false);
        check(OWN + 101, 100, true);
    }
}
