//! What stands between the client and its servers, and which options that leaves.

use super::Options;
use super::kind::Kind;
use super::value::{Protocol, Refused, Value};
use crate::error::{Failure, Result};

/// What may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// Everything: the servers are memcached.
    Full,
    /// What proxies pass: classic commands on keys, and no byte that the caller did not ask for.
    Classic,
}

impl Value for Profile {
    fn read(text: &str, _: &Kind) -> std::result::Result<Profile, Refused> {
        match text {
            "full" => Ok(Profile::Full),
            "classic" => Ok(Profile::Classic),
            _ => Err("there is no such profile".into()),
        }
    }

    fn write(&self) -> String {
        match self {
            Profile::Full => "full",
            Profile::Classic => "classic",
        }
        .into()
    }
}

impl Options {
    /// Whether the client may ask a connection for its version without having been told to. Not behind
    /// a proxy: some close the connection at that, others answer for themselves.
    pub fn asks_version(&self) -> bool {
        self.profile == Profile::Full && self.protocol == Protocol::Auto
    }

    /// Fails where options contradict each other; each of them may be well by itself.
    pub fn agree_with_profile(&self) -> Result<()> {
        if self.profile == Profile::Full {
            return Ok(());
        }
        if !matches!(self.protocol, Protocol::Auto | Protocol::Ascii) {
            return Err(Failure::argument(format!(
                "profile=classic speaks ASCII only, which is all that proxies pass; protocol={} \
                 contradicts it",
                self.protocol.write()
            )));
        }
        if self.paranoid {
            return Err(Failure::argument(
                "paranoid asks every new connection for its version, which profile=classic never \
                 does: some proxies close the connection at that",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(list: &[(&str, &str)]) -> Options {
        let mut options = Options::default();
        for (name, value) in list {
            options.set(name, value).expect("an option");
        }
        options
    }

    /// FM-60: nothing goes to a proxy that nobody asked for.
    #[test]
    fn fm60_classic_asks_for_no_version() {
        assert!(options(&[]).asks_version());
        assert!(!options(&[("protocol", "ascii")]).asks_version());
        assert!(!options(&[("protocol", "meta")]).asks_version());
        assert!(!options(&[("profile", "classic")]).asks_version());
    }

    #[test]
    fn contradictions_are_refused_in_words() {
        for (list, word) in [
            (&[("profile", "classic")][..], None),
            (&[("profile", "classic"), ("protocol", "ascii")], None),
            (
                &[
                    ("profile", "full"),
                    ("protocol", "meta"),
                    ("paranoid", "on"),
                ],
                None,
            ),
            (
                &[("profile", "classic"), ("protocol", "meta")],
                Some("protocol=meta"),
            ),
            (
                &[("profile", "classic"), ("paranoid", "on")],
                Some("paranoid"),
            ),
        ] {
            let refused = options(list).agree_with_profile().err();
            assert_eq!(refused.is_some(), word.is_some(), "{list:?}");
            if let (Some(failure), Some(word)) = (refused, word) {
                assert!(failure.text.contains(word), "{failure}");
                assert!(failure.text.contains("profile=classic"), "{failure}");
            }
        }
    }
}
