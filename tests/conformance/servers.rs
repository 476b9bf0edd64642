//! What the rows run over: the cells of the table.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::abi;
#[cfg(feature = "tls")]
use crate::certificates;
use crate::client::Client;
use crate::support::memcached::Memcached;

/// A server that rows run against, as long as its value lives.
pub struct Server {
    pub uri: String,
    /// Let time go by for the server.
    pub advance: Box<dyn Fn(Duration) + Send + Sync>,
}

/// Makes a new, empty server.
pub type Maker = fn() -> Server;

/// The kinds of servers. The first is the one that expectations are recorded from.
pub const SERVERS: &[(&str, Maker)] = &[
    ("tcp", || real(Memcached::tcp(FLAGS))),
    ("unix", || real(Memcached::unix(FLAGS))),
    ("memory", embedded),
    #[cfg(feature = "tls")]
    ("tls", || real(certificates::memcached(FLAGS))),
];

/// The protocols, as the option of this name says them.
pub const PROTOCOLS: &[&str] = &["ascii", "meta", "binary", "auto"];

/// How the commands of a row are carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Each by mc_execute_into.
    Single,
    /// As many at once as can be, by mc_execute_multi.
    Batch,
    /// As `Single`, every command by the general path.
    ShortcutOff,
    /// Each by mc_loop_submit.
    Loop,
    /// As `Batch`, by mc_loop_submit_multi.
    LoopBatch,
}

pub const FORMS: [(&str, Form); 5] = [
    ("single", Form::Single),
    ("batch", Form::Batch),
    ("shortcut-off", Form::ShortcutOff),
    ("loop", Form::Loop),
    ("loop-batch", Form::LoopBatch),
];

/// One thread is enough for one client; the limit of an item is the default's, 1 MiB.
const FLAGS: &[&str] = &["-t", "1", "-m", "256"];

/// The time of a real server goes by with ours.
fn real(server: Memcached) -> Server {
    Server {
        uri: server.uri(),
        advance: Box::new(move |time| {
            // The server lives as long as this function.
            let _server = &server;
            std::thread::sleep(time);
        }),
    }
}

/// A store in this process, whose time is moved. It lives as long as the client that moves it; those
/// of the rows find it by its name.
fn embedded() -> Server {
    static OPENED: AtomicU64 = AtomicU64::new(0);
    let number = OPENED.fetch_add(1, Ordering::Relaxed);
    let uri = format!("memory://conformance-{number}");
    let holder = Client::new(&format!("{uri}?clock=manual&limit=256m"));
    let (begun, caught_up) = (Instant::now(), AtomicU64::new(0));
    Server {
        uri,
        advance: Box::new(move |time| {
            // Moments are said by the system's clock, which the store's has stayed behind.
            let now = begun.elapsed().as_secs();
            let behind = now - caught_up.swap(now, Ordering::Relaxed);
            let seconds = time.as_secs_f64().ceil() as u64 + behind;
            assert_eq!(holder.memory_advance(seconds as i64), abi::OK);
        }),
    }
}

/// One way to run all rows.
#[derive(Clone, Copy)]
pub struct Column {
    pub protocol: &'static str,
    pub server: (&'static str, Maker),
    pub form: (&'static str, Form),
}

impl Column {
    /// What is expected of a batch is expected of it however it is carried out.
    pub fn tags(&self) -> Vec<&'static str> {
        let mut tags = vec![self.protocol, self.server.0, self.form.0];
        if self.form.1 == Form::LoopBatch {
            tags.push("batch");
        }
        tags
    }

    pub fn name(&self) -> String {
        [self.protocol, self.server.0, self.form.0].join("/")
    }
}

pub fn columns() -> Vec<Column> {
    let mut all = Vec::new();
    for protocol in PROTOCOLS {
        for server in SERVERS {
            all.extend(FORMS.map(|form| Column {
                protocol,
                server: *server,
                form,
            }));
        }
    }
    all
}
