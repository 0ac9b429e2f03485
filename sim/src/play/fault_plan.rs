//! The faults of a scenario, counted and timed: what happens to each call of the controller.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::{
    scenario::{CallFault, Outcome, plural},
    server::faults::{Call, Fault},
};

/// How many calls the controller may make at one instant. In virtual time a loop that waits for nothing would go on for
/// ever without any time passing.
const MOST_AT_ONCE: u64 = 500;

/// How long a call waits that comes beyond that.
const BRAKE: std::time::Duration = std::time::Duration::from_secs(1);

/// Decides call by call what goes wrong for the controller; all copies count together.
#[derive(Clone)]
pub struct FaultPlan {
    shared: Arc<Shared>,
}

struct Shared {
    /// The user whose calls are counted.
    user: String,
    armed: Mutex<Vec<Armed>>,
    /// The line of the controller that runs now.
    line: Mutex<Arc<AtomicBool>>,
    crashes: mpsc::UnboundedSender<()>,
    /// The present instant, and how many calls were made at it.
    instant: Mutex<(Timestamp, u64)>,
    /// What was asked, in order.
    asked: Mutex<Vec<Asked>>,
}

/// A call that the controller made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// When.
    pub at: Timestamp,
    /// What it did, like `patch`.
    pub verb: &'static str,
    /// The plural, like `rollouts`.
    pub resource: String,
    /// The subresource; empty for the object itself.
    pub subresource: String,
}

/// A fault that was set.
struct Armed {
    fault: CallFault,
    /// The plural of its kind.
    resource: Option<String>,
    /// When it ends.
    end: Option<Timestamp>,
    /// How many of its calls came by now.
    seen: u64,
}

impl fmt::Debug for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultPlan").field("user", &self.shared.user).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded here is plain data that every writer leaves whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FaultPlan {
    /// Makes a plan without faults for the calls of one user; the receiver is told of each crash.
    pub fn new(user: &str) -> (Self, mpsc::UnboundedReceiver<()>) {
        let (crashes, told) = mpsc::unbounded_channel();
        let shared = Shared {
            user: user.to_owned(),
            armed: Mutex::default(),
            line: Mutex::default(),
            crashes,
            instant: Mutex::default(),
            asked: Mutex::default(),
        };
        (Self { shared: Arc::new(shared) }, told)
    }

    /// Sets a fault from now on.
    pub fn arm(&self, now: Timestamp, fault: CallFault) {
        let resource = fault.kind.as_deref().map(plural);
        let end = fault.span.map(|span| now + span.signed());
        locked(&self.shared.armed).push(Armed { fault, resource, end, seen: 0 });
    }

    /// The calls of the controller so far, in the order in which faults count them.
    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.shared.asked).clone()
    }

    /// A crash cuts this line from now on.
    pub fn attach(&self, line: Arc<AtomicBool>) {
        *locked(&self.shared.line) = line;
    }

    /// Decides what happens to a call. Every fault counts; the first one that is due happens.
    pub fn decide(&self, call: &Call) -> Fault {
        if call.user != self.shared.user {
            return Fault::None;
        }
        let (resource, subresource) = (call.resource.clone(), call.subresource.clone());
        locked(&self.shared.asked).push(Asked { at: call.at, verb: call.verb.word(), resource, subresource });
        let mut due = None;
        for armed in locked(&self.shared.armed).iter_mut() {
            let hits = armed.counts(call);
            due = due.or(hits.then_some(armed.fault.what));
        }
        let hurried = self.hurried(call.at);
        match due {
            None if hurried => Fault::Delay(BRAKE),
            None => Fault::None,
            Some(Outcome::CrashBefore) => self.crash(Fault::Hang),
            Some(Outcome::CrashAfter) => self.crash(Fault::HangAfter),
            Some(Outcome::Rival) => Fault::Rival,
            Some(Outcome::Busy(seconds)) => Fault::Busy(seconds),
            Some(Outcome::Refused(code)) => Fault::Before(code),
            Some(Outcome::Committed(code)) => Fault::After(code),
            Some(Outcome::Hang) => Fault::Hang,
            Some(Outcome::HangAfter) => Fault::HangAfter,
            Some(Outcome::Delay(span)) => Fault::Delay(span.duration()),
            Some(Outcome::Reset) => Fault::Drop,
            Some(Outcome::ResetAfter) => Fault::DropAfter,
            Some(Outcome::Truncated) => Fault::Truncate,
        }
    }

    /// Counts the calls of an instant, and says whether there are too many.
    fn hurried(&self, at: Timestamp) -> bool {
        let mut instant = locked(&self.shared.instant);
        if instant.0 != at {
            *instant = (at, 0);
        }
        instant.1 += 1;
        instant.1 > MOST_AT_ONCE
    }

    fn crash(&self, last: Fault) -> Fault {
        locked(&self.shared.line).store(true, Ordering::SeqCst);
        // Nobody starts another when the world is over.
        let _ = self.shared.crashes.send(());
        last
    }
}

impl Armed {
    /// Counts a call, and says whether it goes wrong.
    fn counts(&mut self, call: &Call) -> bool {
        let fault = &self.fault;
        let meant = (fault.verbs.is_empty() || fault.verbs.iter().any(|verb| verb == call.verb.word()))
            && self.resource.as_ref().is_none_or(|resource| *resource == call.resource)
            && fault.subresource.as_ref().is_none_or(|subresource| *subresource == call.subresource);
        if !meant || self.end.is_some_and(|end| call.at >= end) {
            return false;
        }
        self.seen += 1;
        self.seen >= fault.nth && fault.times.is_none_or(|times| self.seen < fault.nth + times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{scenario::Span, server::journal::Verb};

    fn call(seconds: i64, user: &str, verb: Verb, resource: &str) -> Call {
        Call {
            index: 0,
            at: Timestamp::from_second(seconds).unwrap(),
            version: 0,
            user: user.to_owned(),
            verb,
            resource: resource.to_owned(),
            subresource: String::new(),
            namespace: "default".to_owned(),
            name: "shop".to_owned(),
        }
    }

    fn check(fault: CallFault, calls: &[(i64, &str, Verb, &str)], expect: &[Fault]) {
        let (plan, _told) = FaultPlan::new("us");
        plan.arm(Timestamp::UNIX_EPOCH, fault);
        let seen: Vec<_> =
            calls.iter().map(|(at, user, verb, resource)| plan.decide(&call(*at, user, *verb, resource))).collect();
        assert_eq!(seen, expect);
    }

    #[test]
    fn the_second_call_goes_wrong_and_calls_of_others_do_not_count() {
        let get = |user| (0, user, Verb::Get, "rollouts");
        let none = Fault::None;
        let calls = [get("us"), get("person"), get("us"), get("us")];
        check(CallFault::at(2, Outcome::Refused(500)), &calls, &[none, none, Fault::Before(500), none]);
    }

    #[test]
    fn only_what_is_meant_goes_wrong_and_only_for_its_time() {
        let fault = CallFault {
            verbs: vec!["patch".to_owned()],
            kind: Some("VirtualService".to_owned()),
            times: None,
            span: Some(Span::seconds(10)),
            ..CallFault::at(1, Outcome::Hang)
        };
        let calls = [
            (0, "us", Verb::Patch, "virtualservices"),
            (1, "us", Verb::Get, "virtualservices"),
            (2, "us", Verb::Patch, "services"),
            (3, "us", Verb::Patch, "virtualservices"),
            (10, "us", Verb::Patch, "virtualservices"),
        ];
        check(fault, &calls, &[Fault::Hang, Fault::None, Fault::None, Fault::Hang, Fault::None]);
    }

    #[test]
    fn a_crash_cuts_the_line_of_the_one_who_called_and_is_told() {
        let (plan, mut told) = FaultPlan::new("us");
        let line = Arc::new(AtomicBool::new(false));
        plan.attach(Arc::clone(&line));
        plan.arm(Timestamp::UNIX_EPOCH, CallFault::at(1, Outcome::CrashAfter));
        assert_eq!(plan.decide(&call(0, "us", Verb::Get, "rollouts")), Fault::HangAfter);
        assert!(line.load(Ordering::SeqCst) && told.try_recv().is_ok());
    }
}
