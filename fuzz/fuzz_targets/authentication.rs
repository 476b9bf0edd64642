//! Any bytes as what a server says to a new connection that authenticates, in lines (-Y) and by SASL:
//! nothing panics, however it is cut the same follows from it, nothing is taken for a yes that is none, and
//! the password goes out only where the server asks for it and nobody else can listen.
//!
//! An input is a byte that says how it begins (way: modulo 3; 4: others can listen), the sizes of
//! four pieces (0: all that is left) which are repeated, and what the server says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memcached2::config::Credentials;
use memcached2::connection::auth::{Authentication, End, Next, Refusal, Way};
use memcached2::uri::Secret;

const PASSWORD: &[u8] = b"correct-horse";
const NONCE: u64 = 7;

fn credentials() -> Credentials {
    Credentials {
        user: "ann".into(),
        password: Secret::new(PASSWORD.to_vec()),
    }
}

/// What came of it.
#[derive(PartialEq, Eq, Debug)]
enum Ends {
    /// Commands can be sent, behind so many bytes of the server's.
    Over {
        used: usize,
        told: bool,
    },
    Refused(String),
    /// The server says no more.
    Silent(End),
}

struct Input<'a> {
    way: Way,
    private: bool,
    sizes: [usize; 4],
    said: &'a [u8],
}

impl Input<'_> {
    fn read(input: &[u8]) -> Option<Input<'_>> {
        let ([how, sizes @ ..], said) = input.split_first_chunk::<5>()?;
        Some(Input {
            way: [Way::Asking, Way::AtOnce, Way::Sasl][usize::from(how & 3) % 3],
            private: how & 4 == 0,
            sizes: sizes.map(|size| match size {
                0 => usize::MAX,
                n => usize::from(n),
            }),
            said,
        })
    }

    /// The whole exchange; each reply comes in these pieces.
    fn run(&self, sizes: &[usize]) -> Ends {
        let credentials = credentials();
        let begun = Authentication::begin(self.way, &credentials, self.private, NONCE);
        let mut own = match begun {
            Ok(own) => own,
            Err(why) => return self.refused(&why, b""),
        };
        let mut used = 0;
        loop {
            self.send(&mut own);
            let rest = &self.said[used..];
            let (mut come, mut sizes) = (0, sizes.iter().cycle());
            let next = loop {
                match own.go_on(&rest[..come], &credentials, NONCE) {
                    Ok(Next::Receive) if come == rest.len() => return Ends::Silent(own.end()),
                    Ok(Next::Receive) => {
                        let size = sizes.next().expect("sizes without end");
                        come = come.saturating_add(*size).min(rest.len());
                    }
                    Ok(next) => break next,
                    Err(why) => return self.refused(&why, &rest[..come]),
                }
            };
            match next {
                Next::Send(n) | Next::Over(n) => {
                    assert!((1..=come).contains(&n), "{n} of {come} bytes");
                    self.is_said(&rest[..n], next, own.tells());
                    used += n;
                }
                Next::Receive => unreachable!("it was waited for more"),
            }
            if matches!(next, Next::Over(_)) {
                let told = own.tells();
                return Ends::Over { used, told };
            }
        }
    }

    /// All that it has to say, the password only where it may be.
    fn send(&self, own: &mut Authentication) {
        let mut sent = Vec::new();
        while let Some(byte) = own.unsent().first() {
            sent.push(*byte);
            own.wrote(1);
        }
        assert!(!sent.is_empty(), "nothing to send, and nothing to wait for");
        let has_it = sent.windows(PASSWORD.len()).any(|part| part == PASSWORD);
        assert_eq!(has_it, own.tells());
        assert!(!has_it || self.private, "everybody has heard it");
    }

    /// What a reply of this connection's means stands in it.
    fn is_said(&self, reply: &[u8], next: Next, told: bool) {
        match (self.way, next, told) {
            (Way::Sasl, ..) => {
                assert_eq!(reply[0], 0x81);
                assert_eq!(reply[6..8], [0, 0], "a status that is not success");
            }
            (_, Next::Over(_), true) => assert_eq!(reply, b"STORED\r\n"),
            (_, Next::Over(_), false) => {
                assert!(reply.starts_with(b"VERSION") || reply.starts_with(b"ERROR"));
            }
            (..) => assert!(reply.starts_with(b"CLIENT_ERROR")),
        }
    }

    fn refused(&self, why: &Refusal, unread: &[u8]) -> Ends {
        let text = match why {
            Refusal::Server(status, text) => format!("{status:?}: {:?}", text.of(unread)),
            Refusal::Public => {
                assert!(!self.private, "nobody listens");
                format!("{why:?}")
            }
            why => format!("{why:?}"),
        };
        assert!(!text.contains("correct-horse"));
        Ends::Refused(text)
    }
}

fuzz_target!(|input: &[u8]| {
    let Some(input) = Input::read(input) else {
        return;
    };
    let whole = input.run(&[usize::MAX]);
    assert_eq!(input.run(&input.sizes), whole);
    assert_eq!(input.run(&[1]), whole);
});
