//! Servers that fail: when they are left alone, who tries them, and when they are used again.

mod support;

#[path = "health/back.rs"]
mod back;
#[path = "health/breaker.rs"]
mod breaker;
#[path = "health/hash_client.rs"]
mod hash_client;
#[path = "health/loops.rs"]
mod loops;
#[path = "conn/peer.rs"]
mod peer;
#[path = "health/rules.rs"]
mod rules;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use peer::{Line, Peer};
use support::client::CIRCUIT_OPEN;
/// What a server does with what it is asked.
pub const ANSWERS: u32 = 0;
pub const SILENT: u32 = 1;
/// It closes the connection, in the middle of the command.
pub const CLOSES: u32 = 2;
pub const REFUSES: u32 = 3;

/// A server in ASCII whose every get is a miss, unless it is told to do something else.
pub struct Moody {
    peer: Peer,
    mood: Arc<AtomicU32>,
    /// Commands that came.
    asked: Arc<AtomicUsize>,
    now: Arc<AtomicUsize>,
    /// The most commands that were not done with at one time.
    most: Arc<AtomicUsize>,
}

impl Moody {
    pub fn new(mood: u32) -> Moody {
        let mood = Arc::new(AtomicU32::new(mood));
        let counters = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let [asked, now, most] = counters;
        let (m, a, n, x) = (mood.clone(), asked.clone(), now.clone(), most.clone());
        let peer = Peer::new(move |mut line, _| {
            while let Some(command) = read_line(&mut line) {
                a.fetch_add(1, Ordering::SeqCst);
                x.fetch_max(n.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let goes_on = answer(&mut line, &command, m.load(Ordering::SeqCst));
                n.fetch_sub(1, Ordering::SeqCst);
                if !goes_on {
                    return;
                }
            }
        });
        Moody {
            peer,
            mood,
            asked,
            now,
            most,
        }
    }

    pub fn is_now(&self, mood: u32) {
        self.mood.store(mood, Ordering::SeqCst);
    }

    pub fn uri(&self, options: &str) -> String {
        self.peer.uri(&format!("?protocol=ascii&{options}"))
    }

    /// How many commands came so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// How many connections there were.
    pub fn accepted(&self) -> usize {
        self.peer.accepted()
    }

    /// Count anew how many commands there are at one time.
    pub fn begin_to_count(&self) {
        self.most
            .store(self.now.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

fn read_line(line: &mut Line) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n") {
        text.push(line.receive_some()?);
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Whether the connection goes on.
fn answer(line: &mut Line, command: &str, mood: u32) -> bool {
    match mood {
        // Until nobody waits any more.
        SILENT => {
            while line.receive_some().is_some() {}
            false
        }
        CLOSES => {
            // Those who come meanwhile are to be seen.
            std::thread::sleep(Duration::from_millis(10));
            false
        }
        REFUSES => line.send_or_not(b"SERVER_ERROR out of memory\r\n"),
        _ if command.contains("later") => {
            std::thread::sleep(Duration::from_millis(100));
            line.send_or_not(b"END\r\n")
        }
        _ if command.contains("silence") => {
            while line.receive_some().is_some() {}
            false
        }
        _ => line.send_or_not(b"END\r\n"),
    }
}
