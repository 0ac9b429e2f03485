//! The journal of a story: every call and every write of everybody.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, Mutex};

use serin_sim::{
    play,
    scenario::{self, Played, Scenario, WorldError},
};

/// Plays a scenario; returns what came of it, and its journal: a line for each call and for each write.
pub fn played(scenario: &Scenario) -> Result<(Played, Vec<String>), WorldError> {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let (calls, writes) = (Arc::clone(&lines), Arc::clone(&lines));
    let played = play::in_virtual_time(async {
        let mut world = play::world()?;
        world.server.on_call(move |call, code| {
            let line = format!(
                "{} {} {} {}/{} {}/{}: {code}",
                call.at,
                call.user,
                call.verb.word(),
                call.resource,
                call.subresource,
                call.namespace,
                call.name
            );
            calls.lock().unwrap().push(line);
        });
        world.server.on_write(Box::new(move |write| {
            let after = write.after.as_ref().map(ToString::to_string).unwrap_or_default();
            let line = format!(
                "{} {} {} {} {}/{}: {} {after}",
                write.at,
                write.user,
                write.verb.word(),
                write.resource,
                write.namespace,
                write.name,
                write.code
            );
            writes.lock().unwrap().push(line);
        }));
        scenario::play(scenario, &mut world, &mut |_| {}).await
    });
    let lines = lines.lock().unwrap();
    Ok((played?, lines.clone()))
}

/// Where two journals part, with what came just before; nothing when they are the same.
pub fn parting(first: &[String], second: &[String]) -> Option<String> {
    let at = first.iter().zip(second).position(|(a, b)| a != b);
    let at = at.or((first.len() != second.len()).then_some(first.len().min(second.len())))?;
    let shown = |lines: &[String]| -> String {
        let near = lines.iter().skip(at.saturating_sub(3)).take(8);
        near.flat_map(|line| ["  ".to_owned(), line.chars().take(240).collect(), "\n".to_owned()]).collect()
    };
    Some(format!("line {at}:\n{}but then\n{}", shown(first), shown(second)))
}
