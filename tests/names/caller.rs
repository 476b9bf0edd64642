//! A client whose resolver a test has in its hands, and what its calls come to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use memcached2::buffer::{Chunk, Place};
use memcached2::client::sink::{Answer, Sent, Sink};
use memcached2::client::{Client, Limit};
use memcached2::config::Config;
use memcached2::error::{Failure, Phase, Result, Status};
use memcached2::observe::Observer;
use memcached2::operation::Token;
use memcached2::operation::command::Commands;
use memcached2::protocol::{Command, Op, ValueHead};
use memcached2::transport::resolve::Resolver;

use crate::support::client::SLACK;

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Value(Vec<u8>),
    Done,
    Miss,
    Failed(Status, Phase, i32, String),
}

impl Outcome {
    pub fn value(text: &str) -> Outcome {
        Outcome::Value(text.into())
    }

    /// The status, of a failure.
    pub fn status(&self) -> Option<Status> {
        match self {
            Outcome::Failed(status, ..) => Some(*status),
            _ => None,
        }
    }

    /// A failure of that kind whose text holds `part`.
    #[track_caller]
    pub fn assert_failed(&self, status: Status, phase: Phase, part: &str) {
        match self {
            Outcome::Failed(s, p, _, text) => {
                assert_eq!((*s, *p), (status, phase), "{text}");
                assert!(text.contains(part), "{text:?} lacks {part:?}");
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn errno(&self) -> i32 {
        match self {
            Outcome::Failed(_, _, errno, _) => *errno,
            _ => 0,
        }
    }
}

/// Keeps what it is told, and when.
#[derive(Default)]
struct Gathered(Vec<(Outcome, Duration)>, Option<Instant>, Vec<u32>);

impl Gathered {
    fn of(count: usize) -> Gathered {
        let nothing = (Outcome::Done, Duration::MAX);
        Gathered(vec![nothing; count], Some(Instant::now()), vec![0; count])
    }

    fn tell(&mut self, tag: Token, outcome: Outcome) {
        let after = self.1.expect("begun").elapsed();
        self.0[tag as usize] = (outcome, after);
    }
}

impl Sink for Gathered {
    fn sent(&mut self, tag: Token, sent: &Sent) {
        self.2[tag as usize] = sent.lane;
    }

    fn value(&mut self, tag: Token, _: &ValueHead, value: &[u8]) {
        self.tell(tag, Outcome::Value(value.into()));
    }

    fn place(&mut self, _: Token, _: &ValueHead, _: bool) -> Option<&mut dyn Place> {
        None
    }

    fn placed(&mut self, _: Token, _: &ValueHead) {}

    fn answer(&mut self, tag: Token, answer: Answer<'_>) {
        let outcome = match answer {
            Answer::Miss(_) => Outcome::Miss,
            _ => Outcome::Done,
        };
        self.tell(tag, outcome);
    }

    fn fail(&mut self, tag: Token, failure: Box<Failure>) {
        let Failure {
            status,
            phase,
            errno,
            text,
            ..
        } = *failure;
        self.tell(tag, Outcome::Failed(status, phase, errno, text));
    }

    /// The end of a lane: what nothing was told of went well by then.
    fn keep(&mut self, lane: u32, _: Vec<Chunk>, _: Vec<u8>) {
        let after = self.1.expect("begun").elapsed();
        let untold = self.0.iter_mut().zip(&self.2);
        for ((_, told), of) in untold {
            if *of == lane && *told == Duration::MAX {
                *told = after;
            }
        }
    }
}

/// One command for each key; what is stored is the key.
struct Many<'a>(Op, &'a [String]);

impl Commands for Many<'_> {
    fn count(&self) -> usize {
        self.1.len()
    }
    fn blank(&self) -> Command<'_> {
        Command::new(self.0, b"")
    }
    fn fill<'s>(&'s self, index: usize, command: &mut Command<'s>) -> Result<()> {
        command.key = self.1[index].as_bytes();
        if self.0.sends_value() {
            command.value = command.key;
        }
        Ok(())
    }
}

pub struct Caller(Client);

impl Caller {
    pub fn new(servers: &str, resolver: &Arc<Resolver>) -> Caller {
        let config = Config::from_list(servers).expect("a list of servers");
        Caller(Client::with_resolver(config, resolver.clone()).expect("a client"))
    }

    /// A client of this configuration, which tells `observer` what happens to its connections.
    #[allow(dead_code)] // for the tests of authentication
    pub fn of(config: Config, observer: Option<Arc<dyn Observer>>) -> Caller {
        Caller(Client::new(config, observer).expect("a client"))
    }

    pub fn get(&self, key: &str) -> Outcome {
        self.execute(Command::new(Op::Get, key.as_bytes()))
    }

    pub fn set(&self, key: &str, value: &str) -> Outcome {
        let mut command = Command::new(Op::Set, key.as_bytes());
        command.value = value.as_bytes();
        self.execute(command)
    }

    fn execute(&self, command: Command<'_>) -> Outcome {
        let mut sink = Gathered::of(1);
        self.0.execute_any(&command, Limit::Default, &mut sink);
        sink.0.remove(0).0
    }

    /// What each key's get came to, and after how long.
    pub fn get_multi(&self, keys: &[String]) -> Vec<(Outcome, Duration)> {
        self.multi(Op::Get, keys)
    }

    /// What `op` came to for each key, and after how long; what is stored is the key.
    pub fn multi(&self, op: Op, keys: &[String]) -> Vec<(Outcome, Duration)> {
        let mut sink = Gathered::of(keys.len());
        self.0
            .execute_multi(&Many(op, keys), Limit::Default, &mut sink);
        sink.0
    }

    pub fn is_on(&self, key: &str, server: &str) -> bool {
        let name = self.0.server_for_key(key.as_bytes()).expect("a server");
        name.to_string() == server
    }

    /// Connections are made anew from now on.
    pub fn close(&self) {
        self.0.close();
    }

    pub fn set_servers(&self, list: &str) {
        self.0.set_servers(list).expect("a list of servers");
    }
}

/// What a call comes to that has to wait for its time: it ends with it, not much later.
#[track_caller]
pub fn in_time<T>(limit: Duration, call: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let answer = call();
    let took = began.elapsed();
    // The kernel may end a wait a tick early.
    assert!(
        took + Duration::from_millis(5) >= limit,
        "ended after {took:?}"
    );
    assert!(took <= limit + SLACK, "{took:?}");
    answer
}

/// What a call comes to that must not wait for what others wait for.
#[track_caller]
pub fn not_late<T>(call: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let answer = call();
    assert!(began.elapsed() <= SLACK, "{:?}", began.elapsed());
    answer
}

/// Ask until it is as `wanted`, which it must be in time.
#[track_caller]
pub fn until<T: std::fmt::Debug>(mut ask: impl FnMut() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = ask();
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < end, "still {answer:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
