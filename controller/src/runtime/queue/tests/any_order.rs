use std::collections::HashSet;

use proptest::prelude::*;

use super::super::lanes::Lanes;
use super::*;

proptest! {
    /// Whatever is added, taken and ended in whatever order: no key runs twice at once, the slots hold, and every
    /// key that was asked for gets a turn after it was asked for.
    #[test]
    fn no_key_is_lost_or_doubled(ops in prop::collection::vec((0_u8..5, 0_u8..6), 1..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limits = Limits { normal: 2, reserved: 1, ..Limits::default() };
            let mut now = Instant::now();
            let (mut lanes, mut running, mut owed) = (Lanes::new(), Vec::<(u8, Lane)>::new(), HashSet::new());
            for (op, key) in ops {
                match op {
                    0 => { lanes.add(key, Lane::Normal, now); owed.insert(key); }
                    1 => { lanes.add(key, Lane::Fast, now); owed.insert(key); }
                    2 => if let Some((key, lane)) = lanes.take(&limits, now) {
                        assert!(running.iter().all(|(other, _)| *other != key));
                        owed.remove(&key);
                        running.push((key, lane));
                        assert!(running.len() <= 3);
                        assert!(running.iter().filter(|(_, lane)| *lane == Lane::Normal).count() <= 2);
                    },
                    3 => if !running.is_empty() {
                        let (key, _) = running.remove(usize::from(key) % running.len());
                        lanes.succeed(&key, now);
                    },
                    _ => if !running.is_empty() {
                        let (key, _) = running.remove(usize::from(key) % running.len());
                        lanes.fail(&key, now, key % 2 == 0);
                    },
                }
                now += Duration::from_millis(10);
            }
            for (key, _) in running.drain(..) {
                lanes.succeed(&key, now);
            }
            for _ in 0..100 {
                now += Duration::from_secs(61);
                while let Some((key, _)) = lanes.take(&limits, now) {
                    owed.remove(&key);
                    lanes.succeed(&key, now);
                }
            }
            assert!(owed.is_empty(), "never ran: {owed:?}");
            assert_eq!(lanes.report(now).depth, 0);
        });
    }
}
