//! Manifests are checked without a cluster; what is wrong has its place.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use serin_cli::lint::{Level, check};

const WRONG: &str = include_str!("wrong.yaml");

#[test]
fn everything_that_is_wrong_is_found_where_it_stands() {
    let found: Vec<_> = check(&[("wrong.yaml", WRONG)])
        .into_iter()
        .map(|finding| (finding.level == Level::Error, finding.check, finding.line, finding.column))
        .collect();
    let expect = [
        (true, "wrong-type", 19, 3),
        (false, "unknown-pod-field", 25, 7),
        (false, "missing-service", 31, 7),
        (true, "unknown-field", 32, 7),
        (true, "missing-route", 35, 49),
        (true, "invalid-spec", 37, 11),
        (true, "invalid-spec", 38, 19),
        (true, "missing-argument", 40, 26),
        (false, "cannot-fail", 48, 7),
        (false, "divided-by-itself", 53, 11),
        (false, "nothing-measured", 67, 14),
        (false, "weight-below-one-pod", 67, 23),
    ];
    assert_eq!(found, expect);
}

#[test]
fn a_query_is_mended_with_its_arguments_in_place() {
    let findings = check(&[("wrong.yaml", WRONG)]);
    let divided = findings.iter().find(|finding| finding.check == "divided-by-itself").unwrap();
    assert!(
        divided.message.contains(r#"write sum(rate(http_requests_total{hash="{{args.hash}}""#),
        "{}",
        divided.message
    );
}

#[test]
fn files_may_name_what_stands_in_others() {
    let parts: Vec<&str> = WRONG.split("\n---\n").collect();
    let files: Vec<(&str, &str)> = ["a", "b", "c", "d", "e"].into_iter().zip(parts).collect();
    let found = check(&files);
    assert!(found.iter().any(|finding| finding.check == "missing-argument" && finding.file == "c"), "{found:?}");
    assert_eq!(found.len(), 12);
}

/// Runs `serin lint` with these arguments; its exit code and what it prints.
fn lint(arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut serin = Command::new(env!("CARGO_BIN_EXE_serin"));
    serin.arg("lint").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = serin.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_exit_code_says_how_it_went() {
    let good = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\n";
    assert_eq!(lint(&["-f", "-"], good), (Some(0), "0 errors, 0 warnings\n".to_owned(), String::new()));
    let (code, said, _) = lint(&["-f", "-"], WRONG);
    assert_eq!(code, Some(1));
    assert!(said.ends_with("6 errors, 6 warnings\n"), "{said}");
    let part = "  --> -:37:11 (Rollout shop)\n   |\n37 |         - setWeight: 120\n   |           ^\n";
    assert!(said.contains(part), "{said}");
    let (code, _, said) = lint(&["-f", "no-such-file.yaml"], "");
    assert_eq!(code, Some(2));
    assert!(said.starts_with("serin: can't read no-such-file.yaml: "), "{said}");
    let (code, said, _) = lint(&["-f", "-"], "kind: {a: 1\n");
    assert_eq!(code, Some(1));
    assert!(said.starts_with("error: "), "{said}");
}

#[test]
fn tools_read_it_too() {
    let read = |format: &str| lint(&["-f", "-", "--format", format], WRONG).1;
    let json: Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(json[5]["line"], 37);
    assert_eq!(json[5]["path"], "spec.strategy.canary.steps[0].setWeight");
    let sarif: Value = serde_json::from_str(&read("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][5]["locations"][0]["physicalLocation"]["region"]["startLine"], 37);
    let said = read("github");
    assert!(said.contains(
        "::error file=-,line=37,col=11::spec.strategy.canary.steps[0].setWeight is 120; it must be 0 to 100\n"
    ));
}

#[test]
fn the_examples_of_the_repository_are_clean() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/scenarios/base");
    let (code, said, _) = lint(&["-f", base.to_str().unwrap()], "");
    assert_eq!((code, said.as_str()), (Some(0), "0 errors, 0 warnings\n"));
}
