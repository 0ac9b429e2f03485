use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

struct RolloutHistory {
    traffic: Traffic,
    now: Timestamp,
}

impl RolloutHistory {
    fn new() -> Self {
        let mut traffic = Traffic::new();
        traffic.ask("shop", 100.0);
        Self { traffic, now: Timestamp::UNIX_EPOCH }
    }

    fn write(mut self, resource: &str, name: &str, after: Option<Value>) -> Self {
        self.traffic.see(&WriteRecord {
            at: self.now,
            user: String::new(),
            verb: String::new(),
            key: Key::new(resource, "default", name),
            subresource: None,
            before: None,
            after: after.map(Arc::new),
            code: 200,
        });
        self
    }

    fn service(self, name: &str, selector: &Value) -> Self {
        self.write("services", name, Some(json!({"spec": {"selector": selector}})))
    }

    fn pod(self, name: &str, hash: &str, ready: bool) -> Self {
        let ready = if ready { "True" } else { "False" };
        let labels = json!({"app": "shop", view_hash(): hash});
        let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"image": format!("shop:{hash}")}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        self.write("pods", name, Some(pod))
    }

    fn split(self, routes: &[(&str, &str, i64)]) -> Self {
        let destination = |(host, subset, weight): &(&str, &str, i64)| {
            let mut one = json!({"destination": {"host": host}, "weight": weight});
            if !subset.is_empty() {
                one["destination"]["subset"] = (*subset).into();
            }
            one
        };
        let route: Vec<_> = routes.iter().map(destination).collect();
        self.write("virtualservices", "shop", Some(json!({"spec": {"hosts": ["shop"], "http": [{"route": route}]}})))
    }

    fn two_versions(self) -> Self {
        let hash = |hash: &str| json!({"app": "shop", view_hash(): hash});
        let story = self.service("stable", &hash("v1")).service("canary", &hash("v2"));
        story.pod("a", "v1", true).pod("b", "v1", true).pod("c", "v2", true)
    }

    fn pass(mut self, seconds: i64) -> Self {
        for _ in 0..seconds {
            let to = self.now + SignedDuration::from_secs(1);
            self.traffic.tick(self.now, to);
            self.now = to;
        }
        self
    }

    fn felt(&mut self) -> Interval {
        let mut sum = Interval::default();
        for interval in self.traffic.felt() {
            for (hash, count) in interval.answered {
                *sum.answered.entry(hash).or_default() += count;
            }
            for (why, count) in interval.foreign_5xx {
                *sum.foreign_5xx.entry(why).or_default() += count;
            }
            sum.application_5xx += interval.application_5xx;
        }
        sum
    }
}

fn view_hash() -> &'static str {
    crate::invariants::view::HASH_LABEL
}

#[track_caller]
fn check(mut story: RolloutHistory, answered: &[(&str, u64)], foreign: &[(&str, u64)]) {
    let felt = story.felt();
    let pairs =
        |all: &[(&str, u64)]| all.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<BTreeMap<_, _>>();
    assert_eq!((felt.answered, felt.foreign_5xx), (pairs(answered), pairs(foreign)));
}

#[test]
fn requests_go_where_weights_say() {
    let story = RolloutHistory::new().two_versions().split(&[("stable", "", 80), ("canary", "", 20)]);
    check(story.pass(10), &[("v1", 800), ("v2", 200)], &[]);
}

#[test]
fn without_a_virtual_service_the_service_itself_answers() {
    let story = RolloutHistory::new().two_versions().service("shop", &json!({"app": "shop"}));
    check(story.pass(3), &[("v1", 200), ("v2", 100)], &[]);
}

#[test]
fn a_destination_without_ready_pods_is_not_answered() {
    let story = RolloutHistory::new().two_versions().split(&[("stable", "", 90), ("canary", "", 10)]).pass(1);
    let story = story.pod("c", "v2", false).pass(1);
    check(story, &[("v1", 180), ("v2", 10)], &[("no healthy upstream", 10)]);
}

#[test]
fn a_subset_that_nobody_declares_is_not_answered() {
    let story = RolloutHistory::new().two_versions().split(&[("stable", "", 100)]).pass(1);
    let story = story.split(&[("stable", "stable", 100), ("canary", "canary", 0)]).pass(1);
    check(story, &[("v1", 100)], &[("no such cluster", 100)]);
}

#[test]
fn a_declared_subset_narrows_its_service() {
    let subsets =
        json!([{"name": "canary", "labels": {view_hash(): "v2"}}, {"name": "stable", "labels": {view_hash(): "v1"}}]);
    let story = RolloutHistory::new().two_versions().service("shop", &json!({"app": "shop"}));
    let story = story.write("destinationrules", "shop", Some(json!({"spec": {"host": "shop", "subsets": subsets}})));
    check(story.split(&[("shop", "stable", 50), ("shop", "canary", 50)]).pass(2), &[("v1", 100), ("v2", 100)], &[]);
}

#[test]
fn a_pod_that_has_just_died_costs_no_request_while_another_answers() {
    let story = RolloutHistory::new().two_versions().split(&[("stable", "", 100)]).pass(1);
    check(story.write("pods", "a", None).pass(1), &[("v1", 200)], &[]);
}

#[test]
fn proxies_learn_of_a_write_only_after_the_debounce() {
    let mut story = RolloutHistory::new().two_versions().split(&[("stable", "", 100)]).pass(1);
    story = story.split(&[("canary", "", 100)]);
    let to = story.now + SignedDuration::from_millis(90);
    story.traffic.tick(story.now, to);
    check(story, &[("v1", 109)], &[]);
}

#[test]
fn nothing_counts_before_the_service_has_answered_for_the_first_time() {
    let story = RolloutHistory::new().split(&[("stable", "", 100)]).pass(5);
    check(story.two_versions().pass(2), &[("v1", 200)], &[]);
}

#[derive(Default)]
struct Samples(BTreeMap<String, f64>);

impl Sink for Samples {
    fn append(&mut self, labels: &Labels, _: Timestamp, value: f64) {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.0.insert(labels.join(","), value);
    }

    fn end(&mut self, labels: &Labels, at: Timestamp) {
        self.append(labels, at, f64::NAN);
    }
}

#[test]
fn pods_show_what_they_answered_under_the_demo_services_names() {
    let mut story = RolloutHistory::new();
    story.traffic.behave("shop:v2", Behaviour { error_rate: 0.25, latency_ms: 300, ..Behaviour::default() });
    let mut story = story.two_versions().split(&[("canary", "", 100)]).pass(4);
    let mut samples = Samples::default();
    story.traffic.scrape(story.now, &mut samples);
    let value = |name: &str, extra: &str| {
        let labels = format!("__name__={name},app=shop,{extra}namespace=default,pod=c,rollouts_pod_template_hash=v2,");
        let found = samples.0.iter().find(|(key, _)| key.starts_with(&labels));
        found.map(|(key, value)| (key[labels.len()..].to_owned(), *value))
    };
    assert_eq!(value("http_requests_total", ""), Some(("status=200,version=v2".to_owned(), 300.0)));
    // Proxies count the same errors under a name of their own; here the pods' counter is meant.
    let errors = samples
        .0
        .iter()
        .filter(|(key, value)| key.starts_with("__name__=http_requests_total,") && (**value - 100.0).abs() < 0.5);
    assert_eq!(errors.count(), 1, "100 errors");
    assert_eq!(value("http_request_duration_seconds_bucket", "le=0.1,"), Some(("version=v2".to_owned(), 0.0)));
    assert_eq!(value("http_request_duration_seconds_bucket", "le=0.5,"), Some(("version=v2".to_owned(), 400.0)));
}

#[test]
fn proxies_show_what_each_service_answered_under_istios_names() {
    let story = RolloutHistory::new().two_versions().split(&[("stable", "", 90), ("canary", "", 10)]).pass(1);
    let mut story = story.pod("c", "v2", false).pass(1);
    let mut samples = Samples::default();
    story.traffic.scrape(story.now, &mut samples);
    let count = |service: &str, code: u16| {
        let name = format!("destination_service_name={service},");
        let code = format!("response_code={code}");
        samples.0.iter().find(|(key, _)| key.contains(&name) && key.contains(&code)).map(|(_, value)| *value)
    };
    assert_eq!(count("stable", 200), Some(180.0));
    assert_eq!(count("canary", 200), Some(10.0));
    assert_eq!(count("canary", 503), Some(10.0));
}

#[test]
fn a_pod_that_is_gone_ends_its_series() {
    let mut story = RolloutHistory::new().two_versions().split(&[("canary", "", 100)]).pass(1);
    story.traffic.scrape(story.now, &mut Samples::default());
    let mut story = story.write("pods", "c", None).pass(2);
    let mut samples = Samples::default();
    story.traffic.scrape(story.now, &mut samples);
    let of_pod = samples.0.iter().filter(|(key, _)| key.contains("pod=c"));
    assert!(of_pod.clone().count() > 10, "its series are named once more");
    assert!(of_pod.clone().all(|(_, value)| value.is_nan()), "each of them ends");
}

#[test]
fn proxies_learn_of_a_change_one_after_the_other_and_each_of_what_came_first_first() {
    let mut story = RolloutHistory::new();
    story.traffic.through(&Proxies { count: 10, lag: crate::scenario::Span::seconds(20), seed: 1 });
    let mut story = story.two_versions().split(&[("stable", "", 100)]).pass(30);
    story.felt();
    let mut story = story.split(&[("canary", "", 100)]).pass(5);
    let early = story.felt().answered.get("v2").copied().unwrap_or_default();
    assert!((1..500).contains(&early), "some know it after 5 s, and some don't: {early}");
    let mut story = story.pass(16);
    story.felt();
    check(story.pass(1), &[("v2", 100)], &[]);
}

#[test]
fn a_request_that_finds_nobody_is_avoidable_while_some_pod_answers() {
    let avoidable = |mut story: RolloutHistory| story.traffic.felt().iter().map(|one| one.avoidable).sum::<u64>();
    let story = || RolloutHistory::new().two_versions().split(&[("canary", "", 100)]).pass(1);
    assert_eq!(avoidable(story()), 0);
    assert_eq!(avoidable(story().pod("c", "v2", false).pass(2)), 200);
    let nobody = story().pod("a", "v1", false).pod("b", "v1", false).pod("c", "v2", false);
    assert_eq!(avoidable(nobody.pass(2)), 0);
}
