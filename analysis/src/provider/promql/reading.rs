//! One look at a query, kept for the next measurement.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Ratio, SelfDivision, parse};

/// How many queries are remembered; beyond that all are forgotten and looked at again.
const REMEMBERED: usize = 2048;

/// What a query says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// What to ask when the query is a ratio and has no answer.
    pub ratio: Option<Ratio>,
    /// The mistake of dividing series by themselves.
    pub self_division: Option<SelfDivision>,
}

impl Reading {
    /// Looks into a query; one that can't be parsed says nothing.
    pub fn of(query: &str) -> Self {
        match parse(query) {
            Ok(expr) => Self { ratio: Ratio::of(&expr), self_division: SelfDivision::of(&expr) },
            Err(_) => Self::default(),
        }
    }
}

/// Readings by query text: each text is parsed once.
#[derive(Debug, Default)]
pub struct Queries(Mutex<HashMap<String, Arc<Reading>>>);

impl Queries {
    /// The reading of a query.
    pub fn read(&self, query: &str) -> Arc<Reading> {
        if let Some(known) = self.lock().get(query) {
            return known.clone();
        }
        let reading = Arc::new(Reading::of(query));
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(query.to_owned(), reading.clone());
        reading
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Reading>>> {
        // The map is whole after any panic: each change is a single insert or clear.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_looked_into_once_and_memory_stays_bounded() {
        let queries = Queries::default();
        let first = queries.read("a / b");
        assert!(Arc::ptr_eq(&first, &queries.read("a / b")));
        for n in 0..REMEMBERED + 10 {
            queries.read(&format!("a / b{n}"));
        }
        assert!(queries.lock().len() <= REMEMBERED);
    }
}
