//! What pymemcache's HashClient did with servers that fail, step by step, as recorded in
//! `tests/vectors/pymemcache_hashclient_failover.json`.

use std::sync::Arc;
use std::time::Duration;

use memcached2::cluster::health::policy::Policy;
use memcached2::cluster::health::{Failing, Health, Verdict};
use memcached2::cluster::node::Node;
use memcached2::cluster::placer::{Custom, Placer, Rule};
use memcached2::config::Config;
use memcached2::deadline::Moment;
use memcached2::error::{Failure, Status};
use memcached2::names::ServerName;
use serde_json::Value;

const TRACES: &str = include_str!("../vectors/pymemcache_hashclient_failover.json");
const SERVERS: [&str; 2] = ["10.0.0.1:11211", "10.0.0.2:11211"];

/// A HashClient with servers that do as they are told.
struct Client {
    placer: Placer,
    servers: Vec<Arc<Health>>,
    does: [String; 2],
    now: Moment,
    /// A failure ends a command that goes to all.
    raises: bool,
    calls: Vec<String>,
}

impl Client {
    fn new(trace: &Value) -> Client {
        let mut uris = format!("{}?placement=pymemcache&reconnect=pymemcache", SERVERS[0]);
        let config = &trace["config"];
        for name in ["retry_attempts", "retry_timeout", "dead_timeout"] {
            if let Some(number) = config[name].as_u64() {
                let unit = if name == "retry_attempts" { "" } else { "s" };
                uris += &format!("&{name}={number}{unit}");
            }
        }
        let config_of_ours = Config::from_list(&format!("{uris},{}", SERVERS[1])).unwrap();
        let now = Moment::from_nanos(1 << 40);
        let policy = Policy::new(&config_of_ours.options, None, now);
        let names = SERVERS.map(ServerName::new);
        let rule = Rule {
            options: config_of_ours.options.clone(),
            custom: Custom::default(),
        };
        let nodes: Vec<Node> = config_of_ours.servers.iter().map(Node::from).collect();
        Client {
            placer: Placer::new(&rule, &nodes).unwrap(),
            servers: names.map(|name| Health::new(&policy, name, 0, now)).into(),
            does: [(); 2].map(|()| String::from("up")),
            now,
            raises: config["ignore_exc"] != true,
            calls: Vec::new(),
        }
    }

    /// One command to one server; `false`: it raised something.
    fn call(&mut self, op: &str, server: usize) -> bool {
        let health = &self.servers[server];
        if !matches!(health.admit(self.now, None), Verdict::Go) {
            return true;
        }
        self.calls.push(format!("{op} {}", SERVERS[server]));
        let failing = match self.does[server].as_str() {
            "refused" => Failing::Unreachable,
            "timeout" => Failing::Silent(Duration::from_secs(1)),
            "unexpectedclose" => Failing::Closed,
            does => {
                assert!(["up", "servererror"].contains(&does), "{does}");
                health.answered(|| self.now);
                return does == "up";
            }
        };
        let failure = Failure::new(Status::CONNECT_FAILED, "as it was told");
        health.failed(failing, &failure, None, self.now);
        false
    }

    fn command(&mut self, op: &str, key: &str) {
        if op == "flush_all" {
            for server in 0..SERVERS.len() {
                if !self.call(op, server) && self.raises {
                    return;
                }
            }
            return;
        }
        let up = |server: usize| !self.servers[server].is_down(self.now);
        // All are asked, as all are looked at there.
        let all: Vec<bool> = (0..SERVERS.len()).map(up).collect();
        if let Some(server) = self
            .placer
            .place(key.as_bytes(), b"", &|server| all[server])
        {
            self.call(op, server);
        }
    }

    fn ring(&self) -> Vec<&'static str> {
        let up = |at: &usize| !self.servers[*at].is_down(self.now);
        (0..SERVERS.len())
            .filter(up)
            .map(|at| SERVERS[at])
            .collect()
    }
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|one| one.as_str().expect("a text"))
        .collect()
}

#[test]
fn every_step_of_the_recorded_traces() {
    let all: Value = serde_json::from_str(TRACES).expect("traces");
    let (mut steps, mut calls) = (0, 0);
    for trace in all["traces"].as_array().expect("traces") {
        let label = trace["label"].as_str().expect("a label");
        let key = trace["key"].as_str().expect("a key");
        let mut client = Client::new(trace);
        for (n, step) in trace["steps"].as_array().expect("steps").iter().enumerate() {
            if let Some(does) = step["health"].as_object() {
                for (server, does) in does {
                    let server: usize = server.parse().expect("a number");
                    client.does[server] = does.as_str().expect("a word").into();
                }
                continue;
            }
            if let Some(seconds) = step["advance"].as_f64() {
                client.now = client.now.after(Duration::from_secs_f64(seconds));
                continue;
            }
            let op = step["op"].as_str().expect("an op");
            if op == "remove_server" && step["raises"].is_null() {
                // The program changes its list: what is held against servers goes with them.
                break;
            }
            client.calls.clear();
            if op != "remove_server" {
                client.command(op, key);
            }
            let expected: Vec<String> = step["calls"]
                .as_array()
                .expect("calls")
                .iter()
                .map(|call| texts(call).join(" "))
                .collect();
            assert_eq!(client.calls, expected, "{label}, step {n}: {step}");
            let mut ring = texts(&step["ring"]);
            ring.sort_unstable();
            assert_eq!(client.ring(), ring, "{label}, step {n}: {step}");
            steps += 1;
            calls += expected.len();
        }
    }
    println!("{steps} steps with {calls} calls, as pymemcache made them");
    assert!(steps > 60, "{steps}");
}
