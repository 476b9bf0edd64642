//! Batches over meta: silent commands, the barriers that settle them, and errors that do not say whose
//! they are.

use memcached2::error::{Effect, Status};
use memcached2::protocol::Op;

use crate::harness::{ABANDONED, Cmd, Driver, Told, Way, refused, value};
use crate::tagged::{BATCH, LONE, every_cut, exchange, meta};

fn sent(commands: &[Cmd]) -> String {
    let mut driver = Driver::again(meta(), BATCH, commands);
    String::from_utf8(driver.send_all()).expect("text")
}

fn gets(keys: &[&str]) -> Vec<Cmd> {
    keys.iter().map(|key| Cmd::new(Op::Get, key)).collect()
}

fn sets(keys: &[&str]) -> Vec<Cmd> {
    keys.iter().map(|key| Cmd::new(Op::Set, key)).collect()
}

/// FM-09, FM-10: silent is what its reply's absence tells of, and a barrier stands behind it before
/// anything else.
#[test]
fn fm09_fm10_what_is_sent() {
    let cmds = [
        Cmd::new(Op::Get, "a"),
        Cmd::new(Op::Set, "b"),
        Cmd::new(Op::Incr, "c"),
        Cmd::new(Op::Touch, "d"),
        Cmd::new(Op::Cas, "e"),
        Cmd::new(Op::Delete, "f"),
        Cmd::new(Op::Version, ""),
        Cmd::new(Op::Gats, "g").ttl(9),
    ];
    assert_eq!(
        sent(&cmds),
        "mg a v k f q O7\r\n\
         ms b 5 O8\r\nvalue\r\n\
         mn\r\n\
         ma c MI v D5 O10\r\n\
         mg d T0 O11\r\n\
         ms e 5 C77 q O12\r\nvalue\r\n\
         md f O13\r\n\
         mn\r\n\
         version\r\n\
         mg g v k f c T9 O16\r\n\
         mn\r\n"
    );
    let reply = b"VA 3 ka f0 O7\r\nabc\r\nHD O8\r\nMN\r\nVA 1 O10\r\n6\r\nEN O11\r\nEX O12\r\n\
        HD O13\r\nMN\r\nVERSION 1.6\r\nEN kg O16\r\nMN\r\n";
    let report = every_cut(meta, &cmds, BATCH, reply);
    assert!(report.in_step);
    let version = Told::Version(b"1.6".to_vec());
    assert_eq!(
        report.told,
        [
            value("abc"),
            Told::Done,
            Told::Number(6),
            Told::Miss(Status::NOT_FOUND),
            refused(Status::CAS_FAILURE, Effect::NotApplied, ""),
            Told::Done,
            version,
            Told::Miss(Status::NO_VALUE),
        ]
    );
}

/// FM-52: what a server may well refuse for its size is answered by itself.
#[test]
fn fm52_large_values_are_loud() {
    let cmds = [
        Cmd::new(Op::Set, "a").value(b"1234".to_vec()),
        Cmd::new(Op::Set, "b").value(b"12345".to_vec()),
    ];
    let mut session = meta();
    session.be_loud_above(4);
    let mut driver = Driver::again(session, BATCH, &cmds);
    let sent = driver.send_all();
    let expected = "ms a 4 O7\r\n1234\r\nmn\r\nms b 5 O9\r\n12345\r\n";
    assert_eq!(String::from_utf8(sent).expect("text"), expected);
    driver.receive(b"HD O7\r\nMN\r\nSERVER_ERROR object too large for cache\r\n");
    let report = driver.finish().1;
    let text = "object too large for cache";
    let failed = refused(Status::TOO_LARGE, Effect::Removed, text);
    assert!(report.in_step);
    assert_eq!(report.told, [Told::Done, failed]);
}

/// FM-09, FM-57: hits are told by their opaques, misses by silence; a proxy that answers what is quiet
/// does no harm.
#[test]
fn fm09_fm57_hits_and_misses() {
    let cmds = gets(&["a", "b", "a", "c"]);
    let miss = || Told::Miss(Status::NO_VALUE);
    for (reply, told) in [
        ("EN kc O10\r\nMN\r\n", [miss(), miss(), miss(), miss()]),
        (
            "VA 1 kb f0 O8\r\nB\r\nEN kc O10\r\nMN\r\n",
            [miss(), value("B"), miss(), miss()],
        ),
        (
            "VA 1 ka f0 O9\r\nA\r\nVA 0 kc f0 O10\r\n\r\nMN\r\n",
            [miss(), miss(), value("A"), value("")],
        ),
        (
            "EN ka O7\r\nVA 1 kb f0 O8\r\nB\r\nEN ka O9\r\nEN kc O10\r\nMN\r\n",
            [miss(), value("B"), miss(), miss()],
        ),
    ] {
        let report = every_cut(meta, &cmds, BATCH, reply.as_bytes());
        assert!(report.in_step, "{reply:?}");
        assert_eq!(report.told, told, "{reply:?}");
    }
}

/// FM-20: a proxy that changes the order of replies makes no hit a miss: that there is nothing is told by
/// the barrier alone, and not before the last read has its reply.
#[test]
fn fm20_replies_in_another_order() {
    let cmds = gets(&["a", "b", "c"]);
    let miss = || Told::Miss(Status::NO_VALUE);
    let (a, b, c) = (
        "VA 1 ka f0 O7\r\nA\r\n",
        "VA 1 kb f0 O8\r\nB\r\n",
        "VA 1 kc f0 O9\r\nC\r\n",
    );
    let none = "EN kc O9\r\n";
    for (replies, told) in [
        ([c, b, a], [value("A"), value("B"), value("C")]),
        ([b, c, a], [value("A"), value("B"), value("C")]),
        ([b, a, none], [value("A"), value("B"), miss()]),
        ([none, a, ""], [value("A"), miss(), miss()]),
        (["", c, b], [miss(), value("B"), value("C")]),
    ] {
        let reply = format!("{}MN\r\n", replies.concat());
        let report = every_cut(meta, &cmds, BATCH, reply.as_bytes());
        assert!(report.in_step, "{reply:?}");
        assert_eq!(report.told, told, "{reply:?}");
    }
    // A line that does not say whose it is, in between.
    let line = "SERVER_ERROR out of memory writing get response\r\n";
    let report = every_cut(
        meta,
        &cmds,
        BATCH,
        [b, line, c, "MN\r\n"].concat().as_bytes(),
    );
    let failed = refused(Status::OUT_OF_MEMORY, Effect::None, "");
    assert!(report.in_step);
    assert_eq!(report.told, [failed, value("B"), value("C")]);
    // What is told before all is lost stands, and is not told again.
    let report = every_cut(meta, &cmds, BATCH, [b, "MN\r\n"].concat().as_bytes());
    assert!(report.broken);
    assert_eq!(report.told, [ABANDONED, value("B"), ABANDONED]);
}

/// FM-07, FM-20, FM-25: a reply that is no waiting command's is nobody's; what was told before it stands.
#[test]
fn fm07_fm20_fm25_replies_of_others() {
    let cmds = gets(&["a", "b", "c"]);
    let miss = || Told::Miss(Status::NO_VALUE);
    for (reply, told) in [
        // Of one that was answered, of a barrier, of nobody, and in another order.
        (
            "VA 1 ka f0 O6\r\nA\r\nMN\r\n",
            [ABANDONED, ABANDONED, ABANDONED],
        ),
        ("EN O10\r\nMN\r\n", [ABANDONED, ABANDONED, ABANDONED]),
        ("EN O11\r\nMN\r\n", [ABANDONED, ABANDONED, ABANDONED]),
        ("EN\r\nMN\r\n", [ABANDONED, ABANDONED, ABANDONED]),
        ("MN O10\r\n", [ABANDONED, ABANDONED, ABANDONED]),
        // The key of another.
        (
            "EN ka O7\r\nVA 1 ka f0 O8\r\nB\r\nMN\r\n",
            [miss(), ABANDONED, ABANDONED],
        ),
        // Two of one.
        (
            "VA 1 kb f0 O8\r\nB\r\nVA 1 kb f0 O8\r\nB\r\nMN\r\n",
            [ABANDONED, value("B"), ABANDONED],
        ),
        ("HD O8\r\nMN\r\n", [ABANDONED, ABANDONED, ABANDONED]),
        ("END\r\n", [ABANDONED, ABANDONED, ABANDONED]),
    ] {
        let report = every_cut(meta, &cmds, BATCH, reply.as_bytes());
        assert!(report.broken, "{reply:?}");
        assert_eq!(report.told, told, "{reply:?}");
    }
    // No reply to a loud command is passed over.
    let cmds = [Cmd::new(Op::Incr, "a"), Cmd::new(Op::Get, "b")];
    for reply in ["MN\r\n", "EN kb O8\r\nMN\r\n"] {
        let report = every_cut(meta, &cmds, BATCH, reply.as_bytes());
        assert!(report.broken && report.told == [ABANDONED, ABANDONED]);
    }
    // A surplus barrier's.
    let surplus = b"EN ka O7\r\nMN\r\nMN\r\n";
    let report = every_cut(meta, &gets(&["a"]), BATCH, surplus);
    assert!(report.broken && report.told == [miss()]);
}

/// FM-04, FM-07: `MN` has no opaque. One that is left over from before tells no read that there is
/// nothing: what settles silent commands is the reply to the last of them, which is loud.
#[test]
fn fm04_fm07_a_barrier_left_over() {
    for keys in [&["a"][..], &["a", "b"], &["a", "b", "c"]] {
        let reply = b"MN\r\nVA 1 ka f0 O7\r\nA\r\nMN\r\n";
        let report = every_cut(meta, &gets(keys), BATCH, reply);
        assert!(report.broken, "{keys:?}");
        assert!(report.told.iter().all(|told| *told == ABANDONED));
    }
    // Nor any write to be done.
    for reply in ["MN\r\nHD O9\r\nMN\r\n", "MN\r\nMN\r\n"] {
        let report = every_cut(meta, &sets(&["a", "b", "c"]), BATCH, reply.as_bytes());
        assert!(report.broken, "{reply:?}");
        assert!(report.told.iter().all(|told| *told == ABANDONED));
    }
    // Where the last one's reply is an error line, `MN` stands for it.
    let line = "SERVER_ERROR out of memory writing get response\r\n";
    let failed = || refused(Status::OUT_OF_MEMORY, Effect::None, "");
    for (reply, told) in [
        (format!("{line}MN\r\n"), [Told::Doubt, Told::Doubt]),
        (format!("{line}{line}MN\r\n"), [failed(), failed()]),
    ] {
        let report = every_cut(meta, &gets(&["a", "b"]), BATCH, reply.as_bytes());
        assert!(report.in_step, "{reply:?}");
        assert_eq!(report.told, told, "{reply:?}");
    }
}

/// FM-09, FM-11: an error line has no opaque. Where more than one silent command can be meant, none of
/// them is told to be done, and no read to have missed.
#[test]
fn fm09_fm11_errors_that_do_not_say_whose_they_are() {
    let full = "SERVER_ERROR out of memory storing object\r\n";
    let all = |status, effect| refused(status, effect, "");
    let memory = all(Status::OUT_OF_MEMORY, Effect::Removed);
    let cmds = sets(&["a", "b", "c"]);
    for (reply, told) in [
        // One of three.
        (
            format!("{full}MN\r\n"),
            [Told::Doubt, Told::Doubt, Told::Doubt],
        ),
        // Before the second's own reply: the first's.
        (
            format!("{full}NS O8\r\nHD O9\r\nMN\r\n"),
            [
                memory.clone(),
                all(Status::NOT_STORED, Effect::NotApplied),
                Told::Done,
            ],
        ),
        // Behind it: the third's, which is loud.
        (
            format!("NS O8\r\n{full}MN\r\n"),
            [
                Told::Done,
                all(Status::NOT_STORED, Effect::NotApplied),
                refused(
                    Status::OUT_OF_MEMORY,
                    Effect::Removed,
                    "out of memory storing object",
                ),
            ],
        ),
        (
            format!("HD O7\r\n{full}MN\r\n"),
            [Told::Done, Told::Doubt, Told::Doubt],
        ),
        // As many as there are.
        (
            format!("{full}{full}{full}MN\r\n"),
            [memory.clone(), memory.clone(), memory.clone()],
        ),
        (
            format!("{full}SERVER_ERROR\r\n{full}MN\r\n"),
            [(); 3].map(|()| all(Status::SERVER_ERROR, Effect::Unknown)),
        ),
    ] {
        let report = every_cut(meta, &cmds, BATCH, reply.as_bytes());
        assert!(report.in_step, "{reply:?}");
        assert_eq!(report.told, told, "{reply:?}");
    }
    // More than there are, or none that it can be of.
    for reply in [
        format!("{full}{full}{full}{full}MN\r\n"),
        format!("{full}HD O7\r\nMN\r\n"),
        format!("HD O7\r\nHD O8\r\nHD O9\r\n{full}MN\r\n"),
        // Behind these nothing can be believed.
        "CLIENT_ERROR bad data chunk\r\nMN\r\n".to_string(),
        "ERROR\r\nMN\r\n".to_string(),
    ] {
        let report = every_cut(meta, &cmds, BATCH, reply.as_bytes());
        assert!(report.broken, "{reply:?}");
        let done = usize::from(reply.starts_with("HD")) * 3;
        assert!(report.told[done..].iter().all(|told| *told == ABANDONED));
    }
    let report = every_cut(
        meta,
        &gets(&["a", "b"]),
        BATCH,
        b"SERVER_ERROR out of memory writing get response\r\nVA 1 kb f0 O8\r\nB\r\nMN\r\n",
    );
    let failed = all(Status::OUT_OF_MEMORY, Effect::None);
    assert_eq!(report.told, [failed, value("B")]);
}

/// FM-13, FM-92: without the barrier's reply nothing was said of what was silent.
#[test]
fn fm13_fm92_no_barrier_no_answer() {
    for cmds in [gets(&["a", "b"]), sets(&["a", "b"])] {
        let report = exchange(meta(), &cmds, BATCH, []);
        assert_eq!(report.told, [ABANDONED, ABANDONED]);
        assert!(!report.in_step);
    }
}

/// FM-04, FM-05: a barrier's reply before the barrier was sent.
#[test]
fn fm04_fm05_settled_too_early() {
    let cmds = sets(&["a", "b"]);
    let mut driver = Driver::again(meta(), BATCH, &cmds);
    let all = driver.send_all().len();
    for sent in 0..all {
        let mut driver = Driver::again(meta(), BATCH, &cmds);
        driver.send(sent);
        driver.receive(b"MN\r\n");
        let report = driver.finish().1;
        assert!(report.broken, "{sent}");
        let none = |told: &Told| matches!(told, Told::Abandoned { .. });
        assert!(report.told.iter().all(none), "{sent}");
    }
}

/// FM-09: quiet commands are settled when that is asked for, and failures counted, as many as there
/// were.
#[test]
fn fm09_quiet_commands_are_settled() {
    let quiet: Vec<_> = sets(&["a", "b", "c"]).into_iter().map(Cmd::quiet).collect();
    for (reply, failed) in [
        ("MN\r\n", vec![]),
        ("SERVER_ERROR\r\nMN\r\n", vec![Status::SERVER_ERROR]),
        (
            "NS O8\r\nSERVER_ERROR\r\nMN\r\n",
            vec![Status::NOT_STORED, Status::SERVER_ERROR],
        ),
        (
            "SERVER_ERROR\r\nSERVER_ERROR\r\nMN\r\n",
            vec![Status::SERVER_ERROR; 2],
        ),
    ] {
        for size in 1..=reply.len() {
            let mut driver = Driver::again(meta(), LONE, &quiet);
            driver.send_all();
            driver.session.ask_to_settle().expect("memory");
            assert!(!driver.session.all_sent() && driver.session.owes_quiet() == 4);
            assert_eq!(driver.send_all(), b"mn\r\n");
            driver.session.ask_to_settle().expect("memory");
            assert!(driver.session.all_sent(), "once is enough");
            let pieces = reply.as_bytes().chunks(size);
            pieces.for_each(|piece| driver.receive(piece));
            let (session, report) = driver.finish();
            assert!(report.in_step && session.owes_quiet() == 0);
            let seen: Vec<_> = report.quiet_failed.iter().map(|(s, _)| *s).collect();
            assert_eq!(seen, failed, "{reply:?}");
        }
    }
}

/// What is lost of quiet commands counts the commands, not the barriers between them.
#[test]
fn barriers_are_no_commands() {
    let quiet = [
        Cmd::new(Op::Set, "a").quiet(),
        Cmd::new(Op::Touch, "b").quiet(),
        Cmd::new(Op::Set, "c").quiet(),
    ];
    let mut driver = Driver::again(meta(), Way::default(), &quiet);
    driver.send_all();
    driver.session.ask_to_settle().expect("memory");
    driver.send_all();
    driver.session.poison("the end of a test");
    let (_, _, lost) = driver.finish_with_rest();
    assert_eq!(lost, [true, true, true]);
}
