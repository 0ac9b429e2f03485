//! A real terminal for tests: a tmux server of its own, with one pane.

use std::{
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// How long something on a terminal may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A pane of a tmux server that ends with it.
pub struct Pane {
    socket: String,
}

impl Pane {
    /// Opens a terminal of this size in which a shell runs this script; the pane stays when the script has ended.
    pub fn open((columns, rows): (u16, u16), script: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let socket = format!("serin-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let pane = Self { socket };
        let size = [columns.to_string(), rows.to_string()];
        let script = format!("{script}\nexec sleep 600");
        pane.tmux(&["new-session", "-d", "-x", &size[0], "-y", &size[1], "sh", "-c", &script]);
        pane
    }

    /// Changes the size of the terminal.
    pub fn resize(&self, (columns, rows): (u16, u16)) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// Presses keys, by tmux's names for them.
    pub fn press(&self, keys: &str) {
        self.tmux(&["send-keys", keys]);
    }

    /// The lines that stand on the terminal now.
    pub fn lines(&self) -> Vec<String> {
        self.tmux(&["capture-pane", "-p"]).lines().map(str::to_owned).collect()
    }

    /// The lines that stand on the terminal now, with their escape sequences.
    pub fn styled(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Everything that was printed and not erased, with wrapped lines joined.
    pub fn history(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-"])
    }

    /// What tmux says of the pane: `alternate_on`, `cursor_flag`, `wrap_flag` ...
    pub fn flag(&self, name: &str) -> bool {
        self.tmux(&["display-message", "-p", &format!("#{{{name}}}")]).trim() == "1"
    }

    /// Waits until the terminal shows this.
    pub fn await_text(&self, text: &str) -> Vec<String> {
        self.await_lines(text, |lines| lines.iter().any(|line| line.contains(text)))
    }

    /// Waits until the lines on the terminal are as they should be.
    pub fn await_lines(&self, what: &str, fits: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = Instant::now() + LIMIT;
        loop {
            let lines = self.lines();
            if fits(&lines) {
                return lines;
            }
            assert!(Instant::now() < end, "{what:?} has not come:\n{}", lines.join("\n"));
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", &self.socket, "-f", "/dev/null"]).args(arguments);
        // Whoever runs the tests may sit in a tmux, and may not want colours.
        tmux.env_remove("TMUX").env_remove("NO_COLOR").env("LC_ALL", "C.UTF-8");
        let Ok(Output { status, stdout, stderr }) = tmux.output() else {
            panic!("tmux is missing; install it with: apt-get install tmux");
        };
        assert!(status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8_lossy(&stdout).into_owned()
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        let mut tmux = Command::new("tmux");
        // It serves this pane alone; a test that fails says why itself.
        let _ = tmux.args(["-L", &self.socket, "kill-server"]).env_remove("TMUX").output();
    }
}
