use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::clock::Clock;
use super::super::metrics::Named;
use super::super::projection::{RolloutRow, VirtualServiceRow};
use super::super::store::Store;
use super::*;

struct World {
    rollouts: Arc<Store<RolloutRow>>,
    routes: Arc<Store<VirtualServiceRow>>,
    pages: Pages,
}

fn world() -> World {
    let clock = Clock::system();
    let (rollouts, routes) = (Store::new(clock.clone()), Store::new(clock.clone()));
    let registry = Registry::new(clock);
    registry.counter(Named::new("things_total", "Things."), &[]).inc(&[]);
    let pages = Pages::new(registry, vec![(rollouts.clone(), true), (routes.clone(), false)]);
    World { rollouts, routes, pages }
}

#[tokio::test(start_paused = true)]
async fn ready_means_that_every_cache_is_filled_or_known_to_be_out_of_reach() {
    let world = world();
    let waiting = ["rollouts.argoproj.io: not listed yet", "virtualservices.networking.istio.io: not listed yet"];
    assert_eq!(world.pages.obstacles(), waiting);
    world.routes.set_unavailable("not served".to_owned());
    world.rollouts.end_list("1");
    assert_eq!(world.pages.obstacles(), Vec::<String>::new());
    tokio::time::advance(STALE_AFTER + Duration::from_secs(1)).await;
    assert_eq!(world.pages.obstacles(), ["rollouts.argoproj.io: nothing heard for 76 s"]);
    world.rollouts.set_unavailable("forbidden".to_owned());
    assert_eq!(world.pages.obstacles(), ["rollouts.argoproj.io: forbidden"]);
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_pages_are_served_until_the_order_to_end() {
    let world = world();
    let listener = listen(Some(Ipv4Addr::LOCALHOST.into()), 0).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Shutdown::new();
    let server = tokio::spawn(serve(listener, world.pages.clone(), stop.clone()));
    let check = async |request: &str, status: &str, body: &str| {
        let answer = ask(address, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(body), "{request}: {answer}");
    };
    check("GET /healthz", "200", "ok").await;
    check("GET /readyz", "503", "not listed yet").await;
    check("GET /metrics", "200", "things_total 1").await;
    check("GET /", "404", "/metrics").await;
    check("POST /metrics", "405", "GET").await;
    stop.give();
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_long_scrape_lets_others_go_between_its_slices() {
    let registry = Registry::new(Clock::system());
    let counter = registry.counter(Named::new("things_total", "Things."), &["name"]);
    for n in 0..10_000 {
        counter.inc(&[&n.to_string()]);
    }
    let turns = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let other = turns.clone();
    let scrape = tokio::spawn(async move { super::scrape(&registry).collect().await.unwrap().to_bytes() });
    let others = tokio::spawn(async move {
        loop {
            other.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            yield_now().await;
        }
    });
    let text = scrape.await.unwrap();
    others.abort();
    assert_eq!(std::str::from_utf8(&text).unwrap().lines().count(), 10_000 + 5);
    let turns = turns.load(std::sync::atomic::Ordering::Relaxed);
    assert!(turns > 10_000 / 64, "{turns} turns of others");
}
