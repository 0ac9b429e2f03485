//! Says which stretch of time a metric looks at, for people: `5m`.

use serin_crds::analysis::Metric;

/// The stretch of time that a Prometheus metric looks back over, as its query writes it; none if it looks at an instant.
///
/// The longest range of the query counts. The query is scanned, not parsed: any text gives an answer.
pub fn of(metric: &Metric) -> Option<String> {
    let prometheus = metric.provider.prometheus.as_ref()?;
    if let Some(range) = &prometheus.range_query {
        let (start, end) = (range.start.as_deref()?, range.end.as_deref().unwrap_or("now()"));
        return Some(format!("{start} to {end}"));
    }
    let ranges = ranges(prometheus.query.as_deref()?);
    ranges.into_iter().max_by_key(|range| milliseconds(range)).map(str::to_owned)
}

/// The texts between `[` and `]` or `:`, outside of strings and comments, that are durations.
fn ranges(query: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(at) = rest.find(['"', '\'', '`', '#', '[']) {
        let (_, tail) = rest.split_at(at);
        let mut chars = tail.chars();
        let opening = chars.next();
        let after = chars.as_str();
        rest = match opening {
            Some('#') => after.split_once('\n').map_or("", |(_, next_line)| next_line),
            Some('[') => {
                let end = after.find([']', ':']).unwrap_or(after.len());
                let (inside, next) = after.split_at(end);
                let inside = inside.trim();
                if milliseconds(inside) > 0 {
                    found.push(inside);
                }
                next
            }
            Some(quote) => after_string(after, quote),
            None => "",
        };
    }
    found
}

/// What follows a string whose opening quote has been read.
fn after_string(text: &str, quote: char) -> &str {
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        if next == '\\' && quote != '`' {
            chars.next();
        } else if next == quote {
            break;
        }
    }
    chars.as_str()
}

/// The length of a Prometheus duration such as `1h30m`; 0 if it is none.
fn milliseconds(text: &str) -> u64 {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let scale = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60 * 1000,
            "h" => 3600 * 1000,
            "d" => 24 * 3600 * 1000,
            "w" => 7 * 24 * 3600 * 1000,
            "y" => 365 * 24 * 3600 * 1000,
            _ => return 0,
        };
        let Ok(number) = number.parse::<u64>() else {
            return 0;
        };
        total = total.saturating_add(number.saturating_mul(scale));
        rest = tail;
    }
    total
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(prometheus: &serde_json::Value, expect: Option<&str>) {
        let metric = json!({"name": "m", "provider": {"prometheus": prometheus}});
        let metric: Metric = serde_json::from_value(metric).unwrap();
        assert_eq!(of(&metric).as_deref(), expect, "{prometheus}");
    }

    #[test]
    fn the_longest_range_of_a_query_is_its_window() {
        check(&json!({"query": "rate(a[5m]) / rate(b[90s])"}), Some("5m"));
        check(&json!({"query": "max_over_time(rate(a[1m])[1h30m:10s])"}), Some("1h30m"));
        check(&json!({"query": "rate(a[ 30s ] offset 1d)"}), Some("30s"));
        check(&json!({"query": "up"}), None);
        check(&json!({}), None);
    }

    #[test]
    fn strings_and_comments_hold_no_ranges() {
        check(&json!({"query": "a{p=\"x[7d]\\\"[8d]\", q='[9d]', r=`[6d]\\`} # [10d]\n / rate(b[2m])"}), Some("2m"));
        check(&json!({"query": "a{p=\"[7d]"}), None);
    }

    #[test]
    fn hostile_queries_have_no_window() {
        for query in ["[", "[]", "[:]", "[1e400]", "[inf]", "[-5m]", "[5]", "[m]", "[é]", "\\", "'\\"] {
            check(&json!({"query": query}), None);
        }
        check(&json!({"query": "a[99999999999999999999d] b[18446744073709551615y]"}), Some("18446744073709551615y"));
    }

    #[test]
    fn a_range_query_tells_its_ends() {
        let range = json!({"start": "now() - duration(\"1h\")", "step": "1m"});
        check(&json!({"query": "up", "rangeQuery": range}), Some("now() - duration(\"1h\") to now()"));
    }
}
