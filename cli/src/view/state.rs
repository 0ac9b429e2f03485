//! How something stands: the word of the API, and an icon.

use crate::terminal::Tone;

/// How something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The word, as the API has it.
    pub word: String,
    /// Its icon.
    pub icon: Icon,
}

impl State {
    pub(super) fn new(word: impl Into<String>, icon: Icon) -> Self {
        Self { word: word.into(), icon }
    }
}

/// The icons of Argo Rollouts' plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Icon {
    /// As it should be.
    Ok,
    /// Failed.
    Bad,
    /// Under way.
    Progressing,
    /// Waits for its turn.
    Waiting,
    /// Paused.
    Paused,
    /// Neither good nor bad.
    Neutral,
    /// Something is wrong with the environment.
    Warning,
    /// Nobody can tell.
    Unknown,
    /// A word that we don't know.
    #[default]
    None,
}

impl Icon {
    /// What the icon means.
    pub const fn tone(self) -> Tone {
        match self {
            Self::Ok => Tone::Good,
            Self::Bad | Self::Warning => Tone::Bad,
            Self::Progressing | Self::Waiting | Self::Paused | Self::Unknown => Tone::Busy,
            Self::Neutral | Self::None => Tone::Plain,
        }
    }

    /// The icon as text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Ok => "✔",
            Self::Bad => "✖",
            Self::Progressing => "◌",
            Self::Waiting => "◷",
            Self::Paused => "॥",
            Self::Neutral => "•",
            Self::Warning => "⚠",
            Self::Unknown => "?",
            Self::None => " ",
        }
    }
}
