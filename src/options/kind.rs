//! The types of options, and what each takes.

use std::time::Duration;

use super::number::{write_duration, write_size};

/// The longest duration an option takes: any clock and any timer can still add it.
pub const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest path an option takes, as the system's own limit is.
pub const PATH_MAX: usize = 4095;

/// What stands for a secret that is set.
pub const SECRET_MARK: &str = "***";

/// The type of an option, with its limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// From `min` to [`DURATION_MAX`]; `none` tells whether "no limit" is a value.
    Duration {
        min: Duration,
        none: bool,
    },
    /// From 0 to [`DURATION_MAX`], or `auto`: the library finds it.
    DurationOrAuto,
    /// Bytes.
    Size {
        min: u64,
        max: u64,
    },
    Count {
        min: u32,
        max: u32,
    },
    Bool,
    /// At most `max` bytes, none of them white space or a control character.
    Text {
        max: usize,
    },
    /// Of a file or a directory, at most [`PATH_MAX`] bytes without control characters; or nothing.
    Path,
    /// At most `max` bytes that are never handed out again.
    Secret {
        max: usize,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// The name of the type.
    pub const fn name(&self) -> &'static str {
        match self {
            Kind::Duration { .. } | Kind::DurationOrAuto => "duration",
            Kind::Size { .. } => "size",
            Kind::Count { .. } => "count",
            Kind::Bool => "bool",
            Kind::Text { .. } => "text",
            Kind::Path => "path",
            Kind::Secret { .. } => "secret",
            Kind::Choice(_) => "choice",
        }
    }

    /// What a value may be, for messages and for the documentation.
    pub fn takes(&self) -> String {
        match *self {
            Kind::Duration { min, none } => format!(
                "a duration from {} to {}, with its unit (200us, 250ms, 1.5s, 2m, 1h){}",
                write_duration(min),
                write_duration(DURATION_MAX),
                if none { ", or none" } else { "" }
            ),
            Kind::DurationOrAuto => format!(
                "a duration from 0 to {}, with its unit (200us, 50ms, 1s), or auto",
                write_duration(DURATION_MAX)
            ),
            Kind::Size { min, max } => format!(
                "a size from {} to {} bytes (65536, 64k, 1m)",
                write_size(min),
                write_size(max)
            ),
            Kind::Count { min, max } => format!("a number from {min} to {max}"),
            Kind::Bool => "on or off".into(),
            Kind::Text { max } => {
                format!("at most {max} bytes of text without white space and control characters")
            }
            Kind::Path => {
                format!("a path of at most {PATH_MAX} bytes without control characters, or nothing")
            }
            Kind::Secret { max } => {
                format!(
                    "at most {max} bytes, of which it is only told, by {SECRET_MARK}, that there are some"
                )
            }
            Kind::Choice(words) => words.join(" or "),
        }
    }
}
