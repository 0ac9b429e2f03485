//! What `serin demo` can be asked for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::terminal::Output;

/// How many virtual seconds pass in a second at speed 1.
const USUAL: f64 = 9.0;

/// Play a good and a bad release on an in-memory cluster.
///
/// The controller is the real one; the API server, the pods, their users and Prometheus are simulated. It takes half a minute,
/// needs no cluster, and changes nothing on this machine. Exits with 0 when both releases end as they should.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Play so many times as fast as usual, 0.1 to 100.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = speed, allow_negative_numbers = true)]
    speed: f64,
    #[arg(long, help = "Print no colours; setting NO_COLOR does the same")]
    no_color: bool,
    /// Keep the in-memory API server up for kubectl until Ctrl-C, on this address or port, and write a kubeconfig.
    ///
    /// It must be an address of this machine alone (loopback), such as 127.0.0.1:8001 or just 8001; port 0 takes any that is
    /// free. The kubeconfig is serin-demo.kubeconfig in the current folder, and is removed at the end.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = loopback)]
    listen: Option<SocketAddr>,
}

impl Arguments {
    /// How many virtual seconds pass in a second.
    pub fn pace(&self) -> f64 {
        USUAL * self.speed
    }

    /// What standard output can show.
    pub fn output(&self) -> Output {
        Output::detect(self.no_color)
    }

    /// Where the in-memory API server listens.
    pub const fn listen(&self) -> Option<SocketAddr> {
        self.listen
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let fits = |speed: &f64| (0.1..=100.0).contains(speed);
    text.parse().ok().filter(fits).ok_or_else(|| "write a number from 0.1 to 100, such as --speed 3".to_owned())
}

/// Reads an address of this machine alone: an address with a port, `localhost` with a port, or a port.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost").unwrap_or(text);
    let port = port.strip_prefix(':').unwrap_or(port).parse();
    let local = port.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    let address: SocketAddr = local
        .or_else(|_| text.parse())
        .map_err(|_| "write an address with a port, such as --listen 127.0.0.1:8001".to_owned())?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let port = address.port();
    Err(format!(
        "other machines could reach it, and it asks for no password; write a loopback address: --listen 127.0.0.1:{port}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let seen = loopback(text).map_or_else(|error| error, |address| address.to_string());
        assert!(seen.starts_with(expect), "{text}: {seen}");
    }

    #[test]
    fn an_address_of_this_machine_alone_is_taken() {
        check("127.0.0.1:8001", "127.0.0.1:8001");
        check("127.8.8.8:80", "127.8.8.8:80");
        check("[::1]:8001", "[::1]:8001");
        check("localhost:8001", "127.0.0.1:8001");
        check(":8001", "127.0.0.1:8001");
        check("8001", "127.0.0.1:8001");
        check("0", "127.0.0.1:0");
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        check("0.0.0.0:80", "other machines could reach it");
        check("[::]:80", "other machines could reach it");
        for odd in ["127.0.0.1", "localhost", "", "here", "127.0.0.1:80000", "-1", "::1:80"] {
            check(odd, "write an address with a port");
        }
    }

    #[test]
    fn a_speed_is_a_number_that_makes_sense() {
        assert_eq!((speed("0.1"), speed("3"), speed("100")), (Ok(0.1), Ok(3.0), Ok(100.0)));
        for odd in ["0", "-1", "nan", "inf", "101", "x", ""] {
            assert!(speed(odd).is_err_and(|error| error.starts_with("write a number")), "{odd}");
        }
    }
}
