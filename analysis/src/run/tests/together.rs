//! Measurements of one instant are judged together, in whatever order their answers arrive.

use super::*;

/// How long the answers of one instant are apart.
const BETWEEN: SignedDuration = SignedDuration::from_secs(3);

/// Every order of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |order: Vec<usize>| {
        (0..count).map(move |place| {
            let mut order = order.clone();
            order.insert(place, last);
            order
        })
    };
    orders(last).into_iter().flat_map(insert).collect()
}

/// Every word of this length over these letters.
fn words(letters: &str, length: usize) -> Vec<String> {
    (0..length).fold(vec![String::new()], |words, _| {
        words.iter().flat_map(|word| letters.chars().map(move |letter| format!("{word}{letter}"))).collect()
    })
}

/// Which of two ends outranks the other.
fn rank(outcome: char) -> usize {
    "SIEF".find(outcome).unwrap()
}

/// Lets the measurements that are in flight come back one by one, each in a turn of its own, and gives the phases of
/// the run after each.
fn arrive(world: &mut World, outcomes: &str, order: &[usize]) -> Vec<AnalysisPhase> {
    let mut in_flight: BTreeSet<usize> = order.iter().copied().collect();
    let mut phases = Vec::new();
    for &metric in order {
        world.now = world.now.saturating_add(BETWEEN).unwrap();
        if !world.status.phase.is_terminal() {
            let turn = world.run.plan(&world.status, &in_flight, world.now);
            assert_eq!(turn.due, [], "nothing else is begun before all answers are there");
            world.status = turn.status;
        }
        in_flight.remove(&metric);
        let taken = world.taken(metric, sample(outcomes.chars().nth(metric).unwrap()));
        world.record(vec![taken]);
        phases.push(world.status.phase);
    }
    phases
}

fn brittle() -> Value {
    json!({"interval": "1m", "count": 3, "consecutiveErrorLimit": 0})
}

#[test]
fn the_worst_outcome_of_an_instant_ends_the_run_whatever_the_order_of_the_answers() {
    for count in 1..=4 {
        for outcomes in words("SIEF", count) {
            let worst = outcomes.chars().max_by_key(|outcome| rank(*outcome)).unwrap();
            for order in orders(count) {
                let metrics: Vec<_> = (0..count).map(|index| metric(&index.to_string(), &brittle())).collect();
                let mut world = World::of(&metrics);
                let phases = arrive(&mut world, &outcomes, &order);
                let expect = if worst == 'S' { 'R' } else { worst };
                assert_eq!(word(world.status.phase), expect, "{outcomes} in the order {order:?}: {phases:?}");
            }
        }
    }
}

#[test]
fn a_failure_waits_for_no_other_answer() {
    for outcomes in words("SIE", 2) {
        for order in orders(3) {
            let mut world = World::of(&["a", "b", "c"].map(|name| metric(name, &brittle())));
            let phases = arrive(&mut world, &format!("F{outcomes}"), &order);
            let failed = order.iter().position(|metric| *metric == 0).unwrap();
            assert_eq!(phases.iter().position(|phase| *phase == Failed), Some(failed), "{outcomes} {order:?}");
        }
    }
}

#[test]
fn an_end_that_waits_survives_a_restart_of_the_controller() {
    let mut world = World::of(&["a", "b"].map(|name| metric(name, &brittle())));
    world.measure("I-");
    assert_eq!((word(world.status.phase), world.result("a").phase), ('R', Inconclusive));
    // Nothing is in flight any more: what was is measured again, a long time later too.
    for later in [1, 3600] {
        world.now = at(later);
        assert_eq!(world.plan().due, [Due { metric: 1, at: at(later) }]);
    }
    world.measure("-F");
    assert_eq!(word(world.status.phase), 'F');
}

#[test]
fn metrics_that_were_not_due_yet_are_not_waited_for() {
    let late = json!({"initialDelay": "10m", "interval": "1m", "consecutiveErrorLimit": 0});
    for outcome in ["I", "E"] {
        let mut world = World::of(&[metric("a", &brittle()), metric("late", &late)]);
        world.measure(outcome);
        assert_eq!(word(world.status.phase), outcome.chars().next().unwrap());
    }
}

#[test]
fn metrics_that_do_not_count_are_not_waited_for() {
    let mut world = World::new(spec(json!({
        "metrics": [metric("a", &brittle()), metric("dry", &brittle())],
        "dryRun": [{"metricName": "dry"}],
    })));
    world.measure("I-");
    assert_eq!(word(world.status.phase), 'I');
}

#[test]
fn an_order_to_terminate_waits_for_no_answer() {
    let mut world = World::of(&["a", "b"].map(|name| metric(name, &brittle())));
    world.measure("I-");
    world.terminate();
    assert_eq!(word(world.status.phase), 'I');
}

#[test]
fn a_metric_that_has_slipped_by_a_second_is_of_the_same_instant() {
    let mut world = World::of(&["a", "b"].map(|name| metric(name, &brittle())));
    world.measure("S-");
    world.now = at(1);
    world.measure("-S");
    assert_eq!(world.sleep(), [0]);
    world.measure("I-");
    assert_eq!(world.sleep(), [1]);
    assert_eq!(milliseconds(world.now), 61_001);
    world.measure("-F");
    assert_eq!(word(world.status.phase), 'F');
}
