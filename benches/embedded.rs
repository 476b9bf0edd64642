//! What commands cost the embedded server, without a client: run under callgrind with two numbers of
//! rounds, the difference of which is divided by the difference of the counts.
//!
//! ```text
//! cargo bench --bench embedded -- get 100000
//! ```

use memcached2::connection::embedded::{Embedded, StoreSettings, open};
use memcached2::transport::pipe::Peer;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let [what, rounds] = &words[..] else {
        eprintln!("embedded get|miss|gets|multi|set|incr ROUNDS");
        std::process::exit(2);
    };
    let rounds: u64 = rounds.parse().expect("a number of rounds");
    let value = "v".repeat(100);
    let command = match what.as_str() {
        "get" => "get key0000077\r\n".to_string(),
        "miss" => "get key0000xyz\r\n".to_string(),
        "gets" => "gets key0000077\r\n".to_string(),
        "multi" => {
            let keys: String = (0..100).map(|n| format!(" key{n:07}")).collect();
            format!("get{keys}\r\n")
        }
        "set" => format!("set key0000077 0 0 100\r\n{value}\r\n"),
        "incr" => "incr number 1\r\n".to_string(),
        other => panic!("no command {other}"),
    };
    let store = open("", StoreSettings::default()).expect("a store");
    let mut connection = Embedded::new(&store);
    let mut replies = Vec::new();
    let mut hear = |text: &str| {
        replies.clear();
        let open = connection.hear(text.as_bytes(), &mut replies);
        assert_eq!(open, Ok(true));
        replies.len()
    };
    for n in 0..1000 {
        hear(&format!("set key{n:07} 0 0 100\r\n{value}\r\n"));
    }
    hear("set number 0 0 7\r\n1000000\r\n");
    let mut bytes = 0;
    for _ in 0..rounds {
        bytes += hear(&command);
    }
    println!("{what}: {rounds} rounds, {bytes} bytes of replies");
}
