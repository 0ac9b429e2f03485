//! The scenarios of the simulator, on real parts: they end as they say, break no promise, and tell the same.

use std::time::Duration;

use serin_e2e::{runner::Trial, stage};

/// How long one may take on a machine that has more to do.
const LIMIT: Duration = Duration::from_secs(300);

/// A trial for each scenario.
pub fn trials() -> impl Iterator<Item = Trial> {
    stage::played().map(|name| {
        let title = format!("scenario {name}");
        Trial::new(title, move || stage::perform(name.to_owned())).within(LIMIT).beside_others()
    })
}
