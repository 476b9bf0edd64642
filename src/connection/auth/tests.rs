use super::*;
use crate::protocol::binary::header::{HEADER_LEN, Header, REPLY};
use crate::protocol::binary::status;
use crate::uri::Secret;

fn ann() -> Credentials {
    Credentials {
        user: "ann".into(),
        password: Secret::new(b"p w".to_vec()),
    }
}

fn begin(way: Way) -> Authentication {
    Authentication::begin(way, &ann(), true, 7).expect("begun")
}

/// All that is to be sent, in pieces.
fn sent(said: &mut Authentication) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(byte) = said.unsent().first().copied() {
        all.push(byte);
        said.wrote(1);
    }
    assert_eq!(said.out, Overwritten::default(), "nothing is kept of it");
    all
}

fn frame(opcode: u8, status: u16, body: &[u8]) -> Vec<u8> {
    let header = Header {
        magic: REPLY,
        opcode,
        status,
        body_len: body.len() as u32,
        ..Header::default()
    };
    [&header.to_bytes()[..], body].concat()
}

fn mechanisms(names: &str) -> Vec<u8> {
    frame(opcode::SASL_LIST, status::SUCCESS, names.as_bytes())
}

/// FM-95: nothing is sent behind the credentials, and nothing in front of the server's question.
#[test]
fn fm95_one_thing_at_a_time() {
    let mut said = begin(Way::Asking);
    assert_eq!(sent(&mut said), auth::QUESTION);
    assert_eq!((said.tells(), said.end()), (false, End::Asks));
    let reply = b"CLIENT_ERROR unauthenticated\r\n";
    for n in 0..reply.len() {
        let next = said.go_on(&reply[..n], &ann(), 7).expect("a part");
        assert_eq!(next, Next::Receive);
    }
    let next = said.go_on(reply, &ann(), 7).expect("a question");
    assert_eq!(next, Next::Send(reply.len()));
    assert_eq!((said.tells(), said.end()), (true, End::Asks));
    let told = b"set memcached2:authentication:7 0 -1 7\r\nann p w\r\n";
    assert_eq!(sent(&mut said), told);
    let next = said.go_on(b"STORED\r\n", &ann(), 7).expect("taken");
    assert_eq!(next, Next::Over(8));

    let mut said = begin(Way::AtOnce);
    assert_eq!(sent(&mut said), told);
    assert_eq!((said.tells(), said.end()), (true, End::Refuses));
    let refused = said.go_on(b"CLIENT_ERROR authentication failure\r\n", &ann(), 7);
    assert!(matches!(refused, Err(Refusal::Credentials)));
}

/// FM-93: with nobody to trust between, the credentials are not even written down.
#[test]
fn fm93_not_in_public() {
    let begin = |way| Authentication::begin(way, &ann(), false, 7);
    assert!(matches!(begin(Way::AtOnce), Err(Refusal::Public)));
    let mut said = begin(Way::Asking).expect("a question");
    let asked = said.go_on(b"CLIENT_ERROR unauthenticated\r\n", &ann(), 7);
    assert!(matches!(asked, Err(Refusal::Public)));
    assert_eq!(said.unsent(), auth::QUESTION);
    let mut said = begin(Way::Sasl).expect("a question");
    let asked = said.go_on(&mechanisms("PLAIN"), &ann(), 7);
    assert!(matches!(asked, Err(Refusal::Public)));
}

/// FM-97: the list, then PLAIN, and what servers answer.
#[test]
fn fm97_sasl() {
    let mut said = begin(Way::Sasl);
    let list = sent(&mut said);
    assert_eq!((list.len(), list[1]), (HEADER_LEN, opcode::SASL_LIST));
    assert_eq!((said.tells(), said.end()), (false, End::Nothing));
    for names in ["PLAIN", "CRAM-MD5 PLAIN", "PLAIN LOGIN"] {
        let mut said = begin(Way::Sasl);
        let reply = mechanisms(names);
        let next = said.go_on(&reply, &ann(), 7).expect("a list");
        assert_eq!(next, Next::Send(reply.len()));
        let told = sent(&mut said);
        assert_eq!(told[1], opcode::SASL_AUTH);
        assert_eq!(&told[HEADER_LEN..], b"PLAIN\0ann\0p w");
        let answer = |said: &mut Authentication, status, body: &[u8]| {
            said.go_on(&frame(opcode::SASL_AUTH, status, body), &ann(), 7)
        };
        let taken = answer(&mut said, status::SUCCESS, b"Authenticated");
        assert!(matches!(taken, Ok(Next::Over(37))));
        for wrong in [status::AUTH_ERROR, status::OTHER_AUTH_ERROR] {
            let refused = answer(&mut said, wrong, b"Auth failure.");
            assert!(matches!(refused, Err(Refusal::Credentials)), "{wrong}");
        }
        for odd in [
            status::AUTH_CONTINUE,
            status::OTHER_AUTH_CONTINUE,
            status::BUSY,
        ] {
            let refused = answer(&mut said, odd, b"more");
            assert!(matches!(refused, Err(Refusal::Unexpected(_))), "{odd}");
        }
    }
    for names in ["", "PLAINER", "XPLAIN", "plain", "CRAM-MD5"] {
        let refused = begin(Way::Sasl).go_on(&mechanisms(names), &ann(), 7);
        assert!(matches!(refused, Err(Refusal::NoPlain)), "{names}");
    }
    let unknown = frame(
        opcode::SASL_LIST,
        status::UNKNOWN_COMMAND,
        b"Unknown command",
    );
    let refused = begin(Way::Sasl).go_on(&unknown, &ann(), 7);
    assert!(matches!(refused, Err(Refusal::NoSasl)));
}

/// What is written down has the room that it takes, from the beginning: no copy is left behind.
#[test]
fn fm98_nothing_grows() {
    for way in [Way::AtOnce, Way::Sasl] {
        for len in [1, 100, 900] {
            let credentials = Credentials {
                user: "u".repeat(len),
                password: Secret::new(vec![b'p'; len]),
            };
            let mut said = Authentication::begin(way, &credentials, true, u64::MAX).expect("begun");
            if way == Way::Sasl {
                said.go_on(&mechanisms("PLAIN"), &credentials, 7)
                    .expect("a list");
            }
            let room = match way {
                Way::Sasl => FRAME_ROOM + 2 + 2 * len,
                _ => auth::LINE_ROOM + 2 * len,
            };
            assert!(said.unsent().len() <= room, "{way:?} {len}");
            assert_eq!(said.out.buffer().capacity(), room, "{way:?} {len}");
        }
    }
}
