//! A line to the API server that can be cut: what a process that was killed had under way is never answered.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tower::Service;

/// A service behind a line that can be cut.
#[derive(Debug, Clone)]
pub struct Severed<S> {
    inner: S,
    cut: Arc<AtomicBool>,
}

impl<S> Severed<S> {
    /// Puts a line before a service; it is cut when `cut` is set.
    pub const fn new(inner: S, cut: Arc<AtomicBool>) -> Self {
        Self { inner, cut }
    }
}

impl<S, R> Service<R> for Severed<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        if self.cut.load(Ordering::Relaxed) {
            return Box::pin(pending());
        }
        let cut = Arc::clone(&self.cut);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            if cut.load(Ordering::Relaxed) {
                return pending().await;
            }
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use tower::service_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_comes_through_a_line_that_was_cut() {
        let cut = Arc::new(AtomicBool::new(false));
        let mut line = Severed::new(service_fn(async |asked: u8| Ok::<_, ()>(asked)), Arc::clone(&cut));
        assert_eq!(line.call(7).await, Ok(7));
        let under_way = line.call(8);
        cut.store(true, Ordering::Relaxed);
        let limit = std::time::Duration::from_secs(3600);
        assert!(tokio::time::timeout(limit, under_way).await.is_err(), "what was under way is never answered");
        assert!(tokio::time::timeout(limit, line.call(9)).await.is_err(), "and nothing new either");
    }
}
