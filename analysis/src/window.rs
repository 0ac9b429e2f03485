//! Says which stretch of time a metric looks at, for people: `5m`.

use std::time::Duration;

use promql_parser::parser::Expr;
use promql_parser::util::display_duration;
use serin_crds::analysis::Metric;

use crate::provider::promql;

/// The stretch of time that a Prometheus metric looks back over; none if it looks at an instant, or its query cannot be
/// read here.
///
/// The longest range of the query counts.
pub fn of(metric: &Metric) -> Option<String> {
    let prometheus = metric.provider.prometheus.as_ref()?;
    if let Some(range) = &prometheus.range_query {
        let (start, end) = (range.start.as_deref()?, range.end.as_deref().unwrap_or("now()"));
        return Some(format!("{start} to {end}"));
    }
    let query = promql::parse(prometheus.query.as_deref()?).ok()?;
    longest(&query).map(|range| display_duration(&range))
}

/// The longest range in an expression.
fn longest(expr: &Expr) -> Option<Duration> {
    match expr {
        Expr::MatrixSelector(matrix) => Some(matrix.range),
        Expr::Subquery(subquery) => longest(&subquery.expr).max(Some(subquery.range)),
        Expr::Paren(paren) => longest(&paren.expr),
        Expr::Unary(unary) => longest(&unary.expr),
        Expr::Aggregate(aggregate) => longest(&aggregate.expr).max(aggregate.param.as_deref().and_then(longest)),
        Expr::Binary(binary) => longest(&binary.lhs).max(longest(&binary.rhs)),
        Expr::Call(call) => call.args.args.iter().filter_map(|arg| longest(arg)).max(),
        Expr::VectorSelector(_) | Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => None,
    }
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
        check(&json!({"query": "a{p=\"x[7d]\\\"[8d]\", q='[9d]', r=`[6d]`} # [10d]\n / rate(b[2m])"}), Some("2m"));
        // More than the parser reads.
        check(&json!({"query": "a{r=`[6d]\\`} / rate(b[2m])"}), None);
        check(&json!({"query": "a{p=\"[7d]"}), None);
        check(&json!({"query": "rate(a{p=\"{{args.app}}\"}[2m])"}), Some("2m"));
    }

    #[test]
    fn hostile_queries_have_no_window() {
        for query in ["[", "[]", "[:]", "[1e400]", "[inf]", "[-5m]", "[5]", "[m]", "[é]", "\\", "'\\"] {
            check(&json!({"query": query}), None);
        }
        check(&json!({"query": "a[99999999999999999999d] b[18446744073709551615y]"}), None);
    }

    #[test]
    fn a_range_query_tells_its_ends() {
        let range = json!({"start": "now() - duration(\"1h\")", "step": "1m"});
        check(&json!({"query": "up", "rangeQuery": range}), Some("now() - duration(\"1h\") to now()"));
    }
}
