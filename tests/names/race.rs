//! The machine of the race, with a clock of the test's.

use std::net::SocketAddr;
use std::time::Duration;

use memcached2::deadline::{self, Moment};
use memcached2::transport::race::{ADDRESSES_MAX, Race, Step, order, stagger};

const STAGGER: u64 = 50;
const END: u64 = 250;

/// A race, and the time in milliseconds since it began.
struct Timed {
    race: Race,
    begin: Moment,
    now: u64,
}

impl Timed {
    fn new(count: usize) -> Timed {
        Timed::with(count, STAGGER, Some(END))
    }

    fn with(count: usize, stagger: u64, end: Option<u64>) -> Timed {
        let begin = deadline::now();
        let end = end.map(|end| begin.after(Duration::from_millis(end)));
        Timed {
            race: Race::new(count, Duration::from_millis(stagger), end),
            begin,
            now: 0,
        }
    }

    fn at(&self, millis: u64) -> Moment {
        self.begin.after(Duration::from_millis(millis))
    }

    /// What is to be done at that time, up to the wait or the end: the addresses that start, and that.
    fn steps(&mut self, now: u64) -> (Vec<usize>, Step) {
        self.now = now;
        let mut started = Vec::new();
        loop {
            match self.race.step(self.at(now)) {
                Step::Start(index) => started.push(index),
                end => return (started, end),
            }
        }
    }

    fn wait(&self, until: u64) -> Step {
        Step::Wait(Some(self.at(until)))
    }

    /// Let the time pass as the waits say: when each address started, and how the race ended.
    fn run(&mut self) -> (Vec<(usize, u64)>, Step, u64) {
        let mut starts = Vec::new();
        loop {
            let now = self.now;
            let (started, end) = self.steps(now);
            starts.extend(started.into_iter().map(|index| (index, now)));
            match end {
                Step::Wait(Some(until)) => {
                    let after = until.since(self.begin);
                    assert!(after > Duration::from_millis(now), "a wait for nothing");
                    self.now = u64::try_from(after.as_millis()).expect("short");
                }
                end => return (starts, end, now),
            }
        }
    }
}

#[test]
fn one_address_starts_at_once_and_waits_for_the_end() {
    let mut race = Timed::new(1);
    assert_eq!(race.steps(0), (vec![0], race.wait(END)));
    assert_eq!(race.steps(100), (vec![], race.wait(END)));
    assert_eq!(race.steps(END), (vec![], Step::Late));
}

#[test]
fn one_address_that_fails_is_all_there_was() {
    let mut race = Timed::new(1);
    race.steps(0);
    race.race.failed(0);
    assert_eq!(race.steps(1), (vec![], Step::Lost));
}

#[test]
fn no_address_is_lost_at_once() {
    assert_eq!(Timed::new(0).steps(0), (vec![], Step::Lost));
    assert_eq!(Timed::with(0, 0, None).steps(0), (vec![], Step::Lost));
}

/// FM-70: where nobody answers, the next address is tried after a pause, while the first goes on.
#[test]
fn fm70_silent_addresses_cost_a_pause_each() {
    let mut race = Timed::new(4);
    let (starts, end, at) = race.run();
    assert_eq!(starts, [(0, 0), (1, 50), (2, 100), (3, 150)]);
    assert_eq!((end, at), (Step::Late, END));
}

#[test]
fn a_pause_is_waited_for_and_no_longer() {
    let mut race = Timed::new(2);
    assert_eq!(race.steps(0), (vec![0], race.wait(STAGGER)));
    assert_eq!(race.steps(49), (vec![], race.wait(STAGGER)));
    assert_eq!(race.steps(50), (vec![1], race.wait(END)));
}

#[test]
fn a_failure_starts_the_next_at_once() {
    let mut race = Timed::new(3);
    race.steps(0);
    race.race.failed(0);
    assert_eq!(race.steps(7), (vec![1], race.wait(57)));
    race.race.failed(1);
    assert_eq!(race.steps(9), (vec![2], race.wait(END)));
    race.race.failed(2);
    assert_eq!(race.steps(11), (vec![], Step::Lost));
}

/// The failure of an older one counts too.
#[test]
fn any_failure_starts_the_next() {
    let mut race = Timed::new(4);
    race.steps(0);
    assert_eq!(race.steps(50).0, [1]);
    race.race.failed(0);
    assert_eq!(race.steps(60), (vec![2], race.wait(110)));
    assert_eq!(race.steps(110), (vec![3], race.wait(END)));
    for index in [1, 3] {
        race.race.failed(index);
        assert_eq!(race.steps(120), (vec![], race.wait(END)));
    }
    race.race.failed(2);
    assert_eq!(race.steps(121), (vec![], Step::Lost));
}

/// Two that fail together start one: the next of them waits for its own turn.
#[test]
fn failures_together_start_one() {
    let mut race = Timed::new(4);
    race.steps(0);
    race.steps(50);
    race.race.failed(0);
    race.race.failed(1);
    assert_eq!(race.steps(51), (vec![2], race.wait(101)));
}

/// A caller that was held up starts one and gives it its time.
#[test]
fn a_late_look_starts_one_only() {
    let mut race = Timed::new(3);
    race.steps(0);
    assert_eq!(race.steps(140), (vec![1], race.wait(190)));
    assert_eq!(race.steps(240), (vec![2], race.wait(END)));
}

#[test]
fn all_refused_is_over_at_once() {
    let mut race = Timed::new(5);
    for index in 0..5 {
        assert_eq!(race.steps(1).0, [index]);
        race.race.failed(index);
    }
    assert_eq!(race.steps(1), (vec![], Step::Lost));
}

/// That all have failed says more than that the time is up.
#[test]
fn lost_at_the_end_is_lost() {
    let mut race = Timed::new(1);
    race.steps(0);
    race.race.failed(0);
    assert_eq!(race.steps(END + 10), (vec![], Step::Lost));
}

#[test]
fn nothing_starts_when_the_time_is_up() {
    let mut race = Timed::new(3);
    race.steps(0);
    race.race.failed(0);
    assert_eq!(race.steps(END), (vec![], Step::Late));
}

#[test]
fn without_an_end_the_last_is_waited_for_without_one() {
    let mut race = Timed::with(2, STAGGER, None);
    assert_eq!(race.steps(0), (vec![0], race.wait(STAGGER)));
    assert_eq!(race.steps(50), (vec![1], Step::Wait(None)));
    assert_eq!(race.steps(1_000_000), (vec![], Step::Wait(None)));
}

#[test]
fn no_pause_starts_all_together() {
    let mut race = Timed::with(5, 0, Some(END));
    assert_eq!(race.steps(0), (vec![0, 1, 2, 3, 4], race.wait(END)));
}

#[test]
fn more_addresses_than_are_tried() {
    let mut race = Timed::with(40, 0, Some(END));
    assert_eq!(race.steps(0).0.len(), ADDRESSES_MAX);
    for index in 0..ADDRESSES_MAX {
        race.race.failed(index);
    }
    assert_eq!(race.steps(1), (vec![], Step::Lost));
}

/// An address that rests holds nobody up, and is tried again when it has rested.
#[test]
fn a_resting_address_is_tried_again() {
    let mut race = Timed::new(1);
    race.steps(0);
    race.race.rest(0, race.at(2));
    assert_eq!(race.steps(0), (vec![], race.wait(2)));
    assert_eq!(race.steps(1), (vec![], race.wait(2)));
    assert_eq!(race.steps(2), (vec![0], race.wait(END)));
    race.race.rest(0, race.at(END + 5));
    assert_eq!(race.steps(3), (vec![], race.wait(END)));
    assert_eq!(race.steps(END), (vec![], Step::Late));
}

#[test]
fn others_start_while_one_rests() {
    let mut race = Timed::new(2);
    race.steps(0);
    race.race.rest(0, race.at(60));
    assert_eq!(race.steps(1), (vec![], race.wait(50)));
    assert_eq!(race.steps(50), (vec![1], race.wait(60)));
    assert_eq!(race.steps(60), (vec![0], race.wait(END)));
}

/// FM-61: however many addresses there are, the last starts within the time.
#[test]
fn fm61_the_last_has_a_share_of_the_time() {
    for time in [1, 10, 100, 250, 1000, 60_000] {
        for count in 1..=ADDRESSES_MAX {
            let time = Duration::from_millis(time);
            let pause = stagger(count, Some(time));
            assert!(pause <= Duration::from_millis(50));
            let share = u32::try_from(count).expect("few");
            assert!(pause * share <= time, "{count} addresses in {time:?}");
            let is_share = pause == time / (share + 1);
            assert!(is_share || pause == Duration::from_millis(50));
        }
    }
    assert_eq!(stagger(2, None), Duration::from_millis(50));
    assert_eq!(
        stagger(4, Some(Duration::from_millis(250))),
        Duration::from_millis(50)
    );
    assert_eq!(
        stagger(9, Some(Duration::from_millis(250))),
        Duration::from_millis(25)
    );
}

fn addresses(list: &str) -> Vec<SocketAddr> {
    let parse = |one: &str| match one.strip_prefix('v') {
        Some(number) => format!("[2001:db8::{number}]:0").parse().expect("IPv6"),
        None => format!("192.0.2.{one}:0").parse().expect("IPv4"),
    };
    list.split_whitespace().map(parse).collect()
}

/// FM-70: `v1` is of IPv6, `1` of IPv4.
#[test]
fn fm70_families_alternate() {
    for (given, ordered) in [
        ("", ""),
        ("1", "1"),
        ("v1", "v1"),
        ("1 2 3", "1 2 3"),
        ("v1 v2 1 2", "v1 1 v2 2"),
        ("1 2 v1 v2", "1 v1 2 v2"),
        ("v1 v2 v3 1", "v1 1 v2 v3"),
        ("v1 1 2 3", "v1 1 2 3"),
        ("1 v1 v2 2 v3", "1 v1 2 v2 v3"),
    ] {
        assert_eq!(order(&addresses(given)), addresses(ordered), "{given}");
    }
}

/// The bound cuts the list that alternates: both families are among those that are tried.
#[test]
fn the_bound_leaves_both_families() {
    let mut many: Vec<String> = (1..=40).map(|n| format!("v{n}")).collect();
    many.push("1".into());
    let ordered = order(&addresses(&many.join(" ")));
    assert_eq!(ordered.len(), ADDRESSES_MAX);
    assert_eq!(ordered[..3], addresses("v1 1 v2"));
    let many: Vec<String> = (1..=17).map(|n| n.to_string()).collect();
    let all = addresses(&many.join(" "));
    assert_eq!(order(&all), all[..ADDRESSES_MAX]);
}
