//! What README shows of the demo is what the demo shows.
//!
//! `WRITE=1 cargo test -p serin-cli --test terminal picture` takes the picture anew.

use std::process::{Command, Stdio};

use anstyle::RgbColor;

use crate::tmux::Pane;

const SERIN: &str = env!("CARGO_BIN_EXE_serin");
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo.svg");

/// A text without what differs from run to run: numbers.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for c in text.chars() {
        let number = c.is_ascii_digit() || c == '.';
        if !number {
            masked.push(c);
        } else if !masked.ends_with('#') {
            masked.push('#');
        }
    }
    masked
}

/// Two moments of the demo on a terminal of 100 columns, with colours.
fn moments() -> [(&'static str, String); 2] {
    let pane = Pane::open((100, 18), &format!("{SERIN} demo"));
    let shows = |parts: &'static [&'static str]| {
        let all = |lines: &[String]| parts.iter().all(|part| lines.iter().any(|line| line.contains(part)));
        pane.await_lines(&parts.join(" ... "), all);
        pane.styled()
    };
    let good = shows(&["▶ analysis", "50 %  revision 2", "✔ 0  ✔ 0  2 of"]);
    let bad = shows(&["✖ Degraded", "0 %  revision 3", "weight 20 -> 0"]);
    [
        ("A good release: half of the traffic goes to the canary, its second analysis runs", good),
        ("A bad release: its analysis failed, the update is aborted, the canary gets no traffic", bad),
    ]
}

fn taken() -> String {
    let parts: Vec<_> = moments()
        .iter()
        .map(|(caption, screen)| format!("\u{1b}[1;94m{caption}\u{1b}[0m\n\n{}\n", screen.trim_end()))
        .collect();
    let term = anstyle_svg::Term::new().palette(anstyle_svg::WIN10_CONSOLE);
    let term = term.fg_color(RgbColor(201, 209, 217).into()).bg_color(RgbColor(13, 17, 23).into());
    // Quiet text has to be readable on a page too.
    term.render_svg(&parts.join("\n\n")).replace("opacity: 0.4", "opacity: 0.65")
}

#[test]
fn the_picture_is_what_a_terminal_shows() {
    let taken = taken();
    if std::env::var_os("WRITE").is_some() {
        std::fs::write(PICTURE, &taken).unwrap();
    }
    let kept = std::fs::read_to_string(PICTURE).unwrap();
    assert_eq!(kept.lines().count(), taken.lines().count(), "another number of lines");
    for (kept, taken) in kept.lines().zip(taken.lines()) {
        assert_eq!(
            masked(kept),
            masked(taken),
            "take it anew: WRITE=1 cargo test -p serin-cli --test terminal picture"
        );
    }
}

#[test]
fn readme_tells_what_the_demo_prints() {
    let readme = include_str!("../../../README.md");
    let output = Command::new(SERIN).args(["demo", "--speed", "100"]).stdin(Stdio::null()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let block = readme.split("```").find(|block| block.contains("person      sets the image")).unwrap();
    let printed: Vec<_> = printed.lines().map(masked).collect();
    let mut rest = printed.iter();
    for line in block.lines().filter(|line| !line.is_empty()) {
        let line = masked(line);
        // An ellipsis stands for the rest of a long line.
        let fits =
            |printed: &&String| line.strip_suffix('#').map_or(**printed == line, |start| printed.starts_with(start));
        assert!(rest.any(|printed| fits(&printed)), "README tells {line:?}, which is not printed there:\n{printed:#?}");
    }
}
