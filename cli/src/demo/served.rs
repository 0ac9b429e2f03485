//! The in-memory API server on a port, for kubectl.

use std::net::SocketAddr;
use std::path::Path;

use serin_sim::cluster::SimWorld;
use serin_sim::scenario::WorldError;
use serin_sim::server::Listener;

use super::plain;
use crate::terminal::Line;

/// The kubeconfig that points at the server, in the folder where the demo was started.
const KUBECONFIG: &str = "serin-demo.kubeconfig";

/// The API server as it listens; its end takes the kubeconfig away again.
pub(super) struct Served {
    listener: Listener,
}

impl Served {
    /// Opens the port and writes the kubeconfig.
    ///
    /// # Errors
    /// When either is refused; the sentence says what to change.
    pub(super) async fn start(world: &SimWorld, address: SocketAddr) -> Result<Self, WorldError> {
        let listener = world.server.listen(address).await.map_err(|error| refused(address, &error))?;
        std::fs::write(Path::new(KUBECONFIG), listener.kubeconfig()).map_err(|error| {
            WorldError::new(format!(
                "can't write {KUBECONFIG} into the current folder: {error}; start the demo in a folder that you may write to"
            ))
        })?;
        Ok(Self { listener })
    }

    /// What is said before the demo plays.
    pub(super) fn intro(&self) -> Vec<Line> {
        let address = self.listener.address();
        vec![
            plain(format!("The in-memory API server listens on http://{address}; {KUBECONFIG} points at it.")),
            plain(""),
        ]
    }

    /// What is said when it has played.
    pub(super) fn hints(&self) -> Vec<Line> {
        let intro = format!(
            "The API server stays up at http://{} until Ctrl-C. In another terminal, try",
            self.listener.address()
        );
        let serin = std::env::args().next().unwrap_or_else(|| "serin".to_owned());
        let commands = [
            "kubectl get rollouts,analysisruns,pods".to_owned(),
            "kubectl get events".to_owned(),
            "kubectl get virtualservice shop -o yaml".to_owned(),
            format!("{serin} get rollout shop --watch"),
            format!("{serin} retry rollout shop"),
        ];
        let commands = commands.map(|command| plain(format!("  {command}")));
        let export = plain(format!("  export KUBECONFIG=$PWD/{KUBECONFIG}"));
        [vec![plain(""), plain(intro), plain(""), export], commands.to_vec(), vec![plain("")]].concat()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It points at nothing from now on. Somebody may have removed it already.
        let _ = std::fs::remove_file(KUBECONFIG);
    }
}

fn refused(address: SocketAddr, error: &std::io::Error) -> WorldError {
    let (ip, port) = (address.ip(), address.port());
    WorldError::new(match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "can't listen on {address}: another program uses port {port}; take any that is free: --listen {ip}:0"
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("can't listen on {address}: port {port} needs root; take one above 1023: --listen {ip}:8001")
        }
        _ => format!("can't listen on {address}: {error}; take another address: --listen 127.0.0.1:8001"),
    })
}
