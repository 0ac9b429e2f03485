//! All providers that can be asked, behind one seam.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use jiff::Timestamp;
use serin_crds::analysis::Metric;

use super::prometheus::{EmptyAnswer, PrometheusOptions};
use super::web::{self, Web};
use super::{Choice, Fetch, MetricSource, Progress, Prometheus, Question};
use crate::judge;
use crate::sample::{Sample, SampleError};

/// All providers that can be asked.
///
/// To add one: its file, its arm in [`Choice`], and an arm in each `match` here.
pub struct Providers {
    prometheus: Prometheus,
    web: Web,
}

impl Providers {
    /// Providers that ask through `fetch`.
    pub fn new(fetch: Arc<dyn Fetch>, options: PrometheusOptions) -> Self {
        let web = Web::new(fetch.clone(), options.aws.clone());
        Self { prometheus: Prometheus::new(fetch, options), web }
    }

    async fn sample(&self, metric: &Metric, at: Timestamp) -> Sample {
        let refused = |why: String| Sample::failed(SampleError::Setup(why));
        match Choice::of(&metric.provider) {
            Some(Choice::Prometheus(settings)) => self.prometheus.sample(settings, at, empty_answer(metric, at)).await,
            Some(Choice::Web(settings)) => self.web.sample(settings, at).await,
            Some(Choice::Unsupported(name)) => refused(format!("the metric provider {name} is not supported")),
            None => refused("no provider specified".to_owned()),
        }
    }
}

impl MetricSource for Providers {
    fn endpoint(&self, metric: &Metric) -> String {
        match Choice::of(&metric.provider) {
            Some(Choice::Prometheus(settings)) => settings.address.clone().unwrap_or_default(),
            Some(Choice::Web(settings)) => web::endpoint(settings),
            Some(Choice::Unsupported(_)) | None => String::new(),
        }
    }

    fn start<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Progress> {
        async move { Progress::Finished(self.sample(question.metric, question.at).await) }.boxed()
    }
}

/// What an answer without any number means to a metric, as far as its conditions say.
fn empty_answer(metric: &Metric, at: Timestamp) -> EmptyAnswer {
    match (judge::judges_emptiness(metric, at), judge::judges_nan(metric, at)) {
        (true, _) => EmptyAnswer::Keep,
        (false, true) => EmptyAnswer::AskDenominator,
        (false, false) => EmptyAnswer::AskForNaNToo,
    }
}
