//! What a scrape of the controller shows after releases: every metric that the controller counts itself is fed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use serin_controller::runtime::clock::Clock;
use serin_controller::runtime::metrics::Registry;
use serin_controller::runtime::metrics::standard::Standard;
use serin_sim::scenario::{Check, FeltLimits, Scenario, Span};
use serin_sim::{play, scenario};

/// Samples by series, as a scrape after the scenario shows them.
fn scraped(name: &str) -> BTreeMap<String, f64> {
    scraped_after(&scenario::shipped(name).unwrap())
}

fn scraped_after(scenario: &Scenario) -> BTreeMap<String, f64> {
    let scrape = play::in_virtual_time(async {
        let mut world = play::world()?;
        let played = scenario::play(scenario, &mut world, &mut |_| {}).await?;
        assert!(played.passed(), "{}", played.report());
        Ok(world.metrics())
    });
    let text = scrape.unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect()
}

fn check(samples: &BTreeMap<String, f64>, series: &str, expect: f64) {
    assert_eq!(samples.get(series), Some(&expect), "{series} in {samples:#?}");
}

/// The metrics that are counted by turns, all of which have to come from somewhere.
fn counted() -> Vec<String> {
    let registry = Registry::new(Clock::system());
    let _standard = Standard::new(&registry);
    let text = registry.render();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split_once(' ')).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_metric_is_fed_by_an_aborted_and_a_promoted_release() {
    let plays = ["bad-by-errors", "retry", "weights-edited"].map(|name| {
        let scenario = scenario::shipped(name).unwrap();
        std::thread::spawn(move || scraped_after(&scenario))
    });
    let halfway = std::thread::spawn(|| scraped_after(&halfway()));
    let fed: BTreeSet<String> = plays
        .into_iter()
        .chain([halfway])
        .flat_map(|play| play.join().unwrap())
        .filter(|(_, value)| *value != 0.0)
        .map(|(series, _)| {
            let name = series.split('{').next().unwrap_or_default();
            ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
        })
        .collect();
    let unfed: Vec<String> = counted().into_iter().filter(|name| !fed.contains(name)).collect();
    // Errors of turns and refused writes are fed by faults of the API server; see the tests of queue and runs.
    let faults = [
        "analysis_run_reconcile_error",
        "rollout_reconcile_error",
        "rollout_refused_writes_total",
        "serin_metrics_dropped_total",
    ];
    assert_eq!(unfed, faults);
}

/// A release that is left in its first pause.
fn halfway() -> Scenario {
    let mut scenario = scenario::shipped("weights-edited").unwrap();
    scenario.timeline.truncate(3);
    scenario.expect.end = Check { weight: Some(20), ..scenario.timeline[2].when.clone().unwrap() };
    scenario.expect.felt = FeltLimits::default();
    // The pause goes on: that is no rest.
    scenario.expect.quiet = Span::default();
    scenario
}

#[test]
fn the_weight_of_a_canary_is_shown_while_it_has_one() {
    let samples = scraped_after(&halfway());
    check(&samples, r#"rollout_canary_weight{namespace="default",name="shop"}"#, 20.0);
    check(&samples, r#"rollout_duration_seconds_count{status="Promoted"}"#, 1.0);
}

#[test]
fn an_aborted_release_shows_what_decided_it_and_how_long_it_took() {
    let samples = scraped("bad-by-errors");
    check(&samples, r#"rollout_abort_total{namespace="default",name="shop",cause="analysis"}"#, 1.0);
    check(&samples, "rollout_abort_seconds_count", 1.0);
    check(&samples, r#"rollout_canary_weight{namespace="default",name="shop"}"#, 0.0);
    check(&samples, r#"rollout_duration_seconds_count{status="Promoted"}"#, 1.0);
    check(&samples, r#"rollout_duration_seconds_count{status="Aborted"}"#, 1.0);
    // Two minutes of pause and eighty seconds of analysis.
    let took = samples[r#"rollout_duration_seconds_sum{status="Aborted"}"#];
    assert!((200.0..210.0).contains(&took), "{took}");
    check(&samples, r#"rollout_manual_pause_duration_seconds_sum{status="Aborted"}"#, 0.0);
}

#[test]
fn drift_is_counted_under_the_name_of_who_wrote() {
    let samples = scraped("weights-edited");
    check(&samples, r#"rollout_traffic_drift_total{namespace="default",name="shop",manager="person"}"#, 1.0);
    check(&samples, r#"rollout_duration_seconds_count{status="Promoted"}"#, 2.0);
}
