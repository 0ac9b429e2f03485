//! Functions.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Call, Expr};

use super::{Element, Evaluator, Value, histogram, unique};
use crate::prometheus::error::QueryError;
use crate::prometheus::labels::{Labels, NAME};

impl Evaluator<'_> {
    pub(super) fn call(self, call: &Call) -> Result<Value, QueryError> {
        let name = call.func.name;
        let args: Vec<&Expr> = call.args.args.iter().map(|arg| &**arg).collect();
        if let Some(value) = self.over_time(name, args.first().copied()) {
            return value;
        }
        match (name, args.as_slice()) {
            ("time", []) => Ok(Value::Scalar(self.seconds())),
            ("vector", [arg]) => {
                self.scalar(arg).map(|value| Value::Vector(vec![Element { labels: Labels::default(), value }]))
            }
            ("scalar", [arg]) => Ok(Value::Scalar(match self.vector(arg)?.as_slice() {
                [only] => only.value,
                _ => f64::NAN,
            })),
            ("absent", [arg]) => self.absent(arg),
            ("histogram_quantile", [quantile, arg]) => {
                let quantile = self.scalar(quantile)?;
                unique(histogram::quantiles(quantile, self.vector(arg)?)).map(Value::Vector)
            }
            ("sort", [arg]) => self.sorted(arg, 1.0),
            ("sort_desc", [arg]) => self.sorted(arg, -1.0),
            ("timestamp", [arg]) => {
                let at = self.seconds();
                self.each(arg, move |_| at)
            }
            _ => self.call_on_elements(name, &args),
        }
    }

    /// Functions that change each element by itself.
    fn call_on_elements(self, name: &str, args: &[&Expr]) -> Result<Value, QueryError> {
        let simple: Option<fn(f64) -> f64> = match name {
            "abs" => Some(f64::abs),
            "ceil" => Some(f64::ceil),
            "floor" => Some(f64::floor),
            "exp" => Some(f64::exp),
            "ln" => Some(f64::ln),
            "log2" => Some(f64::log2),
            "log10" => Some(f64::log10),
            "sqrt" => Some(f64::sqrt),
            "sgn" => Some(|v| if v == 0.0 || v.is_nan() { v } else { v.signum() }),
            _ => None,
        };
        match (name, args, simple) {
            (_, [arg], Some(function)) => self.each(arg, function),
            ("round", [arg], _) => self.each(arg, |v| (v + 0.5).floor()),
            ("round", [arg, nearest], _) => {
                // As Prometheus does: with the inverse, so that 0.1 and the like come out clean.
                let inverse = 1.0 / self.scalar(nearest)?;
                self.each(arg, move |v| (v * inverse + 0.5).floor() / inverse)
            }
            ("clamp", [arg, low, high], _) => {
                let (low, high) = (self.scalar(low)?, self.scalar(high)?);
                if low > high {
                    return Ok(Value::Vector(Vec::new()));
                }
                self.each(arg, move |v| at_most(at_least(v, low), high))
            }
            ("clamp_min", [arg, low], _) => {
                let low = self.scalar(low)?;
                self.each(arg, move |v| at_least(v, low))
            }
            ("clamp_max", [arg, high], _) => {
                let high = self.scalar(high)?;
                self.each(arg, move |v| at_most(v, high))
            }
            _ => Err(QueryError::unsupported(&format!("the function {name} with {} arguments", args.len()))),
        }
    }

    fn each(self, arg: &Expr, function: impl Fn(f64) -> f64) -> Result<Value, QueryError> {
        let elements = self.vector(arg)?.into_iter();
        unique(elements.map(|e| Element { labels: e.labels.nameless(), value: function(e.value) }).collect())
            .map(Value::Vector)
    }

    fn sorted(self, arg: &Expr, direction: f64) -> Result<Value, QueryError> {
        let mut elements = self.vector(arg)?;
        // NaN comes last in either direction.
        elements.sort_by(|a, b| match (a.value.is_nan(), b.value.is_nan()) {
            (false, false) => (direction * a.value).total_cmp(&(direction * b.value)),
            (a, b) => a.cmp(&b),
        });
        Ok(Value::Vector(elements))
    }

    /// 1 if there is nothing, with the labels that the selector fixes.
    fn absent(self, arg: &Expr) -> Result<Value, QueryError> {
        if !self.vector(arg)?.is_empty() {
            return Ok(Value::Vector(Vec::new()));
        }
        let mut labels = Labels::default();
        if let Expr::VectorSelector(selector) = arg {
            let matchers = &selector.matchers.matchers;
            let times = |name: &str| matchers.iter().filter(|matcher| matcher.name == name).count();
            for Matcher { op, name, value } in matchers {
                if *op == MatchOp::Equal && name != NAME && times(name) == 1 {
                    labels.set(name, value);
                }
            }
        }
        Ok(Value::Vector(vec![Element { labels, value: 1.0 }]))
    }

    /// The instant in seconds.
    #[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 are below 2^52")]
    fn seconds(self) -> f64 {
        self.at as f64 / 1000.0
    }
}

fn at_least(value: f64, low: f64) -> f64 {
    if value.is_nan() || low.is_nan() { f64::NAN } else { value.max(low) }
}

fn at_most(value: f64, high: f64) -> f64 {
    if value.is_nan() || high.is_nan() { f64::NAN } else { value.min(high) }
}
