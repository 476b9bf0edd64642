use super::*;

const AWS: &[u8] = b"CONFIG cluster 0 136\r\n12\nmyCluster.pc4ldq.0001.use1.cache.amazonaws.com|10.82.235.120|11211 myCluster.pc4ldq.0002.use1.cache.amazonaws.com|10.80.249.27|11211\n\r\nEND\r\n";

fn told(form: Form, bytes: &[u8]) -> &[u8] {
    match reply(form, bytes) {
        Reply::List(list) => list,
        other => panic!("{other:?}"),
    }
}

/// As `list` in one reply of that form.
fn framed(form: Form, list: &[u8], end: &[u8]) -> Vec<u8> {
    let head = match form {
        Form::Config => "CONFIG cluster",
        Form::Item => "VALUE AmazonElastiCache:cluster",
    };
    let head = format!("{head} 0 {}\r\n", list.len());
    [head.as_bytes(), list, end].concat()
}

/// The example of the documentation of ElastiCache, in both forms.
#[test]
fn a_list_is_read() {
    let body = &AWS[22..AWS.len() - 7];
    for bytes in [
        framed(Form::Config, body, b"\r\nEND\r\n"),
        framed(Form::Config, body, b"\r\n\r\nEND\r\n"),
        framed(Form::Item, body, b"\r\nEND\r\n"),
    ] {
        let form = match bytes[0] {
            b'C' => Form::Config,
            _ => Form::Item,
        };
        let list = list(told(form, &bytes)).expect("a list");
        assert_eq!(list.version, 12);
        let first = list.servers[0];
        assert_eq!(first.host, "myCluster.pc4ldq.0001.use1.cache.amazonaws.com");
        assert_eq!((first.ip, first.port), ("10.82.235.120", 11211));
        assert_eq!(list.servers[1].ip, "10.80.249.27");
        assert_eq!(list.servers.len(), 2);
    }
}

/// At every byte, what is there is the beginning of a reply and nothing else; one byte more than there is
/// to be is no reply.
#[test]
fn a_reply_may_be_cut_at_every_byte() {
    let body = b"1\na.b|10.0.0.1|11211 c||2\n";
    for (form, end) in [
        (Form::Config, &b"\r\nEND\r\n"[..]),
        (Form::Config, b"\r\n\r\nEND\r\n"),
        (Form::Item, b"\r\nEND\r\n"),
    ] {
        let mut whole = framed(form, body, end);
        for cut in 0..whole.len() {
            assert_eq!(reply(form, &whole[..cut]), Reply::More, "cut at {cut}");
        }
        assert_eq!(told(form, &whole), body);
        whole.push(b'x');
        assert!(matches!(reply(form, &whole), Reply::Broken(_)));
    }
    for line in ["END\r\n", "ERROR\r\n"] {
        for cut in 0..line.len() {
            assert_eq!(reply(Form::Config, &line.as_bytes()[..cut]), Reply::More);
        }
        assert_eq!(reply(Form::Config, line.as_bytes()), Reply::Nothing);
    }
}

#[test]
fn what_is_no_reply_is_told_as_such() {
    let long = [&b"CONFIG cluster 0 "[..], &[b'1'; LINE_MAX]].concat();
    let other = framed(Form::Item, b"1\na||1\n", b"\r\nEND\r\n");
    for bytes in [
        &b"CONFIG cluster 0 5\n"[..],
        b"CONFIG cluster 0\r\n",
        b"CONFIG cluster 0 x\r\n",
        b"CONFIG cluster 0 5 6\r\n",
        b"CONFIG cluster 0 -1\r\n",
        b"CONFIG cluster 0 262145\r\n",
        b"CONFIG cluster 0 18446744073709551616\r\n",
        b"CONFIG other 0 5\r\n",
        b"CONFIG cluster 0 3\r\n1\na||1\r\nEND\r\n",
        b"CONFIG cluster 0 7\r\n1\na||1\r\nEND\r\n",
        b"CONFIG cluster 0 6\r\n1\na||1\r\nENDE",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"END\r\nEND\r\n",
        &long,
        &other,
    ] {
        let answer = reply(Form::Config, bytes);
        let text = String::from_utf8_lossy(bytes);
        assert!(matches!(answer, Reply::Broken(_)), "{text}: {answer:?}");
    }
    let words = b"SERVER_ERROR out of memory";
    let line = [&words[..], b"\r\n"].concat();
    let Reply::Refused(_, told) = reply(Form::Config, &line) else {
        panic!("a refusal");
    };
    assert_eq!(told, words);
}

#[test]
fn a_list_is_what_it_says_or_nothing() {
    let read = |text: &'static str| list(text.as_bytes());
    let listed = |host, ip, port| Listed { host, ip, port };
    for (text, version, servers) in [
        ("1\na|10.0.0.1|2", 1, vec![listed("a", "10.0.0.1", 2)]),
        ("1\r\na|10.0.0.1|2\r\n", 1, vec![listed("a", "10.0.0.1", 2)]),
        // Of TLS: no address, and a name that begins with digits.
        (
            "3\n0001.x-y||11211\n\n",
            3,
            vec![listed("0001.x-y", "", 11211)],
        ),
        // Memorystore: the address twice.
        (
            "3\n10.0.0.9|10.0.0.9|1",
            3,
            vec![listed("10.0.0.9", "10.0.0.9", 1)],
        ),
        ("3\n|2001:db8::1|1", 3, vec![listed("", "2001:db8::1", 1)]),
        ("0\n", 0, vec![]),
        ("5", 5, vec![]),
        (
            "18446744073709551615\na||1  b||65535 ",
            u64::MAX,
            vec![listed("a", "", 1), listed("b", "", 65535)],
        ),
    ] {
        assert_eq!(read(text), Ok(List { version, servers }), "{text}");
    }
    for text in [
        "",
        "\n",
        "x\na||1",
        "-1\na||1",
        "1 \na||1",
        "18446744073709551616\na||1",
    ] {
        assert_eq!(read(text), Err(Malformed::Version), "{text}");
    }
    assert_eq!(read("1\na||1\nb||1"), Err(Malformed::Surplus));
    for text in [
        "1\na||1 b",
        "1\na||1 b|1",
        "1\na||1 b||1|",
        "1\na||1 ||1",
        "1\na||1 b||0",
        "1\na||1 b||65536",
        "1\na||1 b||+1",
        "1\na||1 b||",
        "1\na||1 b/c||1",
        "1\na||1 b@c||1",
        "1\na||1 b,c||1",
        "1\na||1 b|x|1",
        "1\na||1 b|1%2|1",
        "1\na||1 \u{e9}||1",
    ] {
        assert!(matches!(read(text), Err(Malformed::Server(2, _))), "{text}");
    }
    let long = format!("1\n{}||1", "a".repeat(254));
    assert!(matches!(
        list(long.as_bytes()),
        Err(Malformed::Server(1, _))
    ));
    let many = format!("1\n{}", "a||1 ".repeat(SERVERS_MAX + 1));
    assert_eq!(list(many.as_bytes()), Err(Malformed::TooMany));
}
