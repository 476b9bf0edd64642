//! What a server can be asked for: which protocol it takes, and since which version of memcached.

use super::command::Command;
use super::extra::Said;
use super::version::Version;
use super::{Op, Speech};

/// Something that not every server does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Feature {
    Compare,
    CompareRead,
    Recache,
    Lease,
    Stale,
    Peek,
    CountExpiry,
    OwnCas,
    DropValue,
    /// A store tells the size of what it stored: a wish.
    StoredSize,
    /// Append and prepend make the item where there is none.
    AppendCreates,
    BinaryKey,
}

/// What is known of a feature.
struct Row {
    feature: Feature,
    name: &'static str,
    /// The first version whose meta commands have it.
    meta: Version,
    /// The binary protocol has it, in any version.
    binary: bool,
    /// Without it the command means the same, or is carried out in another way.
    optional: bool,
}

const fn row(feature: Feature, name: &'static str, meta: Version) -> Row {
    Row {
        feature,
        name,
        meta,
        binary: false,
        optional: false,
    }
}

/// Each feature at its number.
static TABLE: [Row; 12] = [
    Row {
        binary: true,
        ..row(Feature::Compare, "comparing the CAS", Version::META)
    },
    row(
        Feature::CompareRead,
        "reading only what has another CAS",
        Version::new(1, 6, 40),
    ),
    row(Feature::Recache, "recache_ttl", Version::META),
    row(Feature::Lease, "lease_ttl", Version::META),
    row(Feature::Stale, "stale items", Version::META),
    row(Feature::Peek, "MC_PEEK", Version::META),
    row(Feature::CountExpiry, "MC_TOUCH", Version::META),
    row(
        Feature::OwnCas,
        "a CAS of the caller's",
        Version::new(1, 6, 27),
    ),
    row(Feature::DropValue, "MC_DROP_VALUE", Version::new(1, 6, 27)),
    Row {
        optional: true,
        ..row(
            Feature::StoredSize,
            "the size of what is stored",
            Version::new(1, 6, 20),
        )
    },
    Row {
        optional: true,
        ..row(
            Feature::AppendCreates,
            "appending to nothing",
            Version::new(1, 6, 20),
        )
    },
    Row {
        binary: true,
        ..row(
            Feature::BinaryKey,
            "a key with spaces or control characters",
            Version::META,
        )
    },
];

impl Feature {
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

/// The features that a command needs, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs(u16);

impl Needs {
    pub const NONE: Needs = Needs(0);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn has(self, feature: Feature) -> bool {
        self.0 & 1 << feature as u16 != 0
    }

    pub fn with(self, feature: Feature) -> Needs {
        Needs(self.0 | 1 << feature as u16)
    }

    pub fn and(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
    }

    /// What `command` needs beside its op, its key not considered.
    pub fn of(command: &Command<'_>) -> Needs {
        let (op, said) = (command.op, command.extra.said);
        let grows = matches!(op, Op::Append | Op::Prepend);
        let asks = [
            (
                Feature::Compare,
                said.has(Said::COMPARE) && !op.reads_value() && op != Op::Cas,
            ),
            (
                Feature::CompareRead,
                said.has(Said::COMPARE) && op.reads_value(),
            ),
            (Feature::Recache, said.has(Said::RECACHE)),
            (Feature::Lease, said.has(Said::LEASE)),
            (Feature::Stale, said.has(Said::STALE)),
            (Feature::Peek, said.has(Said::PEEK)),
            (Feature::CountExpiry, said.has(Said::EXPIRY)),
            (Feature::OwnCas, said.has(Said::OWN_CAS)),
            (Feature::DropValue, said.has(Said::DROP_VALUE)),
            (
                Feature::StoredSize,
                said.has(Said::WANT_SIZE) && op.sends_value(),
            ),
            (Feature::AppendCreates, said.has(Said::INITIAL) && grows),
        ];
        let asked = asks.iter().filter(|(_, is_asked)| *is_asked);
        asked.fold(Needs::NONE, |needs, (feature, _)| needs.with(*feature))
    }

    fn rows(self) -> impl Iterator<Item = &'static Row> {
        TABLE.iter().filter(move |row| self.has(row.feature))
    }

    /// Not every server that speaks meta has all of it: its version must be known.
    pub fn is_gated(self) -> bool {
        self.rows().any(|row| row.meta > Version::META)
    }
}

/// What a server cannot do, and what could.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unserved {
    pub feature: Feature,
    speech: Speech,
    /// What the server said.
    version: Option<Version>,
}

impl Unserved {
    /// The first version that has it.
    pub fn needs(&self) -> Version {
        self.feature.row().meta
    }
}

impl std::fmt::Display for Unserved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let row = self.feature.row();
        write!(f, "{} needs ", row.name)?;
        if self.speech != Speech::Meta {
            f.write_str("protocol=meta and ")?;
        }
        write!(f, "memcached {} or later", row.meta)?;
        match (self.speech, self.version) {
            (Speech::Meta, Some(Version::UNKNOWN)) => {
                f.write_str("; the server does not say that it is one")
            }
            (Speech::Meta, Some(version)) => write!(f, "; the server is {version}"),
            (Speech::Meta, None) => f.write_str("; the server's version is not known"),
            _ => Ok(()),
        }
    }
}

/// Whether a server that is spoken to so, and said that it is of `version`, does what is needed. What can
/// be left out, or done in another way, is served by everyone.
pub fn served(needs: Needs, speech: Speech, version: Option<Version>) -> Result<(), Unserved> {
    let lacks = |row: &&Row| !row.optional && !has(row, speech, version);
    // The one that takes most is told.
    match needs.rows().filter(lacks).max_by_key(|row| row.meta) {
        None => Ok(()),
        Some(row) => Err(Unserved {
            feature: row.feature,
            speech,
            version,
        }),
    }
}

/// What of a command's words goes over the wire: all but what the server does not have and can be left
/// out.
pub fn said(op: Op, said: Said, version: Option<Version>) -> Said {
    let has = |feature: Feature| has(feature.row(), Speech::Meta, version);
    let mut left_out = Said::NOTHING;
    if op.sends_value() && !has(Feature::StoredSize) {
        left_out = left_out.and(Said::WANT_SIZE);
    }
    if op.sends_value() && !has(Feature::AppendCreates) {
        left_out = left_out.and(Said::INITIAL);
    }
    said.without(left_out)
}

fn has(row: &Row, speech: Speech, version: Option<Version>) -> bool {
    match speech {
        Speech::Ascii => false,
        Speech::Binary => row.binary,
        // Who speaks meta at all has what every version of it has.
        Speech::Meta => row.meta <= Version::META || version >= Some(row.meta),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Feature; 12] = [
        Feature::Compare,
        Feature::CompareRead,
        Feature::Recache,
        Feature::Lease,
        Feature::Stale,
        Feature::Peek,
        Feature::CountExpiry,
        Feature::OwnCas,
        Feature::DropValue,
        Feature::StoredSize,
        Feature::AppendCreates,
        Feature::BinaryKey,
    ];

    #[test]
    fn each_feature_has_its_row() {
        for (index, feature) in ALL.into_iter().enumerate() {
            assert_eq!(feature as usize, index);
            assert_eq!(feature.row().feature, feature);
        }
        assert_eq!(ALL.len(), TABLE.len());
    }

    /// By the versions in which memcached began to have them.
    #[test]
    fn versions_that_have_it() {
        let versions = [
            None,
            Some(Version::UNKNOWN),
            Some(Version::new(1, 6, 10)),
            Some(Version::new(1, 6, 18)),
            Some(Version::new(1, 6, 20)),
            Some(Version::new(1, 6, 26)),
            Some(Version::new(1, 6, 27)),
            Some(Version::new(1, 6, 39)),
            Some(Version::new(1, 6, 40)),
            Some(Version::new(1, 7, 0)),
        ];
        for feature in ALL {
            let first = match feature {
                Feature::OwnCas | Feature::DropValue => 6,
                Feature::CompareRead => 8,
                _ => 0,
            };
            let needs = Needs::NONE.with(feature);
            for (index, version) in versions.into_iter().enumerate() {
                let told = served(needs, Speech::Meta, version);
                assert_eq!(told.is_ok(), index >= first, "{feature:?} {version:?}");
                if let Err(unserved) = told {
                    assert_eq!(
                        (unserved.feature, Some(unserved.needs())),
                        (feature, versions[first])
                    );
                }
            }
            let optional = matches!(feature, Feature::StoredSize | Feature::AppendCreates);
            assert_eq!(needs.is_gated(), first > 0 || optional, "{feature:?}");
            let anywhere = served(needs, Speech::Ascii, Some(Version::new(9, 9, 9)));
            assert_eq!(anywhere.is_ok(), optional, "{feature:?}");
            let binary = matches!(feature, Feature::Compare | Feature::BinaryKey) || optional;
            let by_binary = served(needs, Speech::Binary, None);
            assert_eq!(by_binary.is_ok(), binary, "{feature:?}");
        }
    }

    #[test]
    fn what_is_told() {
        let text = |feature, speech, version| {
            let needs = Needs::NONE.with(feature);
            served(needs, speech, version)
                .err()
                .map(|why| why.to_string())
        };
        assert_eq!(
            text(Feature::Lease, Speech::Ascii, None).as_deref(),
            Some("lease_ttl needs protocol=meta and memcached 1.6.10 or later")
        );
        assert_eq!(
            text(Feature::OwnCas, Speech::Meta, Some(Version::new(1, 6, 18))).as_deref(),
            Some("a CAS of the caller's needs memcached 1.6.27 or later; the server is 1.6.18")
        );
        assert_eq!(
            text(Feature::OwnCas, Speech::Meta, Some(Version::UNKNOWN)).as_deref(),
            Some(
                "a CAS of the caller's needs memcached 1.6.27 or later; the server does not say that it is one"
            )
        );
    }

    /// What can be left out is, and nothing else.
    #[test]
    fn what_is_left_out() {
        let all = Said::WISHES.and(Said::INITIAL).and(Said::COMPARE);
        let (old, new) = (Some(Version::new(1, 6, 18)), Some(Version::new(1, 6, 20)));
        let lacking = Said::WANT_SIZE.and(Said::INITIAL);
        assert_eq!(said(Op::Append, all, old), all.without(lacking));
        assert_eq!(said(Op::Append, all, None), all.without(lacking));
        assert_eq!(said(Op::Append, all, new), all);
        assert_eq!(said(Op::Get, all, old), all);
        assert_eq!(said(Op::Incr, all, old), all);
    }
}
