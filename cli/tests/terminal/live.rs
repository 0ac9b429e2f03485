//! The live view fits, follows the size, and leaves the terminal as it was.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serin_cli::terminal::{Line, Live, Tone};

use crate::tmux::Pane;

const SERIN: &str = env!("CARGO_BIN_EXE_serin");

/// Every line of the live view begins with one of these: the headline, a label, the indent of a text that goes on, the time
/// of an event.
const BEGINNINGS: [&str; 9] =
    ["shop      ", "  reason  ", "  now  ", "  steps  ", "  canary  ", "  stable  ", "  old  ", "  metric  ", "00:0"];

/// Runs the demo at several times its pace, and prints how it ended.
fn demo(arguments: &str) -> String {
    format!("{SERIN} demo --speed 4 {arguments}; echo \"exit code $?\"")
}

/// What is wrong with a picture of the live view: a line that is not there, twice there, or not a line of it at all.
fn faults(lines: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    if !lines.first().is_some_and(|line| line.starts_with("shop      ")) {
        faults.push("the first line is not the headline".to_owned());
    }
    for label in ["shop      ", "  reason", "  steps  ", "  stable  "] {
        let count = lines.iter().filter(|line| line.starts_with(label)).count();
        if count != 1 {
            faults.push(format!("{count} lines begin with {label:?}"));
        }
    }
    let known = |line: &str| {
        let goes_on = line.starts_with("          ");
        line.is_empty() || line == "  reason" || goes_on || BEGINNINGS.iter().any(|label| line.starts_with(label))
    };
    faults.extend(lines.iter().filter(|line| !known(line)).map(|line| format!("unexpected: {line:?}")));
    faults
}

/// Looks at the live view until the demo has ended; every picture has to be clean. A look may meet the terminal in the
/// middle of a picture, so a fault counts when it is still there a little later.
fn watch(pane: &Pane, mut between: impl FnMut(usize)) {
    pane.await_text("  stable ");
    let end = Instant::now() + Duration::from_secs(120);
    for look in 0.. {
        assert!(Instant::now() < end, "the demo does not end");
        between(look);
        let mut seen = Vec::new();
        while pane.flag("alternate_on") {
            let lines = pane.lines();
            let faults = faults(&lines);
            if faults.is_empty() || !pane.flag("alternate_on") {
                break;
            }
            seen.push(format!("{}\n{}\n", faults.join("\n"), lines.join("\n")));
            assert!(seen.len() < 10, "{}", seen.concat());
            std::thread::sleep(Duration::from_millis(40));
        }
        if !pane.flag("alternate_on") {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What stands on the terminal at the end, and that it is usable again.
fn ended(pane: &Pane, code: u8) -> String {
    pane.await_text(&format!("exit code {code}"));
    assert!(!pane.flag("alternate_on") && pane.flag("cursor_flag") && pane.flag("wrap_flag"), "as it was before");
    pane.history()
}

fn complete(history: &str) {
    for part in [
        "Serin demo\n",
        "✖ Degraded",
        "  canary ",
        "What happened\n",
        "00:00:00  shop        revision 1: 0 -> 10 pods\n",
        "shop        weight 20 -> 0\n",
        "Both releases ended as they should",
        "exit code 0",
    ] {
        assert!(history.contains(part), "{part:?} is missing in\n{history}");
    }
}

fn fits(size: (u16, u16)) {
    let pane = Pane::open(size, &demo(""));
    watch(&pane, |_| {});
    complete(&ended(&pane, 0));
}

#[test]
fn the_live_view_fits_80_columns_and_24_rows() {
    fits((80, 24));
}

#[test]
fn the_live_view_fits_120_columns_and_40_rows() {
    fits((120, 40));
}

#[test]
fn the_live_view_follows_the_size_of_the_terminal() {
    let sizes = [(110, 30), (80, 24), (60, 16), (132, 50), (100, 20), (80, 24)];
    let pane = Pane::open((120, 40), &demo(""));
    watch(&pane, |look| {
        if look % 3 == 2 {
            pane.resize(sizes[look / 3 % sizes.len()]);
        }
    });
    complete(&ended(&pane, 0));
}

#[test]
fn a_tiny_terminal_gets_what_fits() {
    let pane = Pane::open((24, 5), &demo(""));
    pane.await_text("  steps ");
    let lines = pane.lines();
    assert!(lines[0].starts_with("shop      ") && lines.len() <= 5, "{lines:?}");
    ended(&pane, 0);
}

#[test]
fn colours_are_there_unless_somebody_does_not_want_them() {
    let check = |script: &str, colours: bool| {
        let pane = Pane::open((80, 24), script);
        pane.await_text("  stable ");
        assert_eq!(pane.styled().contains("\u{1b}["), colours, "{script}");
    };
    check(&demo(""), true);
    check(&demo("--no-color"), false);
    check(&format!("NO_COLOR=1 {}", demo("")), false);
    check(&format!("NO_COLOR= {}", demo("")), true);
}

#[test]
fn a_terminal_that_can_not_redraw_gets_plain_lines() {
    let pane = Pane::open((80, 24), &format!("TERM=dumb {}", demo("")));
    pane.await_text("weight 0 -> 20");
    assert!(!pane.flag("alternate_on"));
}

#[test]
fn an_interrupt_leaves_the_terminal_as_it_was() {
    let pane = Pane::open((80, 24), &format!("trap : INT\n{}", demo("")));
    pane.await_text("  stable ");
    pane.press("C-c");
    let history = ended(&pane, 130);
    assert!(!history.contains("  stable "), "the live view is gone:\n{history}");
}

#[test]
fn a_suspended_demo_gives_the_terminal_back_and_goes_on_in_the_foreground() {
    let pane = Pane::open((80, 24), &format!("set -m\n{SERIN} demo --speed 4\necho suspended\nsleep 1\nfg; echo over"));
    pane.await_text("  stable ");
    pane.press("C-z");
    pane.await_text("suspended");
    assert!(!pane.flag("alternate_on") && pane.flag("cursor_flag"));
    pane.await_text("  stable ");
    pane.await_text("over");
}

/// The second half of [`a_panic_leaves_the_terminal_as_it_was`], which starts this test on a terminal.
#[test]
fn panics_when_it_is_told_to() {
    if std::env::var_os("SERIN_TEST_PANIC").is_none() {
        return;
    }
    let mut live = Live::new(true);
    live.draw(|_| vec![Line::new().and(Tone::Strong, "the live view")]);
    std::thread::sleep(Duration::from_secs(2));
    panic!("on purpose");
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    let this = std::env::current_exe().unwrap();
    let run = format!("{} --exact live::panics_when_it_is_told_to --nocapture", this.display());
    let pane = Pane::open((80, 24), &format!("SERIN_TEST_PANIC=1 {run}; echo \"exit code $?\""));
    pane.await_text("the live view");
    assert!(pane.flag("alternate_on") && !pane.flag("cursor_flag"));
    let history = ended(&pane, 101);
    assert!(history.contains("on purpose"), "the message can be read:\n{history}");
}

#[test]
fn a_pipe_gets_a_line_an_event_and_no_escape_sequences() {
    let mut serin = Command::new(SERIN);
    let output = serin.args(["demo", "--speed", "20"]).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !text.contains('\u{1b}'), "{text}");
    let events: Vec<_> = text.lines().filter(|line| line.starts_with("00:0")).collect();
    assert!(events.windows(2).all(|pair| pair[0][..8] <= pair[1][..8]), "in the order of time:\n{text}");
    for part in ["shop        weight 0 -> 20", "shop        weight 20 -> 0", "person      sets the image shop:v3"] {
        let count = events.iter().filter(|line| line.ends_with(part)).count();
        assert!(count == 1 || part.ends_with("20") && count == 2, "{part:?} is told {count} times:\n{text}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    let output = Command::new("sh").args(["-c", &format!("{SERIN} demo --speed 50 | head -1")]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Serin demo\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
