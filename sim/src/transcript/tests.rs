use jiff::SignedDuration;

use super::*;

fn transcript(lines: &[(i64, Kind, &str)]) -> Transcript {
    let mut transcript = Transcript::new(Timestamp::UNIX_EPOCH);
    for (seconds, kind, text) in lines {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(*seconds);
        transcript.push(Line { at, subject: "shop".to_owned(), kind: *kind, text: (*text).to_owned() });
    }
    transcript
}

fn check(lines: &[(i64, Kind, &str)], expect: &str) {
    assert_eq!(transcript(lines).without_times(), expect);
}

#[test]
fn times_stand_in_a_column_of_their_own() {
    let transcript = transcript(&[(3725, Kind::Raised, "weight 0 -> 20")]);
    assert_eq!(transcript.to_string(), "01:02:05  shop        weight 0 -> 20\n");
    assert_eq!(transcript.without_times(), "shop        weight 0 -> 20\n");
}

#[test]
fn an_abort_reads_the_same_whichever_of_its_writes_comes_first() {
    let verdict = (1, Kind::Verdict, "analysis is Failed");
    let (lowered, aborted) = ((1, Kind::Lowered, "weight 20 -> 0"), (1, Kind::Aborted, "aborted"));
    let expect = "shop        analysis is Failed\nshop        weight 20 -> 0\nshop        aborted\n";
    for lines in [
        [verdict, lowered, aborted],
        [aborted, lowered, verdict],
        [lowered, verdict, aborted],
        [aborted, verdict, lowered],
    ] {
        check(&lines, expect);
    }
}

#[test]
fn a_stopped_analysis_may_end_before_or_after_the_services_lead_back() {
    let stopped = (1, Kind::Verdict, "analysis was stopped");
    let leads = (1, Kind::Leads, "Service canary selects revision 1");
    let expect = "shop        analysis was stopped\nshop        Service canary selects revision 1\n";
    check(&[stopped, leads], expect);
    check(&[leads, stopped], expect);
}

#[test]
fn what_follows_from_something_stays_behind_it() {
    let lines = [(1, Kind::Progress, "step 1/2 done"), (2, Kind::Verdict, "analysis is Failed")];
    check(&lines, "shop        step 1/2 done\nshop        analysis is Failed\n");
}

#[test]
fn a_verdict_is_written_beside_what_follows_from_it_at_once() {
    let (verdict, done) =
        ((5, Kind::Verdict, "analysis is Successful"), (5, Kind::Progress, "step 2/2 done: analysis"));
    let expect = "shop        analysis is Successful\nshop        step 2/2 done: analysis\n";
    check(&[verdict, done], expect);
    check(&[done, verdict], expect);
    let later = (9, Kind::Verdict, "background analysis is Successful");
    check(&[done, later], "shop        step 2/2 done: analysis\nshop        background analysis is Successful\n");
}

#[test]
fn sizes_are_told_once_however_many_turns_they_took() {
    let lines = [
        (1, Kind::Sized, "revision 2: 0 -> 2 pods"),
        (2, Kind::Sized, "revision 1: 10 -> 9 pods"),
        (3, Kind::Sized, "revision 2: 2 -> 4 pods"),
        (4, Kind::Sized, "revision 1: 9 -> 6 pods"),
        (5, Kind::Progress, "step 1/2 done"),
        (6, Kind::Sized, "revision 2: 4 -> 5 pods"),
        (7, Kind::Sized, "revision 2: 5 -> 4 pods"),
    ];
    let expect =
        "shop        revision 1: 10 -> 6 pods\nshop        revision 2: 0 -> 4 pods\nshop        step 1/2 done\n";
    check(&lines, expect);
}
