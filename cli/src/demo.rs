//! The demo: two releases of one service, played by the real controller on the in-memory cluster.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use serin_sim::cluster::SimWorld;
use serin_sim::scenario::{Frame, Played, WorldError, play, shipped};

use crate::view::{Paint, draw};

/// How fast the demo plays: virtual seconds in a second.
pub const SPEED: f64 = 9.0;

/// What the demo was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Virtual seconds in a second.
    pub speed: f64,
    /// Whether to use colours.
    pub colour: bool,
    /// Where the in-memory API server listens, to be looked at with kubectl.
    pub listen: Option<SocketAddr>,
}

/// Plays the demo; says whether both releases ended as they have to.
///
/// # Errors
/// When the simulated world can't be made, or its port can't be opened.
pub fn run(options: &Options) -> Result<bool, WorldError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.map_err(|e| WorldError::because("no runtime can be made", e))?;
    runtime.block_on(demo(options))
}

async fn demo(options: &Options) -> Result<bool, WorldError> {
    let scenario = shipped("demo").map_err(|e| WorldError::because("the demo can't be read", e))?;
    let epoch: Timestamp = "2026-01-01T09:00:00Z".parse().unwrap_or_default();
    let live = std::io::stdout().is_terminal();
    let mut world = SimWorld::new(epoch)?.paced(options.speed);
    let listener = match options.listen {
        None => None,
        Some(address) => Some(listen(&world, address).await?),
    };
    let paint = Paint::new(options.colour && live);
    say(&intro(paint));
    let mut screen = Screen { live, drawn: 0, last: String::new() };
    let mut show = |frame: &Frame| screen.show(frame, epoch, paint);
    let played = play(&scenario, &mut world, &mut show).await?;
    say(&outro(&played, paint));
    if let Some(listener) = listener {
        say(&format!(
            "\nThe API server stays up at http://{} until Ctrl-C; time goes on as usual. Try\n\n  {}\n",
            listener.address(),
            hints().join("\n  ")
        ));
        let mut world = world.paced(1.0);
        let ended = world.until(tokio::signal::ctrl_c()).await;
        ended.map_err(|e| WorldError::because("can't wait for Ctrl-C", e))?;
    }
    Ok(played.passed())
}

async fn listen(world: &SimWorld, address: SocketAddr) -> Result<serin_sim::server::Listener, WorldError> {
    let bound = world.server.listen(address).await;
    let listener = bound.map_err(|e| WorldError::because(format!("can't listen on {address}"), e))?;
    let path = Path::new(KUBECONFIG);
    std::fs::write(path, listener.kubeconfig())
        .map_err(|e| WorldError::because(format!("can't write {KUBECONFIG}"), e))?;
    say(&format!("The in-memory API server listens on http://{}; {KUBECONFIG} points at it.\n", listener.address()));
    Ok(listener)
}

/// The kubeconfig that `--listen` writes.
const KUBECONFIG: &str = "serin-demo.kubeconfig";

fn hints() -> Vec<String> {
    [
        "get rollouts,analysisruns",
        "describe rollout shop",
        "get virtualservice shop -o yaml",
        "patch rollout shop --subresource status --type merge -p '{\"status\":{\"abort\":false}}'",
    ]
    .map(|what| format!("kubectl --kubeconfig {KUBECONFIG} {what}"))
    .to_vec()
}

/// Where pictures go: redrawn in place on a terminal, a line a change elsewhere.
struct Screen {
    live: bool,
    drawn: usize,
    last: String,
}

impl Screen {
    fn show(&mut self, frame: &Frame, epoch: Timestamp, paint: Paint) {
        let seconds = frame.at.duration_since(epoch).as_secs();
        let clock = format!("+{:02}:{:02}", seconds / 60, seconds % 60);
        if !self.live {
            if frame.latest != self.last && !frame.latest.is_empty() {
                say(&format!("{clock}  {}\n", frame.latest));
                self.last.clone_from(&frame.latest);
            }
            return;
        }
        let picture = draw(frame, &clock, paint);
        let mut out = String::new();
        if self.drawn > 0 {
            out.extend(["\x1b[", &self.drawn.to_string(), "A"]);
        }
        for line in picture.lines() {
            out.extend(["\x1b[2K", line, "\n"]);
        }
        let lines = picture.lines().count();
        for _ in lines..self.drawn {
            out.push_str("\x1b[2K\n");
        }
        self.drawn = lines.max(self.drawn);
        say(&out);
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away has seen enough.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn intro(paint: Paint) -> String {
    format!(
        "{}\nTwo releases of the service shop: v2 is good, v3 answers a quarter of its requests with an error.\n\
         The controller is the real one; the cluster, its users and its Prometheus are simulated.\n\n",
        paint.bold("Serin demo")
    )
}

fn outro(played: &Played, paint: Paint) -> String {
    let felt = &played.felt;
    let foreign = felt.foreign();
    let verdict = if played.passed() {
        paint.green("Both releases ended as they have to; every promise held after every write.")
    } else {
        paint.red(&played.report())
    };
    format!(
        "\n{}\n{}\n{verdict}\nUsers sent {} requests: {} errors of the application, {foreign} of anybody else.\n\n{}\n",
        paint.bold("What happened"),
        played.transcript,
        felt.requests,
        felt.application_5xx,
        next()
    )
}

fn next() -> &'static str {
    "Next: make demo ARGS=\"--listen 127.0.0.1:8001\" keeps the API server up for kubectl; sim/scenarios/ has more stories;\n      README.md says how to install Serin in a cluster."
}
