//! A server that knows a few lines by heart, and keeps what it heard.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What each connection has heard: a command as one text, its opaque as `#`, its value behind a space.
type Heard = Arc<Mutex<Vec<Vec<String>>>>;

type Known = Arc<Vec<(String, String)>>;

pub struct Peer {
    port: u16,
    heard: Heard,
}

impl Peer {
    /// Its connections tell the versions in turn, the last one for ever (`gone`: they end instead; `ERROR`
    /// and what follows is told as it is), and answer the lines that are known, whenever.
    pub fn new(versions: &[&str], known: &[(&str, &str)]) -> Peer {
        Peer::begin(versions, known, false)
    }

    /// As `new`, each answer once, in this order.
    pub fn scripted(version: &str, script: &[(&str, &str)]) -> Peer {
        Peer::begin(&[version], script, true)
    }

    fn begin(versions: &[&str], known: &[(&str, &str)], once: bool) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Heard::default();
        let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
        let own = |(line, reply): &(&str, &str)| (line.to_string(), reply.to_string());
        let known: Known = Arc::new(known.iter().map(own).collect());
        let all = heard.clone();
        std::thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { return };
                all.lock().expect("no panic").push(Vec::new());
                let version = versions[n.min(versions.len() - 1)].clone();
                let (known, all) = (known.clone(), all.clone());
                std::thread::spawn(move || serve(stream, n, &version, &known, once, &all));
            }
        });
        Peer { port, heard }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was heard so far, connection by connection.
    pub fn heard(&self) -> Vec<Vec<String>> {
        self.heard.lock().expect("no panic").clone()
    }
}

/// Answer until the client is gone.
fn serve(
    stream: TcpStream,
    connection: usize,
    version: &str,
    known: &[(String, String)],
    once: bool,
    heard: &Heard,
) {
    let mut sink = stream.try_clone().expect("a second handle");
    let mut source = BufReader::new(stream);
    let mut place = 0;
    while let Some((line, opaque)) = command(&mut source) {
        heard.lock().expect("no panic")[connection].push(line.clone());
        let reply = match known.iter().find(|(known, _)| *known == line) {
            _ if line == "version" && version == "gone" => return,
            _ if line == "version" && version.starts_with("ERROR") => version.to_string(),
            _ if line == "version" => format!("VERSION {version}"),
            Some(_) if once => {
                let (expected, reply) = known.get(place).cloned().unwrap_or_default();
                place += 1;
                match expected == line {
                    true => reply,
                    false => format!("CLIENT_ERROR {expected} is expected"),
                }
            }
            Some((_, reply)) => reply.clone(),
            None => "CLIENT_ERROR not known".to_string(),
        };
        // Of a silent command.
        if reply.is_empty() {
            continue;
        }
        let reply = format!("{}\r\n", reply.replace('#', &opaque));
        if sink.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next command and its opaque.
fn command(source: &mut impl BufRead) -> Option<(String, String)> {
    let mut line = String::new();
    if source.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let line = line.strip_suffix("\r\n")?;
    let words: Vec<_> = line.split(' ').collect();
    let is_opaque = |word: &&&str| word.len() > 1 && word.starts_with('O');
    let opaque = words
        .iter()
        .skip(2)
        .find(is_opaque)
        .map(|word| word.to_string());
    let shown = words
        .iter()
        .map(|word| match Some(*word) == opaque.as_deref() {
            true => "#",
            false => word,
        });
    let mut shown = shown.collect::<Vec<_>>().join(" ");
    let len = match words[0] {
        "ms" => words.get(2),
        "set" | "add" | "append" => words.get(4),
        _ => None,
    };
    if let Some(len) = len {
        let mut value = vec![0; len.parse::<usize>().ok()? + 2];
        source.read_exact(&mut value).ok()?;
        shown += &format!(" {}", String::from_utf8_lossy(&value).trim_end());
    }
    Some((shown, opaque.unwrap_or_default()))
}
