//! Metric providers: who is asked for a value, and what may come back.
//!
//! A provider turns the settings of one metric into a [`crate::sample::Sample`]. It reads the network through
//! [`Fetch`] and nothing else: no clock, no environment, no files. Deadlines and limits hold whatever the other side
//! answers.

mod choice;
pub mod egress;
mod exchange;
pub mod fetch;
pub mod http;
mod login;
pub mod prometheus;
pub mod promql;
mod providers;
mod quote;
mod seam;
#[cfg(test)]
mod testserver;
mod web;

pub use choice::{Choice, supported};
pub use egress::{Egress, EgressRule};
pub use fetch::{Fetch, FetchError, FetchRequest, FetchResponse};
pub use http::{HttpFetch, HttpOptions, Proxies};
pub use login::{AwsCredentials, AwsEnvironment, WebIdentity};
pub use prometheus::Prometheus;
pub use providers::Providers;
pub use seam::{Begun, MetricSource, Progress, Question, RunName};
