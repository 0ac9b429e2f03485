use super::{Basic, Bound, Limits, Side, Sizes, basic, nearest};
use crate::core::weight::Weight;
use proptest::prelude::*;

fn split(desired: i64, weight: i64, surge: i64, expect: (i64, i64)) {
    let sizes = nearest(desired, Weight::clamped(weight), surge);
    assert_eq!((sizes.canary, sizes.stable), expect, "{desired} pods at {weight} % with surge {surge}");
}

#[test]
fn a_split_comes_as_near_to_the_weight_as_whole_pods_allow() {
    for (desired, surge, rows) in [
        (0, 0, vec![(0, 0, 0), (50, 0, 0), (100, 0, 0)]),
        (0, 1, vec![(0, 0, 0), (50, 0, 0), (100, 0, 0)]),
        (1, 0, vec![(0, 0, 1), (1, 0, 1), (49, 0, 1), (50, 1, 0), (99, 1, 0), (100, 1, 0)]),
        (1, 1, vec![(0, 0, 1), (1, 1, 1), (49, 1, 1), (50, 1, 1), (99, 1, 1), (100, 1, 0)]),
        (2, 0, vec![(0, 0, 2), (1, 1, 1), (50, 1, 1), (99, 1, 1), (100, 2, 0)]),
        (2, 1, vec![(0, 0, 2), (1, 1, 2), (50, 1, 1), (99, 2, 1), (100, 2, 0)]),
        (3, 0, vec![(10, 1, 2), (25, 1, 2), (33, 1, 2), (34, 1, 2), (49, 1, 2), (50, 2, 1)]),
        (3, 1, vec![(10, 1, 3), (25, 1, 3), (33, 1, 2), (34, 1, 2), (49, 2, 2), (50, 2, 2)]),
        (
            10,
            1,
            vec![
                (0, 0, 10),
                (100, 10, 0),
                (1, 1, 10),
                (18, 2, 9),
                (19, 2, 9),
                (20, 2, 8),
                (23, 2, 8),
                (24, 3, 8),
                (25, 3, 8),
                (99, 10, 1),
            ],
        ),
        (10, 0, vec![(1, 1, 9), (14, 1, 9), (15, 2, 8), (16, 2, 8), (99, 9, 1)]),
    ] {
        for (weight, canary, stable) in rows {
            split(desired, weight, surge, (canary, stable));
        }
    }
}

struct Row {
    desired: i64,
    weight: i64,
    surge: Bound,
    unavailable: Bound,
    stable: (i64, i64),
    canary: (i64, i64),
    older: i64,
    expect: (i64, i64),
}

fn pass(row: &Row) {
    let side = |(spec, available)| Some(Side { spec, available });
    let limits = Limits::resolve(row.surge, row.unavailable, row.desired);
    let sizes = basic(&Basic {
        desired: row.desired,
        weight: Weight::clamped(row.weight),
        limits,
        canary: side(row.canary),
        stable: side(row.stable),
        older: row.older,
    });
    let label = format!("{} pods at {} %: stable {:?}, canary {:?}", row.desired, row.weight, row.stable, row.canary);
    assert_eq!((sizes.stable, sizes.canary), row.expect, "{label}");
}

#[test]
fn one_pass_moves_towards_the_split_inside_the_limits() {
    use Bound::{Percent as Pc, Pods as P};
    let rows = [
        (10, 100, P(3), P(0), (7, 8), (6, 3), 0, (7, 6)),
        (10, 20, P(2), P(0), (10, 10), (0, 0), 0, (10, 2)),
        (10, 20, Pc(20), P(0), (10, 10), (0, 0), 0, (10, 2)),
        (10, 20, Pc(20), P(0), (10, 10), (2, 2), 0, (8, 2)),
        (10, 30, P(2), P(0), (10, 10), (0, 0), 0, (10, 2)),
        (10, 20, P(0), P(2), (10, 10), (0, 0), 0, (8, 0)),
        (10, 20, P(0), Pc(20), (10, 10), (0, 0), 0, (8, 0)),
        (10, 30, P(0), P(2), (10, 10), (0, 0), 0, (8, 0)),
        (10, 50, P(2), P(1), (10, 10), (0, 0), 0, (9, 2)),
        (10, 0, P(1), P(1), (10, 10), (1, 1), 0, (10, 0)),
        (10, 100, P(1), P(1), (1, 1), (10, 10), 0, (0, 10)),
        (1, 20, P(1), P(0), (1, 1), (0, 0), 0, (1, 1)),
        (1, 90, P(1), P(0), (1, 1), (0, 0), 0, (1, 1)),
        (1, 49, P(0), P(1), (1, 1), (0, 0), 0, (1, 0)),
        (1, 51, P(0), P(1), (1, 1), (0, 0), 0, (0, 0)),
        (1, 51, P(0), P(1), (0, 0), (0, 0), 0, (0, 1)),
        (10, 30, P(1), P(0), (1, 1), (0, 0), 3, (7, 1)),
        (10, 30, P(0), P(3), (8, 5), (4, 4), 0, (7, 3)),
        (10, 100, P(1), P(0), (10, 2), (10, 8), 0, (2, 9)),
        (10, 30, P(0), P(1), (8, 6), (4, 2), 3, (8, 4)),
        (10, 5, P(0), P(1), (10, 10), (0, 0), 0, (9, 0)),
        (10, 5, P(0), P(1), (9, 9), (0, 0), 0, (9, 1)),
        (10, 10, Pc(0), Pc(0), (10, 10), (0, 0), 0, (9, 0)),
        (4, 100, P(1), P(0), (4, 1), (0, 0), 0, (4, 1)),
        (3, 99, P(0), P(2), (3, 3), (0, 0), 0, (1, 0)),
        (4, 100, P(1), P(0), (4, 1), (1, 1), 0, (3, 1)),
        (4, 0, P(1), P(0), (0, 0), (4, 4), 0, (1, 4)),
        (4, 0, P(1), P(0), (1, 0), (4, 4), 0, (1, 4)),
        (4, 0, P(1), P(0), (1, 1), (4, 4), 0, (1, 3)),
        // Promote-full is a pass with the whole weight.
        (4, 100, P(4), P(4), (4, 4), (0, 0), 0, (0, 4)),
        (4, 100, P(3), P(0), (4, 4), (0, 0), 0, (4, 3)),
        (10, 20, Pc(20), P(0), (10, 10), (0, 0), 0, (10, 2)),
    ];
    for (desired, weight, surge, unavailable, stable, canary, older, expect) in rows {
        pass(&Row { desired, weight, surge, unavailable, stable, canary, older, expect });
    }
}

proptest! {
    #[test]
    fn a_pass_keeps_the_cap_and_the_floor(
        desired in 1i64..30, weight in 0i64..=100, surge in 0i64..8, unavailable in 0i64..8,
        stable in (0i64..30, 0i64..30), canary in (0i64..30, 0i64..30),
    ) {
        let limits = Limits::resolve(Bound::Pods(surge), Bound::Pods(unavailable), desired);
        let clip = |(spec, available): (i64, i64)| Side { spec, available: available.min(spec) };
        let (stable, canary) = (clip(stable), clip(canary));
        let input = Basic {
            desired, weight: Weight::clamped(weight), limits,
            canary: Some(canary), stable: Some(stable), older: 0,
        };
        let Sizes { canary: c, stable: s } = basic(&input);
        prop_assert!(c >= 0 && s >= 0);
        let cap = desired + limits.surge;
        prop_assert!(c + s <= cap.max(stable.spec + canary.spec));
        let before = stable.available + canary.available;
        let after = stable.available.min(s) + canary.available.min(c);
        let floor = desired - limits.unavailable;
        prop_assert!(after >= floor.min(before), "availability {before} -> {after}, floor {floor}");
    }

    #[test]
    fn repeated_passes_reach_the_split_and_stay(desired in 1i64..20, weight in 0i64..=100, surge in 0i64..4, unavailable in 0i64..4) {
        let limits = Limits::resolve(Bound::Pods(surge), Bound::Pods(unavailable), desired);
        let goal = nearest(desired, Weight::clamped(weight), limits.surge);
        let mut now = Sizes { canary: 0, stable: desired };
        for _ in 0..(4 * desired + 8) {
            let all = |spec| Some(Side { spec, available: spec });
            now = basic(&Basic { desired, weight: Weight::clamped(weight), limits, canary: all(now.canary), stable: all(now.stable), older: 0 });
        }
        prop_assert_eq!(now, goal);
    }
}
