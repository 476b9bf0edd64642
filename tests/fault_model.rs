//! The fault server, left to itself, answers as the real memcached does.
//!
//! Every script is sent, byte for byte the same, to both; what comes back must be the same.

mod faults;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use faults::frame::binary::Frame;
use faults::net::{Endpoint, Server, Transport};

const SCRIPTS: &[&str] = &[
    "get a\r\nset a 5 0 3\r\nabc\r\nget a\r\nget a a b a\r\ngets b\r\n",
    "set a 0 0 0\r\n\r\nget a\r\nset b 4294967295 0 2\r\n\r\n\r\nget b\r\n",
    "add k 0 0 1\r\n1\r\nadd k 0 0 1\r\n2\r\nget k\r\nreplace k 7 0 1\r\n3\r\nget k\r\nreplace none 0 0 1\r\nx\r\n",
    "append a 0 0 1\r\nx\r\nset a 9 0 2\r\nbc\r\nappend a 1 0 1\r\nd\r\nprepend a 2 0 1\r\na\r\nget a\r\n",
    "cas k 0 0 1 5\r\nx\r\nset k 0 0 1\r\nx\r\ncas k 0 0 1 99999\r\ny\r\nget k\r\ncas k 0 0 1\r\n",
    "delete k\r\nset k 0 0 1\r\nx\r\ndelete k\r\ndelete k 0\r\ndelete k 5\r\ndelete\r\n",
    "touch k 0\r\nset k 0 0 1\r\nx\r\ntouch k 100\r\ntouch k x\r\ntouch k\r\nget k\r\n",
    "set k 0 0 1\r\nx\r\ngat 100 k none\r\ngats x k\r\ngat 0\r\ngat\r\ngat -1 k\r\nget k\r\n",
    "set k 0 -1 1\r\nx\r\nget k\r\nset k 0 2592001 1\r\nx\r\nget k\r\nset k 0 100 1\r\nx\r\nget k\r\n",
    "incr n 1\r\nset n 0 0 2\r\n10\r\nincr n 5\r\ndecr n 6\r\nget n\r\ndecr n 100\r\nget n\r\nincr n x\r\nincr n -1\r\nincr n\r\n",
    "set n 0 0 20\r\n18446744073709551615\r\nincr n 1\r\nget n\r\nincr n 18446744073709551616\r\n",
    "set n 3 0 1\r\n9\r\nincr n 1\r\nget n\r\ndecr n 1\r\nget n\r\n",
    "set n 0 0 3\r\nabc\r\nincr n 1\r\nset n 0 0 0\r\n\r\nincr n 1\r\nset n 0 0 3\r\n 12\r\nincr n 1\r\nset n 0 0 2\r\n+5\r\nincr n 1\r\n",
    "set n 0 0 5\r\n5 abc\r\nincr n 1\r\nset n 0 0 4\r\n5abc\r\nincr n 1\r\nset n 0 0 2\r\n-1\r\nincr n 1\r\n",
    "set n 0 0 22\r\n0000000000000000000001\r\nincr n 1\r\nset n 0 0 25\r\n18446744073709551616     \r\nincr n 1\r\n",
    "set n 0 0 1\r\n1\r\ntouch n 0 x\r\ntouch n 0 x y\r\nincr n 1 2 3\r\ndelete n x\r\nflush_all 0 x\r\nset a 0 0 1 2 3\r\ncas a 0 0 1 1 z\r\nx\r\n",
    "set n 0 0 22\r\n0000000000000000000001\r\nincr n 1 noreply\r\nget n\r\nincr n 1 2\r\nset a 0 0 1 2\r\nx\r\n",
    "set k 0 0 x noreply\r\nset k 0 0 1 noreply\r\nxyz\r\nget k\r\nflush_all 0 noreply\r\nget k\r\n",
    "incr k x noreply\r\nset k 0 0 1\r\nx\r\nincr k 1 noreply\r\ntouch k x noreply\r\ndelete k 7 noreply\r\nget k\r\n",
    "flush_all\r\nset k 0 0 1\r\nx\r\nget k\r\nflush_all x\r\nflush_all 0\r\nget k\r\nflush_all noreply\r\nget k\r\n",
    "verbosity 0\r\nverbosity\r\n\r\nfoo\r\nget\r\ngets\r\nGET a\r\nset\r\nset a\r\nset a 0 0\r\n",
    "set k 0 0 1 noreply\r\nx\r\nget k\r\nincr k 1 noreply\r\ndelete k noreply\r\nget k\r\nfoo noreply\r\n",
    "set k x 0 1\r\nset k 0 x 1\r\nset k 0 0 x\r\nset k 0 0 -1\r\nset k 0 0 2147483647\r\nset k 0 0 1\r\nx\r\nget k\r\n",
    "set k 0 0 2\r\nabcd\r\nget k\r\n",
    "set k 0 0 4\r\nab\r\n\r\nget k\r\n",
    "get a\nset a 0 0 1\nx\r\nget a\n",
    "get  a  b \r\nset  a  0  0  1 \r\nx\r\nget a\r\n",
];

/// Scripts of the meta protocol.
const META: &[&str] = &[
    "mn\r\nmg k v k f O7\r\nmg k v k f q O8\r\nmn\r\nms k 2 F5 O9\r\nab\r\nmg k v k f O10\r\nmg k v k f q O11\r\nmn\r\n",
    "ms a 1 q O1\r\nx\r\nms b 0 O2\r\n\r\nmg a v k f q O3\r\nmg none v k f q O4\r\nmg b v k f O5\r\nmn\r\n",
    "ms k 1 ME O1\r\n1\r\nms k 1 ME O2\r\n2\r\nms k 1 MR O3\r\n3\r\nms k 1 MA O4\r\n4\r\nms k 1 MP O5\r\n5\r\nmg k v O6\r\nms no 1 MR O7\r\nx\r\nms no 1 MA q O8\r\nx\r\n",
    "ms k 1 C99999 O1\r\nx\r\nms k 1 O2\r\nx\r\nms k 1 C99999 O3 q\r\ny\r\nmg k v O4\r\n",
    "md k O1\r\nms k 1\r\nx\r\nmd k q O2\r\nmd k q O3\r\nms k 1\r\nx\r\nmd k k O4\r\nmn\r\n",
    "ma n MI v D5 O1\r\nms n 2 O2\r\n10\r\nma n MI v D5 O3\r\nma n MD v D6 O4\r\nmg n v O5\r\nma n MD v D100 O6\r\nma n O7\r\nma n q O8\r\nmn\r\n",
    "ms n 3\r\nabc\r\nma n MI v D1 O1\r\nma none MI v D1 q O2\r\nma m N0 J7 v O3\r\n",
    "ms k 1 T100\r\nx\r\nmg k t s v k O1\r\nmg k T-1 v O2\r\nmg k v O3\r\n",
    "mg k s v y O1\r\nmg k v v\r\nmg k O11111111111111111111111111111111\r\nms k 1 Fx\r\nx\r\nmg k v\r\n",
    "ms k 1 O1\r\nxyz\r\nmg k v O2\r\n",
    "version\r\nmg k v k f O1\r\nset k 5 0 1\r\nx\r\nmg k v k f O2\r\nget k\r\n",
];

/// Scripts too long to be written out.
fn long() -> Vec<String> {
    let key = "k".repeat(250);
    let large = "v".repeat(1024 * 1024);
    let fits = "v".repeat(1_048_500);
    vec![
        format!("set {key} 0 0 1\r\nx\r\nget {key}\r\nget {key}k\r\nset {key}k 0 0 1\r\nx\r\n"),
        format!("delete {key}k\r\nincr {key}k 1\r\ntouch {key}k 0\r\n"),
        format!(
            "set k 0 0 1\r\nx\r\nset k 0 0 {}\r\n{large}\r\nget k\r\n",
            large.len()
        ),
        format!(
            "set k 0 0 1\r\nx\r\nadd k 0 0 {}\r\n{large}\r\nget k\r\n",
            large.len()
        ),
        format!("set k 0 0 {}\r\n{fits}\r\nget k\r\n", fits.len()),
        format!("get {}\r\n", "none ".repeat(10_000)),
    ]
}

#[test]
fn it_answers_as_memcached_does() {
    let real = Real::start();
    let model = Server::start(Transport::Unix).expect("a server on a socket of its own");
    let Endpoint::Unix(model) = model.endpoint().clone() else {
        unreachable!()
    };
    let mut different = Vec::new();
    let all = SCRIPTS.iter().chain(META);
    for script in all.map(ToString::to_string).chain(long()) {
        let script = format!("flush_all\r\n{script}");
        let expected = answers(&real.socket, &script);
        let found = answers(&model, &script);
        if found != expected {
            let [script, found, expected] = [script.as_bytes(), &found, &expected].map(shown);
            different.push(format!(
                "script {script:?}\nmemcached {expected:?}\n    found {found:?}"
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

/// What a frame is made of: opcode, extras, key, value.
type Said<'s> = (u8, &'s [u8], &'s str, &'s [u8]);

/// Frames, each with an opaque of its own.
fn frames(script: &[Said<'_>]) -> Vec<u8> {
    let frame = |(n, &(opcode, extras, key, value)): (usize, &Said<'_>)| Frame {
        opcode,
        opaque: n as u32 + 1,
        cas: 0,
        extras: extras.to_vec(),
        key: key.into(),
        value: value.to_vec(),
    };
    let frames = script.iter().enumerate().map(frame);
    let bytes = frames.map(|frame| frame.bytes());
    bytes.collect::<Vec<_>>().concat()
}

/// The extras of incr and decr by 5, with a beginning of 7 or without.
fn counting(begins: bool) -> Vec<u8> {
    let expiry = if begins { 0u32 } else { u32::MAX };
    let numbers = [5u64.to_be_bytes(), 7u64.to_be_bytes()].concat();
    [numbers, expiry.to_be_bytes().to_vec()].concat()
}

#[test]
fn it_answers_frames_as_memcached_does() {
    use faults::frame::binary::opcode::*;
    let real = Real::start();
    let model = Server::start(Transport::Unix).expect("a server on a socket of its own");
    let Endpoint::Unix(model) = model.endpoint().clone() else {
        unreachable!()
    };
    let (flags, counted, begun) = ([0, 0, 0, 5, 0, 0, 0, 0], counting(false), counting(true));
    let large = vec![b'v'; 1 << 20];
    let scripts: &[&[Said<'_>]] = &[
        &[
            (GET, &[], "k", b""),
            (GETK, &[], "k", b""),
            (GETQ, &[], "k", b""),
            (GETKQ, &[], "k", b""),
            (SET, &flags, "k", b"ab"),
            (GET, &[], "k", b""),
            (GETK, &[], "k", b""),
            (GETQ, &[], "k", b""),
            (GETKQ, &[], "k", b""),
        ],
        &[
            (ADD, &flags, "k", b"1"),
            (ADD, &flags, "k", b"2"),
            (REPLACE, &flags, "k", b"3"),
            (REPLACE, &flags, "none", b"3"),
            (APPEND, &[], "k", b"4"),
            (PREPEND, &[], "k", b"5"),
            (APPEND, &[], "none", b"4"),
            (GETK, &[], "k", b""),
        ],
        &[
            (SETQ, &flags, "k", b"1"),
            (SETQ + 1, &flags, "k", b"2"),
            (DELETE, &[], "k", b""),
            (DELETE, &[], "k", b""),
            (VERSION, &[], "", b""),
            (NOOP, &[], "", b""),
        ],
        &[
            (INCREMENT, &counted, "n", b""),
            (INCREMENT, &begun, "n", b""),
            (INCREMENT, &counted, "n", b""),
            (DECREMENT, &counted, "n", b""),
            (GETK, &[], "n", b""),
            (SET, &flags, "n", b"abc"),
            (INCREMENT, &counted, "n", b""),
        ],
        &[
            (SET, &flags, "k", b"old"),
            (SET, &flags, "k", &large),
            (GETK, &[], "k", b""),
            (TOUCH, &[0, 0, 0, 0], "k", b""),
            (SET, &flags, "k", b""),
            (TOUCH, &[0, 0, 0, 100], "k", b""),
            (GAT, &[0, 0, 0, 100], "k", b""),
        ],
    ];
    for (n, script) in scripts.iter().enumerate() {
        let flushed = [&[(FLUSH, &[][..], "", &[][..])], *script].concat();
        let script = frames(&flushed);
        let expected = frames_answered(&real.socket, &script);
        let found = frames_answered(&model, &script);
        assert_eq!(found, expected, "script {n}");
    }
}

/// What is answered before the frame of an opaque that no script has, without the CAS of each.
fn frames_answered(socket: &Path, script: &[u8]) -> Vec<Vec<u8>> {
    use faults::frame::binary::{HEADER, opcode::NOOP};
    const LAST: u32 = 0xfeed;
    let mut stream = UnixStream::connect(socket).expect("the server listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a timeout can be set");
    let mut writer = stream.try_clone().expect("a second handle");
    let last = Frame {
        opcode: NOOP,
        opaque: LAST,
        cas: 0,
        extras: Vec::new(),
        key: Vec::new(),
        value: Vec::new(),
    };
    let bytes = [script, &last.bytes()].concat();
    let writing = std::thread::spawn(move || writer.write_all(&bytes));
    let mut answers = Vec::new();
    loop {
        let mut header = [0; HEADER];
        stream.read_exact(&mut header).expect("a header");
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|i| header[at + i]));
        if word(12) == LAST {
            break;
        }
        let mut body = vec![0; word(8) as usize];
        stream.read_exact(&mut body).expect("a body");
        header[16..].fill(0);
        answers.push([header.as_slice(), &body].concat());
    }
    let _ = writing.join();
    answers
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned()
}

/// Sends `script` with a last command behind it, and reads until that is answered.
fn answers(socket: &Path, script: &str) -> Vec<u8> {
    const LAST: &[u8] = b"STORED\r\nVALUE last 0 4\r\nLAST\r\nEND\r\n";
    let mut stream = UnixStream::connect(socket).expect("the server listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a timeout can be set");
    let mut writer = stream.try_clone().expect("a second handle");
    let bytes = [script.as_bytes(), b"set last 0 0 4\r\nLAST\r\nget last\r\n"].concat();
    let writing = std::thread::spawn(move || writer.write_all(&bytes));
    let mut answers = Vec::new();
    let mut buffer = [0; 65_536];
    while !answers.ends_with(LAST) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answers.extend_from_slice(&buffer[..read]),
            Err(error) => panic!(
                "{error} after {:?} to {:?}",
                shown(&answers),
                shown(script.as_bytes())
            ),
        }
    }
    let _ = writing.join();
    answers
}

struct Real {
    process: Child,
    directory: PathBuf,
    socket: PathBuf,
}

impl Real {
    fn start() -> Real {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mc-real-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a directory of our own");
        let socket = directory.join("s");
        let mut command = Command::new("memcached");
        command.args(["-u", "root", "-U", "0", "-s"]).arg(&socket);
        let process = command
            .stdin(Stdio::null())
            .spawn()
            .expect("memcached is installed");
        let until = Instant::now() + Duration::from_secs(5);
        while UnixStream::connect(&socket).is_err() {
            assert!(Instant::now() < until, "memcached does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Real {
            process,
            directory,
            socket,
        }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
