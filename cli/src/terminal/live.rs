//! A picture that is redrawn in place and leaves the terminal as it was.

use std::{
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Line, say};

/// How long a picture stays at least: more would be work that nobody sees.
const STAYS: Duration = Duration::from_millis(60);

/// Enters the alternate screen, where nothing is reflowed or scrolled away; hides the cursor; no wrapping.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
/// Takes all of that back.
const LEAVE: &str = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Whether the terminal shows a live view now.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Its width.
    pub columns: usize,
    /// Its height.
    pub rows: usize,
}

impl Size {
    /// Asks standard output; 80x24 where it has none or doesn't tell.
    pub fn of_terminal() -> Self {
        let told = terminal_size::terminal_size_of(std::io::stdout()).filter(|(width, height)| width.0 * height.0 > 0);
        told.map_or(Self { columns: 80, rows: 24 }, |(width, height)| Self {
            columns: usize::from(width.0),
            rows: usize::from(height.0),
        })
    }
}

/// A live view on the terminal.
///
/// # Guarantees
/// Whatever ends it (the end of its scope, [`restore`], a panic anywhere), the terminal is as it was before.
#[derive(Debug)]
pub struct Live {
    colour: bool,
    size: Option<Size>,
    drawn: Option<Instant>,
}

impl Live {
    /// Makes a live view; the terminal changes with the first picture.
    pub fn new(colour: bool) -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let usual = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                usual(panic);
            }));
        });
        Self { colour, size: None, drawn: None }
    }

    /// Draws a picture for the terminal as large as it is now, unless the last one is too young to be replaced.
    pub fn draw(&mut self, picture: impl FnOnce(Size) -> Vec<Line>) {
        if self.drawn.is_some_and(|at| at.elapsed() < STAYS) {
            return;
        }
        let size = Size::of_terminal();
        let mut out = String::new();
        if !SHOWN.swap(true, Ordering::SeqCst) {
            out.push_str(ENTER);
        } else if self.size != Some(size) {
            // Where lines end up when the size changes differs from terminal to terminal.
            out.push_str("\x1b[2J");
        }
        out.push_str(&frame(&picture(size), size, self.colour));
        say(&out);
        self.size = Some(size);
        self.drawn = Some(Instant::now());
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        restore();
    }
}

/// Ends the live view, if there is one; the next picture begins another.
pub fn restore() {
    if SHOWN.swap(false, Ordering::SeqCst) {
        say(LEAVE);
    }
}

/// One picture, from the upper left corner; what is longer or higher than the terminal is cut off.
fn frame(lines: &[Line], size: Size, colour: bool) -> String {
    let mut out = String::from("\x1b[H");
    for (row, line) in lines.iter().take(size.rows).enumerate() {
        if row > 0 {
            out.push_str("\r\n");
        }
        // Cleared before it is written: behind a full line the cursor stands on its last character.
        out.push_str("\x1b[2K");
        out.push_str(&line.cut(size.columns).render(colour));
    }
    if lines.len() < size.rows {
        out.push_str("\r\n\x1b[J");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Line, Size, frame};
    use crate::terminal::Tone;

    #[test]
    fn a_frame_is_no_larger_than_the_terminal_and_clears_what_it_does_not_cover() {
        let lines: Vec<Line> = ["one", "three", "four"].map(|text| Line::new().and(Tone::Bad, text)).to_vec();
        let plain = frame(&lines, Size { columns: 4, rows: 2 }, false);
        assert_eq!(plain, "\x1b[H\x1b[2Kone\r\n\x1b[2Kthr…");
        let roomy = frame(&lines, Size { columns: 5, rows: 4 }, true);
        assert!(roomy.ends_with("\r\n\x1b[2K\x1b[31mfour\x1b[0m\r\n\x1b[J"), "{roomy:?}");
    }
}
