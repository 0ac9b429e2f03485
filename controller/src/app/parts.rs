//! What a controller is made of, and what its flags say.

use std::sync::Arc;

use crate::core::plan::Note;
use crate::core::snapshot::Identity;
use crate::report::GenerationFormat;
use crate::runs::Told;
use crate::runtime::clock::Clock;
use crate::runtime::gate::WriteGate;
use crate::runtime::key::Key;
use crate::runtime::metrics::Registry;
use crate::runtime::outbox::{About, EventNote, Outbox};
use crate::world::Notices;
use serin_analysis::provider::MetricSource;

/// What a controller is made of.
#[derive(Clone)]
pub struct Parts {
    /// The client for watches.
    pub watches: kube::Client,
    /// The client for calls.
    pub calls: kube::Client,
    /// The clock.
    pub clock: Clock,
    /// Who measures.
    pub providers: Arc<dyn MetricSource>,
    /// Where events about Rollouts go.
    pub notices: Notices,
    /// Where events about analyses go.
    pub tell: Arc<dyn Fn(Told) + Send + Sync>,
    /// The gate before every write.
    pub gate: WriteGate,
    /// What the flags say.
    pub settings: Settings,
    /// Where metrics are scraped from.
    pub registry: Registry,
}

impl Parts {
    /// A controller with one client for everything, that tells nobody what it does.
    pub fn new(client: kube::Client, clock: Clock, providers: Arc<dyn MetricSource>, gate: WriteGate) -> Self {
        let registry = Registry::new(clock.clone());
        Self {
            watches: client.clone(),
            calls: client,
            clock,
            providers,
            notices: Arc::new(|_, _| {}),
            tell: Arc::new(|_| {}),
            gate,
            settings: Settings::default(),
            registry,
        }
    }

    /// The same, that tells what it does as events.
    #[must_use]
    pub fn telling(mut self, outbox: Outbox) -> Self {
        let runs = outbox.clone();
        self.notices = Arc::new(move |id: &Identity, note: &Note| {
            let key = Key::new(&id.namespace, &id.name);
            let about = About::ours("Rollout", key, id.uid.as_str());
            outbox.record(EventNote { about, reason: note.reason, message: note.message.clone() });
        });
        self.tell = Arc::new(move |told: Told| {
            let about = About::ours("AnalysisRun", told.run, &*told.uid);
            runs.record(EventNote { about, reason: told.notice.reason, message: told.notice.message });
        });
        self
    }
}

/// What the flags say.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The only namespace that is watched; `None` is all of them.
    pub namespace: Option<String>,
    /// The instance whose objects are ours; empty for those that carry no instance.
    pub instance: String,
    /// Version of Istio's API.
    pub istio_version: String,
    /// How statuses say which generation they are about.
    pub generation_format: GenerationFormat,
    /// How many Rollouts are worked on at once; aborts have places of their own.
    pub threads: usize,
    /// How many metrics are asked for at once, from one address.
    pub queries: usize,
    /// Whether `AnalysisRuns` are carried out and Rollouts are left alone.
    pub only_analyses: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: None,
            instance: String::new(),
            istio_version: "v1alpha3".into(),
            generation_format: GenerationFormat::default(),
            threads: 32,
            queries: 64,
            only_analyses: false,
        }
    }
}
