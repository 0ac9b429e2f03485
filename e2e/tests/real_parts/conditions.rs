//! Worlds that are less kind than the usual one: pods that stop at once, proxies that learn late. Nobody loses a request.

use std::time::Duration;

use serin_e2e::{
    runner::{Fault, Trial},
    stage,
    world::Options,
};
use serin_sim::scenario::{self, Span};

/// How long one may take on a machine that has more to do.
const LIMIT: Duration = Duration::from_secs(300);

/// How late proxies learn in a slow mesh. Old pods are kept for three seconds in shortened time, for thirty in real life.
const LATE: Duration = Duration::from_secs(2);

/// What is played with pods that stop as soon as they are told to.
const STOP_AT_ONCE: [&str; 4] = ["good-release", "bad-by-errors", "superseded", "subsets"];

/// What is played with proxies that learn late.
const LEARN_LATE: [&str; 4] = ["good-release", "bad-by-errors", "subsets", "promote-full"];

/// A trial for each.
pub fn trials() -> impl Iterator<Item = Trial> {
    let stop = STOP_AT_ONCE.into_iter().map(|name| {
        let title = format!("pods that stop at once: {name}");
        Trial::new(title, move || stop_at_once(name)).within(LIMIT).beside_others()
    });
    let late = LEARN_LATE.into_iter().map(|name| {
        let title = format!("proxies that learn late: {name}");
        Trial::new(title, move || learn_late(name)).within(LIMIT).beside_others()
    });
    stop.chain(late)
}

async fn stop_at_once(name: &str) -> Result<(), Fault> {
    let mut scenario = scenario::shipped(name)?;
    for image in ["shop:v1", "shop:v2", "shop:v3"] {
        let mut behaviour = scenario.behaviour(image);
        behaviour.drain = Span::seconds(0);
        scenario.images.insert(image.to_owned(), behaviour);
    }
    stage::perform_in(scenario, Options::default()).await
}

async fn learn_late(name: &str) -> Result<(), Fault> {
    let options = Options { proxies_learn_after: LATE, ..Options::default() };
    stage::perform_in(scenario::shipped(name)?, options).await
}
