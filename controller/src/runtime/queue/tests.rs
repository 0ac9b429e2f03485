use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::time::{advance, sleep};

use super::super::clock::later;
use super::*;

type Log = Arc<Mutex<Vec<(String, Lane, u128)>>>;

struct World {
    queue: Queue<String>,
    log: Log,
    clock: Clock,
}

/// Runs a queue whose turns are logged with the milliseconds since the start and answered by `answer`.
fn world<F>(limits: Limits, answer: impl Fn(String, usize) -> F + Send + Sync + 'static) -> World
where
    F: Future<Output = After> + Send + 'static,
{
    let clock = Clock::anchored("2026-01-01T00:00:00Z".parse().unwrap());
    let queue = Queue::new(clock.clone());
    let log = Log::default();
    let turns = AtomicUsize::new(0);
    let (write, time, start) = (log.clone(), clock.clone(), clock.monotonic());
    tokio::spawn(run(queue.clone(), limits, move |key: String, lane| {
        let at = time.monotonic().duration_since(start).as_millis();
        write.lock().unwrap().push((key.clone(), lane, at));
        answer(key, turns.fetch_add(1, Ordering::SeqCst))
    }));
    World { queue, log, clock }
}

impl World {
    fn add(&self, key: &str) {
        self.queue.add(key.to_owned());
    }

    fn add_fast(&self, key: &str) {
        self.queue.add_fast(key.to_owned());
    }

    fn keys(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().map(|(key, _, _)| key.clone()).collect()
    }

    fn times(&self) -> Vec<u128> {
        self.log.lock().unwrap().iter().map(|(_, _, at)| *at).collect()
    }
}

async fn millis(n: u64) {
    sleep(Duration::from_millis(n)).await;
}

fn one_at_a_time() -> Limits {
    Limits { normal: 1, reserved: 0, ..Limits::default() }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_waits_is_not_queued_twice() {
    let world = world(Limits::default(), |_, _| async { After::Rest });
    world.add("a");
    world.add("a");
    world.add("b");
    world.add("a");
    millis(1).await;
    assert_eq!(world.keys(), ["a", "b"]);
    assert_eq!(world.queue.report(), Report { added: 2, ..Report::default() });
}

#[tokio::test(start_paused = true)]
async fn a_key_never_runs_twice_at_once_and_a_change_meanwhile_is_not_lost() {
    let world = world(Limits::default(), |_, _| async {
        millis(100).await;
        After::Rest
    });
    world.add("a");
    millis(50).await;
    world.add("a");
    world.add("a");
    millis(500).await;
    assert_eq!(world.times(), [0, 100]);
}

#[tokio::test(start_paused = true)]
async fn the_fast_lane_goes_first_and_a_waiting_key_moves_into_it() {
    let world = world(one_at_a_time(), |_, _| async {
        millis(10).await;
        After::Rest
    });
    for key in ["a", "b", "c"] {
        world.add(key);
    }
    millis(1).await;
    world.add_fast("x");
    world.add_fast("c");
    world.add("c");
    millis(200).await;
    assert_eq!(world.keys(), ["a", "x", "c", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_abort_has_a_slot_when_all_normal_ones_hang() {
    let limits = Limits { normal: 2, reserved: 1, ..Limits::default() };
    let world = world(limits, |key, _| async move {
        if key.starts_with("hang") {
            std::future::pending::<()>().await;
        }
        After::Rest
    });
    for key in ["hang1", "hang2", "hang3"] {
        world.add(key);
    }
    millis(5).await;
    world.add_fast("abort");
    millis(5).await;
    assert_eq!(world.keys(), ["hang1", "hang2", "abort"]);
    assert_eq!((world.queue.report().running, world.queue.report().depth), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_wake_comes_at_its_moment_and_the_latest_one_counts() {
    let world = world(Limits::default(), |_, _| async { After::Rest });
    let start = world.clock.now();
    let at = |seconds| later(start, Duration::from_secs(seconds));
    world.queue.add_at(&"a".to_owned(), at(10));
    world.queue.add_at(&"a".to_owned(), at(20));
    world.queue.add_at(&"b".to_owned(), at(15));
    world.queue.add_at(&"past".to_owned(), "2001-01-01T00:00:00Z".parse().unwrap());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.keys(), ["past", "b", "a"]);
    assert_eq!(world.times(), [0, 15_000, 20_000]);
    assert_eq!(world.queue.report().sleeping, 0);
}

#[tokio::test(start_paused = true)]
async fn a_turn_replaces_the_wake_of_the_turn_before() {
    let epoch: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let world = world(Limits::default(), move |_, turn| async move {
        if turn == 0 { After::WakeAt(later(epoch, Duration::from_secs(10))) } else { After::Rest }
    });
    world.add("a");
    sleep(Duration::from_secs(5)).await;
    world.add("a");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.times(), [0, 5_000]);
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_a_success_resets_the_wait() {
    let world = world(Limits::default(), |_, turn| async move {
        if turn == 3 { After::Rest } else { After::Retry("no".to_owned()) }
    });
    world.add("a");
    millis(1_000).await;
    assert_eq!(world.times(), [0, 50, 150, 350]);
    assert_eq!(world.queue.report().failing, 0);
    world.add("a");
    millis(60).await;
    assert_eq!(world.times()[4..], [1_000, 1_050]);
}

#[tokio::test(start_paused = true)]
async fn the_wait_after_failures_ends_at_ten_seconds() {
    let world = world(Limits::default(), |_, _| async { After::Retry("no".to_owned()) });
    world.add("a");
    sleep(Duration::from_secs(100)).await;
    let times = world.times();
    assert_eq!(times[times.len() - 1] - times[times.len() - 2], 10_000);
}

#[tokio::test(start_paused = true)]
async fn an_event_shortens_the_wait_of_a_failing_key_but_makes_no_hot_loop() {
    let world = world(Limits::default(), |_, _| async { After::Retry("no".to_owned()) });
    world.add("a");
    sleep(Duration::from_secs(20)).await;
    let before = world.keys().len();
    for _ in 0..100 {
        world.add("a");
        millis(10).await;
    }
    let extra = world.keys().len() - before;
    assert!((1..=3).contains(&extra), "{extra} turns in a second");
}

#[tokio::test(start_paused = true)]
async fn an_abort_does_not_wait_for_a_back_off_and_its_retries_stay_fast() {
    let world = world(Limits::default(), |_, turn| async move {
        if turn < 11 { After::Retry("no".to_owned()) } else { After::Rest }
    });
    world.add("a");
    sleep(Duration::from_secs(20)).await;
    let before = world.keys().len();
    world.add_fast("a");
    millis(1).await;
    assert_eq!(world.keys().len(), before + 1);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.log.lock().unwrap()[before..].iter().filter(|(_, lane, _)| *lane == Lane::Normal).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failing_abort_that_wakes_itself_makes_no_hot_loop() {
    let queue = Queue::new(Clock::system());
    let turns = Arc::new(AtomicUsize::new(0));
    let (again, count) = (queue.clone(), turns.clone());
    tokio::spawn(run(queue.clone(), Limits::default(), move |key: u32, _| {
        again.add_fast(key);
        count.fetch_add(1, Ordering::SeqCst);
        async { After::Retry("no".to_owned()) }
    }));
    queue.add_fast(1);
    millis(1_001).await;
    assert_eq!(turns.load(Ordering::SeqCst), 21);
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_its_own_key_and_often_repeated_quarantines_it() {
    let world = world(Limits::default(), |key, _| async move {
        assert_ne!(key, "bad", "malformed");
        After::Rest
    });
    world.add("bad");
    world.add("good");
    sleep(Duration::from_secs(30)).await;
    assert_eq!(world.queue.quarantined(), ["bad"]);
    assert_eq!(world.queue.report().panics, 5);
    for _ in 0..100 {
        world.add("bad");
        world.add_fast("bad");
        millis(1).await;
    }
    world.add("good");
    millis(1).await;
    assert_eq!(world.keys().iter().filter(|key| *key == "good").count(), 2);
    assert_eq!(world.queue.report().panics, 5);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.queue.report().panics, 6);
    world.queue.forget(&"bad".to_owned());
    assert!(world.queue.quarantined().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_hang_is_given_up_and_tried_again() {
    let world = world(Limits::default(), |_, turn| async move {
        if turn == 0 {
            std::future::pending::<()>().await;
        }
        After::Rest
    });
    world.add("a");
    sleep(Duration::from_secs(29)).await;
    assert_eq!(world.queue.report().oldest, Duration::from_secs(29));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(world.times(), [0, 30_050]);
}

#[tokio::test(start_paused = true)]
async fn the_observer_hears_how_each_turn_ended() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let write = heard.clone();
    let queue = Queue::observed(Clock::system(), move |key: &String, took: Duration, ended: &Ended| {
        write.lock().unwrap().push((key.clone(), took.as_millis(), ended.clone()));
    });
    tokio::spawn(run(queue.clone(), Limits::default(), |key: String, _| async move {
        millis(7).await;
        assert_ne!(key, "p", "oh");
        After::Rest
    }));
    queue.add("w".to_owned());
    queue.add("p".to_owned());
    millis(20).await;
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard[0], ("w".to_owned(), 7, Ended::Well));
    assert!(matches!(&heard[1].2, Ended::Panicked(message) if message.contains("oh")));
}

#[tokio::test(start_paused = true)]
async fn a_closed_queue_ends_what_runs_and_begins_nothing() {
    let done = Arc::new(Semaphore::new(0));
    let signal = done.clone();
    let queue = Queue::new(Clock::system());
    let runner = tokio::spawn(run(queue.clone(), one_at_a_time(), move |key: u32, _| {
        let signal = signal.clone();
        async move {
            millis(u64::from(key)).await;
            signal.add_permits(1);
            After::Again
        }
    }));
    queue.add(5_000);
    queue.add(1);
    millis(1).await;
    queue.close();
    queue.add(2);
    assert_eq!(runner.await.unwrap(), 0);
    assert_eq!(done.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_outlasts_the_drain_is_cut_off() {
    let queue = Queue::new(Clock::system());
    let runner = tokio::spawn(run(queue.clone(), Limits::default(), |_: u32, _| std::future::pending()));
    queue.add(1);
    millis(1).await;
    queue.close();
    advance(Duration::from_secs(10)).await;
    assert_eq!(runner.await.unwrap(), 1);
}

mod any_order;

#[tokio::test(start_paused = true)]
async fn whoever_is_at_work_can_be_asked_to_look_again() {
    let world = world(Limits::default(), |_, _| async {
        millis(10).await;
        After::Rest
    });
    world.queue.repeat_running();
    world.add("a");
    millis(5).await;
    world.queue.repeat_running();
    world.queue.repeat_running();
    millis(100).await;
    assert_eq!(world.keys(), ["a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn an_abort_that_is_heard_of_while_many_turns_begin_goes_before_most_of_them() {
    let world = world(Limits::default(), |_, _| async { After::Rest });
    world.queue.add_all((0..1000).map(|nth| format!("{nth:04}")).collect(), Lane::Normal);
    let (queue, log) = (world.queue.clone(), world.log.clone());
    tokio::spawn(async move {
        // A watch whose connection has something to read once a few turns have begun.
        while log.lock().unwrap().len() < 5 {
            tokio::task::yield_now().await;
        }
        queue.add_fast("abort".to_owned());
    });
    millis(10).await;
    let place = world.keys().iter().position(|key| key == "abort").unwrap();
    assert!(place < 10, "it was the {place}th");
    assert_eq!(world.keys().len(), 1001);
}
