//! What one look at the world gave: seen, absent, or not to be known just now.

/// The result of looking for one thing.
///
/// "Not synced", "forbidden" and "stale" are never the same as "absent": only [`Reading::Absent`] may lead to making,
/// scaling down or removing something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<T> {
    /// It is there.
    Seen(T),
    /// It is known not to be there.
    Absent,
    /// It cannot be known, and why.
    Unreadable(String),
}

impl<T> Reading<T> {
    /// Returns what was seen.
    pub fn seen(self) -> Option<T> {
        match self {
            Self::Seen(thing) => Some(thing),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// Borrows what was seen.
    pub fn as_ref(&self) -> Reading<&T> {
        match self {
            Self::Seen(thing) => Reading::Seen(thing),
            Self::Absent => Reading::Absent,
            Self::Unreadable(why) => Reading::Unreadable(why.clone()),
        }
    }

    /// Turns what was seen into something else.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Seen(thing) => Reading::Seen(turn(thing)),
            Self::Absent => Reading::Absent,
            Self::Unreadable(why) => Reading::Unreadable(why),
        }
    }

    /// Looks further, from what was seen.
    pub fn and_then<U>(self, look: impl FnOnce(T) -> Reading<U>) -> Reading<U> {
        match self {
            Self::Seen(thing) => look(thing),
            Self::Absent => Reading::Absent,
            Self::Unreadable(why) => Reading::Unreadable(why),
        }
    }

    /// Tells whether it was seen.
    pub fn is_seen(&self) -> bool {
        matches!(self, Self::Seen(_))
    }

    /// Tells whether it is known not to be there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Tells why it cannot be known.
    pub fn why_unreadable(&self) -> Option<&str> {
        match self {
            Self::Unreadable(why) => Some(why),
            Self::Seen(_) | Self::Absent => None,
        }
    }

    /// Turns a fallible look into a reading: `Ok(None)` is absent, an error is unreadable.
    pub fn of<E: std::fmt::Display>(looked: Result<Option<T>, E>) -> Self {
        match looked {
            Ok(Some(thing)) => Self::Seen(thing),
            Ok(None) => Self::Absent,
            Err(why) => Self::Unreadable(why.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_known_stays_unknown_whatever_is_asked_of_it() {
        let reading: Reading<u8> = Reading::Unreadable("not synced".to_owned());
        assert_eq!(reading.as_ref().map(|n| n + 1), Reading::Unreadable("not synced".to_owned()));
        assert_eq!(reading.clone().and_then(|_| Reading::<u8>::Absent).why_unreadable(), Some("not synced"));
        assert!(!reading.is_absent());
        assert_eq!(reading.seen(), None);
    }

    #[test]
    fn a_look_that_failed_is_not_an_absence() {
        assert_eq!(Reading::of(Ok::<Option<u8>, String>(None)), Reading::Absent);
        assert_eq!(Reading::of(Ok::<_, String>(Some(1))), Reading::Seen(1));
        assert_eq!(Reading::<u8>::of(Err("forbidden")), Reading::Unreadable("forbidden".to_owned()));
    }
}
