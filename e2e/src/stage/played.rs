//! Which scenarios are played on real parts: all that ship, but for those that are named here.

use serin_sim::scenario;

/// Scenarios that real parts can't play, each with the reason.
const LEFT_OUT: [(&str, &str); 0] = [];

/// The names of the scenarios that are played on real parts.
pub fn played() -> impl Iterator<Item = &'static str> {
    scenario::shipped_names().filter(|name| !LEFT_OUT.iter().any(|(left, _)| left == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scenarios_that_ship_are_left_out_and_each_for_a_reason() {
        for (name, reason) in LEFT_OUT {
            assert!(scenario::shipped_names().any(|shipped| shipped == name), "{name} does not ship");
            assert!(reason.len() > 20, "{name} is left out: {reason:?}");
        }
    }
}
