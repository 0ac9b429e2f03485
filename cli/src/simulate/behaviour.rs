//! How versions behave, as the command line says it.

use serin_sim::scenario::{Behaviour, Span};

/// Whose behaviour it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The version that is released.
    Canary,
    /// The version that runs before.
    Stable,
}

/// How one version behaves; what is not named is as usual.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaves {
    /// Which one.
    pub who: Who,
    /// The share of requests answered with an error, 0 to 1.
    errors: Option<f64>,
    /// The time of an answer.
    latency: Option<Span>,
    /// The time until a pod is ready.
    start: Option<Span>,
    never_ready: bool,
}

impl Behaves {
    /// Says it of the pods of an image.
    pub fn apply(&self, behaviour: &mut Behaviour) {
        if let Some(errors) = self.errors {
            behaviour.error_rate = errors;
        }
        if let Some(latency) = self.latency {
            behaviour.latency_ms = u32::try_from(latency.duration().as_millis()).unwrap_or(u32::MAX);
        }
        if let Some(start) = self.start {
            behaviour.ready_after = start;
        }
        behaviour.never_ready |= self.never_ready;
    }
}

/// Reads `errors=8%,latency=900ms@canary`.
pub fn parse(text: &str) -> Result<Behaves, String> {
    let (parts, who) = match text.rsplit_once('@') {
        None | Some((_, "canary")) => (text.strip_suffix("@canary").unwrap_or(text), Who::Canary),
        Some((parts, "stable")) => (parts, Who::Stable),
        Some((_, other)) => return Err(format!("{other:?} is neither canary nor stable; write @canary or @stable")),
    };
    let mut behaves = Behaves { who, errors: None, latency: None, start: None, never_ready: false };
    for part in parts.split(',') {
        match part.split_once('=') {
            Some(("errors", value)) => behaves.errors = Some(share(value)?),
            Some(("latency", value)) => behaves.latency = Some(span(value)?),
            Some(("start", value)) => behaves.start = Some(span(value)?),
            None if part == "never-ready" => behaves.never_ready = true,
            _ => {
                return Err(format!(
                    "{part:?} is no behaviour; write errors=8%, latency=900ms, start=20s or never-ready"
                ));
            }
        }
    }
    Ok(behaves)
}

/// Reads `8%` or `0.08`.
fn share(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.parse::<f64>().ok();
    let read =
        text.strip_suffix('%').map_or_else(|| number(text), |percent| number(percent).map(|value| value / 100.0));
    read.filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("{text:?} is no share; write a percentage such as 8%, or a number from 0 to 1"))
}

fn span(text: &str) -> Result<Span, String> {
    text.parse().map_err(|error: serin_sim::scenario::SpanError| error.to_string())
}

/// Reads `200rps` or `200`.
pub fn rate(text: &str) -> Result<f64, String> {
    let read = text.strip_suffix("rps").unwrap_or(text).parse::<f64>().ok();
    read.filter(|rate| (0.0..=100_000.0).contains(rate))
        .ok_or_else(|| format!("{text:?} is no rate; write requests per second from 0 to 100000, such as 200rps"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, who: Who, expect: &Behaviour) {
        let behaves = parse(text).unwrap();
        let mut seen = Behaviour::default();
        behaves.apply(&mut seen);
        assert_eq!((behaves.who, &seen), (who, expect), "{text}");
    }

    #[test]
    fn a_behaviour_has_parts_and_a_version() {
        let usual = Behaviour::default();
        let bad = Behaviour { error_rate: 0.08, latency_ms: 900, ..usual.clone() };
        check("errors=8%,latency=900ms@canary", Who::Canary, &bad);
        check("errors=0.08,latency=900ms", Who::Canary, &bad);
        check("start=20s@stable", Who::Stable, &Behaviour { ready_after: Span::seconds(20), ..usual.clone() });
        check("never-ready", Who::Canary, &Behaviour { never_ready: true, ..usual });
    }

    #[test]
    fn what_is_no_behaviour_is_refused_with_what_to_write() {
        for (text, part) in [
            ("errors=8", "0 to 1"),
            ("errors=120%", "percentage"),
            ("latency=9", "30s"),
            ("slow", "errors=8%"),
            ("errors=8%@blue", "@canary or @stable"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
        assert!(rate("200rps").is_ok() && rate("5").is_ok());
        assert!(rate("-1").is_err() && rate("fast").unwrap_err().contains("200rps"));
    }
}
