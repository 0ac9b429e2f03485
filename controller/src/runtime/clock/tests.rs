use tokio::time::advance;

use super::*;

const EPOCH: &str = "2026-01-01T00:00:00Z";
const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn clock() -> (Clock, Timestamp) {
    let epoch: Timestamp = EPOCH.parse().unwrap();
    let clock = Clock::anchored(epoch);
    assert_eq!(clock.now(), epoch);
    (clock, epoch)
}

/// How long a wait of a hundred seconds takes whose wall clock is set once by so much, after ten seconds.
async fn waited(by: SignedDuration) -> Duration {
    let (clock, epoch) = clock();
    let (began, setting) = (clock.monotonic(), clock.clone());
    let set = async {
        tokio::time::sleep(secs(10)).await;
        setting.step(by);
    };
    tokio::join!(clock.sleep_until(later(epoch, secs(100))), set);
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn an_anchored_clock_moves_with_tokio_time() {
    let (clock, epoch) = clock();
    clock.sleep_until(later(epoch, secs(3 * 3600))).await;
    assert_eq!(clock.now().duration_since(epoch).as_secs(), 3 * 3600);
}

#[tokio::test(start_paused = true)]
async fn a_moment_that_has_passed_is_not_waited_for() {
    let clock = Clock::system();
    let before = clock.monotonic();
    clock.sleep_until("2001-01-01T00:00:00Z".parse().unwrap()).await;
    assert_eq!(clock.monotonic(), before);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_forward_shortens_no_wait() {
    for forward in [SignedDuration::from_secs(6), HOUR, SignedDuration::from_hours(24 * 365)] {
        assert_eq!(waited(forward).await, secs(100), "{forward:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_back_lengthens_no_wait() {
    for back in [SignedDuration::from_secs(-6), -HOUR, SignedDuration::from_hours(-24 * 365)] {
        assert_eq!(waited(back).await, secs(100), "{back:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_is_judged_by_the_time_that_has_passed() {
    let (clock, _) = clock();
    let recorded = clock.now();
    for step in [HOUR, HOUR, -HOUR * 3, HOUR * 100] {
        clock.step(step);
        advance(secs(60)).await;
        clock.now();
    }
    assert_eq!(clock.now().duration_since(recorded).as_secs(), 240);
}

#[tokio::test(start_paused = true)]
async fn drift_is_followed_and_adds_up_to_no_jump() {
    let (clock, epoch) = clock();
    // A hundred steps of a second each, a minute apart: the wall clock runs fast.
    for _ in 0..100 {
        clock.step(SignedDuration::from_secs(1));
        advance(secs(60)).await;
        clock.now();
    }
    assert_eq!(clock.now().duration_since(epoch).as_secs(), 100 * 61);
    assert_eq!(clock.on_the_wall(clock.now()), clock.now());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_shown_an_earlier_time_and_nothing_waits_longer_than_the_drift() {
    assert_eq!(waited(SignedDuration::from_secs(-4)).await, secs(104));
    let (clock, _) = clock();
    let mut last = clock.now();
    for step in [-4, -1, 3, -4, 2, -5] {
        clock.step(SignedDuration::from_secs(step));
        for _ in 0..5 {
            advance(Duration::from_millis(300)).await;
            assert!(clock.now() >= last);
            last = clock.now();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_right_again_is_followed_again() {
    let (clock, epoch) = clock();
    clock.step(HOUR);
    advance(secs(60)).await;
    assert_eq!(clock.now(), later(epoch, secs(60)));
    clock.step(-HOUR + SignedDuration::from_secs(1));
    assert_eq!(clock.now(), later(epoch, secs(61)));
}

#[tokio::test(start_paused = true)]
async fn those_who_live_by_the_wall_clock_are_told_what_it_says() {
    let (clock, epoch) = clock();
    let scheduled = later(epoch, secs(30));
    assert_eq!(clock.on_the_wall(scheduled), scheduled);
    clock.step(HOUR);
    advance(secs(30)).await;
    assert_eq!(clock.on_the_wall(scheduled), scheduled.checked_add(HOUR).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_begins_believes_the_wall_clock() {
    let (clock, epoch) = clock();
    clock.step(HOUR);
    assert_eq!(clock.now(), epoch);
    assert_eq!(clock.anew().now(), epoch.checked_add(HOUR).unwrap());
    assert_eq!(clock.clone().now(), epoch, "a copy is the same clock");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_waits_in_the_queue_is_not_called_early_or_late() {
    use crate::runtime::queue::{After, Limits, Queue, run};
    let (clock, epoch) = clock();
    let queue: Queue<u8> = Queue::new(clock.clone());
    queue.add_at(&1, later(epoch, secs(100)));
    let (began, closing) = (clock.monotonic(), queue.clone());
    let setting = clock.clone();
    tokio::spawn(async move {
        for step in [HOUR, -HOUR * 2] {
            tokio::time::sleep(secs(20)).await;
            setting.step(step);
        }
    });
    run(queue, Limits::default(), move |_, _| {
        closing.close();
        async { After::Rest }
    })
    .await;
    assert_eq!(began.elapsed(), secs(100));
}

#[test]
fn adding_past_the_end_of_time_stays_there() {
    assert_eq!(later(Timestamp::MAX, secs(1)), Timestamp::MAX);
}
