use super::*;
use crate::config::Config;
use crate::options::Placement;

#[test]
fn tags_are_the_first_that_is_not_empty() {
    for (key, hashed) in [
        ("a{b}c", "b"),
        ("a{b}{c}", "b"),
        ("{b", "{b"),
        ("b}", "b}"),
        ("}{b}", "b"),
        ("{}b", "{}b"),
        ("{}{b}", "{}{b}"),
        ("{{b}}", "{b"),
        ("", ""),
    ] {
        assert_eq!(tagged(key.as_bytes()), hashed.as_bytes(), "{key}");
    }
}

fn placer(list: &str) -> Placer {
    let config = Config::from_list(list).expect("servers");
    let nodes: Vec<Node<'_>> = config.servers.iter().map(Node::from).collect();
    let rule = Rule {
        options: config.options,
        custom: Custom::default(),
    };
    Placer::new(&rule, &nodes).expect("memory")
}

fn keys() -> impl Iterator<Item = Vec<u8>> {
    (0..500).map(|number| format!("key:{number}").into_bytes())
}

/// FM-79: only the keys of the server that is down have another one, whatever the placement.
#[test]
fn fm79_keys_of_servers_that_are_up_stay() {
    for placement in Placement::ALL {
        let list = format!("a?placement={}&sort_servers=on,c,b,e,d", placement.word());
        let placer = placer(&list);
        for way in [StandIn::Next, StandIn::Rehash] {
            let (mut moved, mut lost) = ([0; 5], 0);
            for key in keys() {
                let home = placer.place(&key, b"", &|_| true).expect("a server");
                let up = |at| at != 1 && at != 3;
                let now = placer.stand_in(way, &key, b"", &up);
                match now {
                    // Its clients place all keys anew.
                    _ if *placement == Placement::AvailableServers => {}
                    _ if up(home) => assert_eq!(now, Some(home), "{placement:?}"),
                    Some(now) => {
                        assert!(up(now), "{placement:?} {way:?}");
                        moved[now] += 1;
                    }
                    None => lost += 1,
                }
            }
            let all = moved.iter().sum::<usize>() + lost;
            let nobody = [Placement::First, Placement::AvailableServers];
            assert!(all > 0 || nobody.contains(placement), "{placement:?}");
            // Ten tries may find nobody, and the bug of the master branch often does not.
            let few = if *placement == Placement::MasterFractal {
                all
            } else {
                all / 50
            };
            assert!(
                lost <= few,
                "{placement:?} {way:?}: {lost} of {all} keys lost"
            );
        }
    }
}

/// Servers of the gutter have no keys, wherever they stand in the list.
#[test]
fn the_gutter_moves_no_key() {
    for options in ["", "&placement=ketama", "&sort_servers=on&placement=jump"] {
        let with = placer(&format!("g1?gutter=on{options},a,b,g2?gutter=on,c"));
        let without = placer(&format!("a?weight=1{options},b,c"));
        let gutter = with.gutter().expect("two servers");
        assert!(without.gutter().is_none());
        let mut counts = [0; 5];
        for key in keys() {
            let own = without.place(&key, b"", &|_| true).map(|at| [1, 2, 4][at]);
            assert_eq!(with.place(&key, b"", &|_| true), own, "{options}");
            let one = gutter.stand_in(StandIn::Next, &key, b"", &|_| true);
            counts[one.expect("one of the gutter")] += 1;
            let other = gutter.stand_in(StandIn::Next, &key, b"", &|at| at != 0);
            assert_eq!(other, Some(3), "{options}");
            assert_eq!(
                gutter.stand_in(StandIn::Next, &key, b"", &|at| at == 1),
                None
            );
        }
        assert_eq!((counts[1], counts[2], counts[4]), (0, 0, 0));
        assert!(counts[0] > 100 && counts[3] > 100, "{options}: {counts:?}");
    }
}

#[test]
fn a_key_ends_at_the_first_mark() {
    for (key, hashed) in [("a|#|b|#|c", "a"), ("a|#b", "a|#b"), ("|#|a", "")] {
        assert_eq!(stopped(key.as_bytes()), hashed.as_bytes(), "{key}");
    }
}
