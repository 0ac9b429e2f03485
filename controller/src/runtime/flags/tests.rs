use super::*;

fn read(flags: &[&str]) -> Result<(Flags, Vec<String>), String> {
    let from = ["serin-controller"].iter().chain(flags).map(|flag| (*flag).to_owned());
    Flags::read(from).map_err(|error| error.to_string())
}

fn flags(given: &[&str]) -> Flags {
    read(given).unwrap().0
}

#[test]
fn without_flags_the_defaults_are_argos() {
    let (flags, warnings) = read(&[]).unwrap();
    assert_eq!((flags.listen.metrics_port, flags.listen.healthz_port), (8090, 8080));
    assert!(!flags.scope.namespaced && flags.election.leader_elect && warnings.is_empty());
    assert_eq!(flags.scope.istio_api_version, "v1alpha3");
    let election = flags.election("argo-rollouts", "me".to_owned());
    assert_eq!(election.name, "argo-rollouts-controller-lock");
    let seconds = [election.duration, election.renew_deadline, election.retry_period].map(|time| time.as_secs());
    assert_eq!(seconds, [15, 10, 2]);
    assert_eq!((flags.logging.loglevel.as_str(), flags.logging.logformat), ("info", Format::Text));
}

#[test]
fn every_flag_of_argo_is_taken_with_its_default() {
    for flag in names::FLAGS.iter().filter(|flag| !flag.default.is_empty()) {
        let given = format!("--{}={}", flag.name, flag.default);
        assert!(read(&[&given]).is_ok(), "{given}: {:?}", read(&[&given]).err());
    }
}

#[test]
fn flags_without_a_meaning_are_taken_and_said_once() {
    let given = ["--qps", "100", "--qps=200", "--aws-verify-target-group", "--rollout-resync=60", "--namespaced"];
    let (flags, warnings) = read(&given).unwrap();
    assert!(flags.scope.namespaced);
    assert_eq!(warnings.len(), 3);
    assert!(
        warnings.contains(&"--rollout-resync has no effect: nothing is looked at again without a reason".to_owned())
    );
}

#[test]
fn truths_and_durations_are_read_as_go_reads_them() {
    assert!(!flags(&["--leader-elect=false"]).election.leader_elect);
    assert!(flags(&["--leader-elect"]).election.leader_elect);
    assert!(flags(&["--namespaced=T"]).scope.namespaced);
    let time = |text: &str| flags(&["--leader-election-lease-duration", text]).election.lease_duration;
    assert_eq!(time("1m30s"), Duration::from_secs(90));
    assert_eq!(time("20500ms"), Duration::from_millis(20_500));
    assert_eq!(time("2 minutes"), Duration::from_secs(120));
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_to_write() {
    let check = |given: &[&str], expect: &str| {
        let error = read(given).unwrap_err();
        assert!(error.contains(expect), "{error}");
    };
    check(&["--metricPort=1"], "--metricPort");
    check(&["--metricsPort=70000"], "a port is a number from 0 to 65535");
    check(&["--leader-election-retry-period=fast"], "write it as 15s, 1m30s or 500ms");
    check(&["--leader-elect=maybe"], "write true or false");
    check(&["--rollout-threads=0"], "0");
    check(&["--controllers=service"], "analysis");
    check(&["--logformat=xml"], "text");
    check(&["--loglevel=loud"], "loud");
    check(&["--metric-allow=http://"], "[scheme://]host[:port]");
    check(&["--leader-election-renew-deadline=15s"], "must be shorter than --leader-election-lease-duration");
    check(&["--leader-election-retry-period=10s"], "longer than --leader-election-retry-period");
}

#[test]
fn the_own_namespace_is_found_in_argos_order() {
    let check = |given: &[&str], environment: Option<&str>, client: &str, expect: &str| {
        assert_eq!(flags(given).own_namespace(environment.map(str::to_owned), client), expect);
    };
    check(&["-n", "one"], Some("two"), "three", "one");
    check(&[], Some("two"), "three", "two");
    check(&[], None, "three", "three");
    check(&[], Some(""), "default", "argo-rollouts");
}

#[test]
fn the_configured_prometheus_is_always_allowed() {
    let flags = flags(&["--allow-metric-host=*.example.com,http://10.0.0.1:80", "--metric-allow-only"]);
    let egress = flags.egress(Some("http://user:secret@prometheus:9090/prefix"));
    assert!(egress.only_listed);
    assert_eq!(egress.listed.len(), 3);
    assert!(egress.listed.contains(&"http://prometheus:9090".parse().unwrap()));
}

#[test]
fn help_says_what_the_program_is_and_shows_no_flag_without_a_meaning() {
    let help = read(&["--help"]).unwrap_err();
    assert!(help.starts_with("Progressive delivery for Kubernetes"), "{help}");
    assert!(help.contains("--metricsPort") && !help.contains("--qps"), "{help}");
}
