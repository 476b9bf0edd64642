//! The meta protocol beyond the classic commands: what is told beside answers, in every cut.

use memcached2::connection::session::Session;
use memcached2::error::{Effect, Status};
use memcached2::protocol::expiry::Ttl;
use memcached2::protocol::extra::{About, Extra, Said};
use memcached2::protocol::version::Version;
use memcached2::protocol::{Dialect, Op};

use crate::harness::{Cmd, Driver, MAX_VALUE, Told, Way, refused, value};

fn session() -> Session {
    let mut session = Session::speaking(Dialect::Meta { opaque: 7 }, MAX_VALUE);
    session.set_version(Version::new(1, 6, 45));
    session
}

fn saying(op: Op, key: &str, said: &[Said]) -> Cmd {
    let said = said.iter().fold(Said::NOTHING, |all, one| all.and(*one));
    let extra = Extra {
        said,
        initial: 3,
        own_cas: 99,
        recache: Ttl::After(30),
        lease: Ttl::After(20),
        stale: Ttl::After(10),
    };
    Cmd::new(op, key).value(b"v".to_vec()).extra(extra)
}

/// One command, the line it is sent as, a reply, and what that means.
struct Case {
    cmd: Cmd,
    line: &'static str,
    reply: &'static str,
    told: Told,
    about: Option<About>,
}

fn case(cmd: Cmd, line: &'static str, reply: &'static str, told: Told) -> Case {
    Case {
        cmd,
        line,
        reply,
        told,
        about: None,
    }
}

impl Case {
    fn about(mut self, about: About) -> Case {
        self.about = Some(about);
        self
    }
}

fn nothing() -> About {
    About::default()
}

fn flags(flags: u32) -> About {
    About {
        flags: Some(flags),
        ..nothing()
    }
}

fn cases() -> Vec<Case> {
    let wants = [
        Said::WANT_CAS,
        Said::WANT_TTL,
        Said::WANT_SIZE,
        Said::WANT_ACCESS,
        Said::WANT_HIT,
    ];
    let all = About {
        cas: Some(9),
        flags: Some(0),
        size: Some(3),
        ttl: Some(-1),
        idle: Some(4),
        hit_before: Some(true),
        ..nothing()
    };
    let with_cas = |cas| About {
        cas: Some(cas),
        ..nothing()
    };
    let failed = refused(Status::CAS_FAILURE, Effect::NotApplied, "");
    let other_won = About {
        other_won: true,
        ..flags(0)
    };
    let with_value = |cas| Told::Value {
        flags: 0,
        cas,
        bytes: b"abc".to_vec(),
    };
    vec![
        case(
            saying(Op::Get, "k", &wants),
            "mg k v k f c t s l h O7\r\n",
            "VA 3 kk f0 c9 t-1 s3 l4 h1 O7\r\nabc\r\n",
            with_value(Some(9)),
        )
        .about(all),
        case(
            saying(Op::Get, "k", &[Said::NO_VALUE, Said::WANT_SIZE]),
            "mg k k f s O7\r\n",
            "HD kk f5 s3 O7\r\n",
            Told::Done,
        )
        .about(About {
            size: Some(3),
            ..flags(5)
        }),
        case(
            saying(Op::Get, "k", &[Said::NO_VALUE]),
            "mg k k f O7\r\n",
            "EN kk O7\r\n",
            Told::Miss(Status::NO_VALUE),
        )
        .about(nothing()),
        case(
            saying(Op::Get, "k", &[Said::LEASE]),
            "mg k v k f N20 O7\r\n",
            "VA 0 kk f0 O7 W\r\n\r\n",
            value(""),
        )
        .about(About {
            won: true,
            ..flags(0)
        }),
        case(
            saying(Op::Get, "k", &[Said::LEASE]),
            "mg k v k f N20 O7\r\n",
            "VA 0 kk f0 O7 Z\r\n\r\n",
            Told::Miss(Status::NO_VALUE),
        )
        .about(other_won.marks()),
        case(
            saying(Op::Get, "k", &[Said::RECACHE]),
            "mg k v k f R30 O7\r\n",
            "VA 3 kk f0 O7 Z X\r\nabc\r\n",
            value("abc"),
        )
        .about(About {
            stale: true,
            ..other_won
        }),
        case(
            saying(Op::Get, "k", &[Said::COMPARE]),
            "mg k v k f C77 O7\r\n",
            "HD kk f0 O7\r\n",
            Told::Done,
        )
        .about(flags(0)),
        // Marks are told to those who asked for nothing, too.
        case(
            Cmd::new(Op::Get, "k"),
            "mg k v k f O7\r\n",
            "VA 3 kk f0 O7 X W\r\nabc\r\n",
            value("abc"),
        )
        .about(About {
            won: true,
            stale: true,
            ..flags(0)
        }),
        case(
            Cmd::new(Op::Get, "k"),
            "mg k v k f O7\r\n",
            "VA 3 kk f0 O7\r\nabc\r\n",
            value("abc"),
        ),
        case(
            saying(Op::Touch, "k", &[Said::WANT_TTL]).ttl(60),
            "mg k T60 t O7\r\n",
            "HD t60 O7\r\n",
            Told::Done,
        )
        .about(About {
            ttl: Some(60),
            ..nothing()
        }),
        case(
            saying(Op::Set, "k", &[Said::WANT_CAS, Said::WANT_SIZE]),
            "ms k 1 c s O7\r\nv\r\n",
            "HD c9 s1 O7\r\n",
            Told::Done,
        )
        .about(About {
            size: Some(1),
            ..with_cas(9)
        }),
        case(
            saying(Op::Add, "k", &[Said::WANT_CAS]),
            "ms k 1 ME c O7\r\nv\r\n",
            "NS c0 O7\r\n",
            refused(Status::NOT_STORED, Effect::NotApplied, ""),
        )
        .about(nothing()),
        case(
            saying(Op::Append, "k", &[Said::INITIAL, Said::OWN_CAS]).ttl(60),
            "ms k 1 MA N60 E99 O7\r\nv\r\n",
            "HD O7\r\n",
            Told::Done,
        )
        .about(nothing()),
        case(
            saying(Op::Cas, "k", &[Said::STALE]),
            "ms k 1 C77 I O7\r\nv\r\n",
            "HD O7\r\n",
            Told::Done,
        )
        .about(nothing()),
        case(
            saying(Op::Incr, "k", &[Said::INITIAL, Said::WANT_CAS]).ttl(60),
            "ma k MI v D5 N60 J3 c O7\r\n",
            "VA 2 c9 O7\r\n12\r\n",
            Told::Number(12),
        )
        .about(with_cas(9)),
        case(
            saying(Op::Decr, "k", &[Said::COMPARE]),
            "ma k MD v D5 C77 O7\r\n",
            "EX O7\r\n",
            failed.clone(),
        )
        .about(nothing()),
        case(
            saying(
                Op::Delete,
                "k",
                &[Said::STALE, Said::DROP_VALUE, Said::COMPARE],
            ),
            "md k C77 I T10 x O7\r\n",
            "EX O7\r\n",
            failed,
        )
        .about(nothing()),
        case(
            Cmd::new(Op::Get, "a b"),
            "mg YSBi v f b O7\r\n",
            "VA 3 f0 O7\r\nabc\r\n",
            value("abc"),
        )
        .about(flags(0)),
        // Another client has stored it so.
        case(
            Cmd::new(Op::Get, "key"),
            "mg key v k f O7\r\n",
            "VA 3 ka2V5 b f0 O7\r\nabc\r\n",
            value("abc"),
        ),
        case(
            Cmd::new(Op::Delete, "\0"),
            "md AA== b O7\r\n",
            "NF O7\r\n",
            Told::Miss(Status::NOT_FOUND),
        )
        .about(nothing()),
    ]
}

/// Whole, in two pieces and byte by byte, in every way: the line that is sent, the answer, and what comes
/// beside it.
#[test]
fn fm13_fm28_everything_that_can_be_said() {
    for case in cases() {
        let cmd = [case.cmd.clone()];
        let reply = case.reply.as_bytes();
        let (told, about) = (case.told.clone(), case.about);
        for way in Way::ALL.into_iter().filter(|way| !way.batch) {
            for size in 1..=reply.len() {
                let mut driver = Driver::again(session(), way, &cmd);
                assert_eq!(driver.send_all(), case.line.as_bytes());
                reply.chunks(size).for_each(|piece| driver.receive(piece));
                let beside: Vec<_> = driver.about.drain(..).collect();
                let (_, report) = driver.finish();
                let what = format!("{:?} in pieces of {size}, {way:?}", case.line);
                assert_eq!(report.told, std::slice::from_ref(&told), "{what}");
                assert!(report.in_step, "{what}");
                let expected: Vec<_> = about.iter().map(|about| (0, *about)).collect();
                assert_eq!(beside, expected, "{what}");
            }
        }
    }
}

/// FM-06, FM-28: what was not asked for, or is another's, is nobody's answer.
#[test]
fn fm06_fm28_what_was_not_asked_for() {
    let lease = saying(Op::Get, "k", &[Said::LEASE]);
    for (cmd, reply) in [
        (Cmd::new(Op::Get, "k"), "VA 3 kk f0 t1 O7\r\nabc\r\n"),
        (Cmd::new(Op::Get, "k"), "HD kk f0 O7\r\n"),
        (Cmd::new(Op::Set, "k"), "HD c9 O7\r\n"),
        (Cmd::new(Op::Delete, "k"), "EX O7\r\n"),
        (lease.clone(), "VA 0 kk f0 O7 Z\r\nxx"),
        (lease.clone(), "VA 0 kk f0 O8 W\r\n\r\n"),
        (Cmd::new(Op::Get, "a b"), "VA 3 kYSBj b f0 O7\r\nabc\r\n"),
        (Cmd::new(Op::Get, "a b"), "VA 3 kYSBi f0 O7\r\nabc\r\n"),
        (Cmd::new(Op::Get, "YSBi"), "VA 3 kYSBi b f0 O7\r\nabc\r\n"),
        (
            saying(Op::Get, "k", &[Said::NO_VALUE]),
            "VA 3 kk f0 O7\r\nabc\r\n",
        ),
        (
            saying(Op::Get, "k", &[Said::WANT_TTL]),
            "VA 3 kk f0 s3 O7\r\nabc\r\n",
        ),
    ] {
        let cmd = [cmd];
        for way in Way::ALL {
            let mut driver = Driver::again(session(), way, &cmd);
            driver.send_all();
            driver.receive(reply.as_bytes());
            assert!(driver.about.is_empty(), "{reply:?}");
            assert!(driver.finish().1.broken, "{reply:?}");
        }
    }
}

/// What a server of that version does not have, and can be done without, is not sent.
#[test]
fn older_servers_are_asked_for_less() {
    let line = |version: Option<Version>, cmd: Cmd| {
        let mut session = Session::speaking(Dialect::Meta { opaque: 7 }, MAX_VALUE);
        if let Some(version) = version {
            session.set_version(version);
        }
        let cmd = [cmd];
        let sent = Driver::again(session, Way::default(), &cmd).send_all();
        String::from_utf8(sent).expect("text")
    };
    let set = || saying(Op::Set, "k", &[Said::WANT_SIZE, Said::WANT_CAS]);
    let append = || saying(Op::Append, "k", &[Said::INITIAL]);
    for version in [None, Some(Version::UNKNOWN), Some(Version::new(1, 6, 19))] {
        assert_eq!(line(version, set()), "ms k 1 c O7\r\nv\r\n");
        assert_eq!(line(version, append()), "ms k 1 MA O7\r\nv\r\n");
    }
    let new = Some(Version::new(1, 6, 20));
    assert_eq!(line(new, set()), "ms k 1 c s O7\r\nv\r\n");
    assert_eq!(line(new, append()), "ms k 1 MA N0 O7\r\nv\r\n");
}

/// Several in a row: what is told beside one answer comes before the next.
#[test]
fn told_in_order() {
    let cmds = [
        saying(Op::Get, "a", &[Said::WANT_TTL]),
        Cmd::new(Op::Get, "b"),
        saying(Op::Incr, "c", &[Said::WANT_TTL]),
        saying(Op::Get, "d", &[Said::LEASE]),
    ];
    let reply = b"VA 1 ka f0 t5 O7\r\nx\r\nEN kb O8\r\nVA 1 t6 O9\r\n1\r\n\
        VA 0 kd f0 O10 Z\r\n\r\n";
    let ttl = |ttl| About {
        ttl: Some(ttl),
        ..nothing()
    };
    let expected = [
        (
            0,
            About {
                flags: Some(0),
                ..ttl(5)
            },
        ),
        (2, ttl(6)),
        (
            3,
            About {
                other_won: true,
                ..nothing()
            },
        ),
    ];
    for way in Way::ALL.into_iter().filter(|way| !way.batch) {
        for size in 1..=reply.len() {
            let mut driver = Driver::again(session(), way, &cmds);
            driver.send_all();
            reply.chunks(size).for_each(|piece| driver.receive(piece));
            assert_eq!(driver.about, expected, "{way:?} {size}");
            let (_, report) = driver.finish();
            assert!(report.in_step);
            assert_eq!(report.told[1], Told::Miss(Status::NO_VALUE));
            assert_eq!(report.told[3], Told::Miss(Status::NO_VALUE));
        }
    }
}
