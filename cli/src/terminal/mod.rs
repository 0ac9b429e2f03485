//! The terminal: styled lines that fit its width, and a live view that is redrawn in place.

mod line;
mod live;
mod signals;

pub use self::{
    line::{Line, Tone},
    live::{Live, Size, restore},
    signals::stopped,
};

use std::io::{IsTerminal as _, Write as _};

/// What standard output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Whether a picture can be redrawn in place.
    pub live: bool,
    /// Whether colours are wanted.
    pub colour: bool,
}

impl Output {
    /// Finds out what standard output can show; `plain` is whether the user asked for no colours.
    ///
    /// # Source
    /// <https://no-color.org>: `NO_COLOR` counts when it is set and not empty.
    pub fn detect(plain: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let live = std::io::stdout().is_terminal() && !dumb;
        Self { live, colour: live && !plain && !set("NO_COLOR") }
    }

    /// Prints lines; what is too long for a terminal goes on below, between words.
    pub fn print(self, lines: &[Line]) {
        let columns = if self.live { Size::of_terminal().columns } else { usize::MAX };
        let wrapped = lines.iter().flat_map(|line| line.wrap(columns));
        say(&wrapped.map(|line| line.render(self.colour) + "\n").collect::<String>());
    }
}

/// Writes text to standard output at once.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away has seen enough.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
