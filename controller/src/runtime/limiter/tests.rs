use futures::FutureExt as _;
use tokio::time::{Instant, advance, sleep, timeout};

use super::*;

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// So many lowerings in a namespace, none of which is ever answered.
async fn hung(limiter: &WriteLimiter, namespace: &str, number: usize) -> Vec<Turn> {
    let mut held = Vec::new();
    for _ in 0..number {
        held.push(limiter.first(namespace).await);
    }
    held
}

#[tokio::test(start_paused = true)]
async fn sixteen_lowerings_that_hang_in_one_namespace_hold_up_none_of_another() {
    let limiter = WriteLimiter::default();
    let _hung = hung(&limiter, "a", LOWERINGS.at_once).await;
    assert!(limiter.first("b").now_or_never().is_some());
    assert!(limiter.first("c").now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn lowerings_that_hang_hold_up_others_of_their_namespace_for_a_moment_only() {
    let limiter = WriteLimiter::default();
    let _hung = hung(&limiter, "a", LOWERINGS.at_once).await;
    let began = Instant::now();
    let _one = limiter.first("a").await;
    assert_eq!(began.elapsed(), LOWERINGS.patience);
    sleep(millis(500)).await;
    // By now they count no more, and there is room for as many again.
    for _ in 0..LOWERINGS.at_once {
        assert!(limiter.first("a").now_or_never().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_aborts_at_once_go_sixteen_at_a_time() {
    let limiter = WriteLimiter::default();
    let began = Instant::now();
    let writes = (0..200).map(|_| async {
        let _turn = limiter.first("shop").await;
        sleep(millis(5)).await;
    });
    futures::future::join_all(writes).await;
    // 200 in groups of 16 are 13 groups.
    assert_eq!(began.elapsed(), millis(13 * 5));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_longest_goes_first() {
    let limiter = WriteLimiter::default();
    let mut held = hung(&limiter, "a", LOWERINGS.at_once).await;
    let order = std::sync::Mutex::new(Vec::new());
    let waits = (0..4).map(|nth| {
        let (limiter, order) = (&limiter, &order);
        async move {
            let _turn = limiter.first("a").await;
            order.lock().unwrap().push(nth);
            sleep(millis(1)).await;
        }
    });
    let ends = async {
        sleep(millis(1)).await;
        held.pop();
    };
    futures::join!(futures::future::join_all(waits), ends);
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn other_writes_wait_for_lowerings_and_not_for_long() {
    let limiter = WriteLimiter::default();
    assert!(limiter.after("a").now_or_never().is_some(), "nobody lowers, nobody waits");
    let (one, two) = (limiter.first("a").await, limiter.first("b").await);
    let mut other = Box::pin(limiter.after("c"));
    assert!(other.as_mut().now_or_never().is_none());
    drop(one);
    assert!(other.as_mut().now_or_never().is_none());
    drop(two);
    assert!(other.as_mut().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_lowering_that_hangs_holds_up_other_writes_once_and_not_each_of_them() {
    let limiter = WriteLimiter::default();
    let _hung = limiter.first("a").await;
    let began = Instant::now();
    let _one = limiter.after("b").await;
    assert_eq!(began.elapsed(), OTHERS.patience);
    assert!(limiter.after("b").now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn one_lowering_after_the_other_holds_up_other_writes_no_longer_than_half_a_second() {
    let limiter = WriteLimiter::default();
    let lowerings = async {
        loop {
            let _turn = limiter.first("a").await;
            sleep(millis(20)).await;
        }
    };
    let began = Instant::now();
    let other = async {
        limiter.after("b").await;
        began.elapsed()
    };
    tokio::select! {
        biased;
        () = lowerings => {}
        waited = other => assert_eq!(waited, OTHERS.patience),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lowering_that_waits_for_its_turn_goes_before_the_rest() {
    let limiter = WriteLimiter::default();
    let mut held = hung(&limiter, "a", LOWERINGS.at_once).await;
    let mut late = Box::pin(limiter.first("a"));
    assert!(late.as_mut().now_or_never().is_none());
    held.pop();
    let late = late.as_mut().now_or_never();
    held.clear();
    assert!(late.is_some() && limiter.after("b").now_or_never().is_none(), "the late one is under way");
    drop(late);
    advance(millis(1)).await;
    assert!(limiter.after("b").now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn other_writes_that_hang_in_one_namespace_hold_up_none_of_another() {
    let limiter = WriteLimiter::default();
    let mut hung = Vec::new();
    for _ in 0..OTHERS.at_once {
        hung.push(limiter.after("a").await);
    }
    assert!(limiter.after("b").now_or_never().is_some());
    assert!(timeout(OTHERS.patience, limiter.after("a")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_waiting_leaves_nothing_behind() {
    let limiter = WriteLimiter::default();
    let held = hung(&limiter, "a", LOWERINGS.at_once).await;
    assert!(limiter.first("a").now_or_never().is_none());
    drop(held);
    assert!(limiter.after("b").now_or_never().is_some());
}
