//! Any bytes as what a configuration endpoint says: nothing panics, a reply that is whole at one byte was
//! not whole before and is none with more, and a list holds nothing but what stands in the bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memcached2::config::Config;
use memcached2::options::Prefer;
use memcached2::protocol::config::{Form, LINE_MAX, Reply, list, reply};
use memcached2::uri::Address;

fuzz_target!(|input: &[u8]| {
    for form in [Form::Config, Form::Item] {
        is_cut_anywhere(form, input);
    }
    is_a_list(input);
});

/// The first bytes of what is a reply are the beginning of one.
fn is_cut_anywhere(form: Form, bytes: &[u8]) {
    let Reply::List(told) = reply(form, bytes) else {
        return;
    };
    for cut in 0..bytes.len() {
        assert_eq!(reply(form, &bytes[..cut]), Reply::More);
    }
    let more = [bytes, b"x"].concat();
    assert!(matches!(reply(form, &more), Reply::Broken(_)));
    assert!(bytes.len() - told.len() <= LINE_MAX + 16);
    is_a_list(told);
}

fn is_a_list(bytes: &[u8]) {
    let Ok(found) = list(bytes) else {
        return;
    };
    let endpoint = Config::from_list("discover://user:secret@cfg.test").expect("an endpoint");
    for one in &found.servers {
        assert!(one.port > 0 && !(one.host.is_empty() && one.ip.is_empty()));
        let text = format!("{}|{}|{}", one.host, one.ip, one.port);
        let stands = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(stands, "{text}");
        for prefer in [Prefer::Ip, Prefer::Name] {
            let spec = endpoint.servers[0].found(one.host, one.ip, one.port, prefer);
            let Ok(spec) = spec else {
                continue;
            };
            let known_as = [one.host, one.ip].into_iter().find(|text| !text.is_empty());
            let Address::Tcp { host, port } = &spec.uri.address else {
                panic!("{spec:?}");
            };
            let same_literal = host.parse::<std::net::IpAddr>().is_ok();
            assert!(same_literal || Some(host.as_str()) == known_as);
            assert_eq!(*port, one.port);
            assert!(spec.uri.params.is_empty() && spec.credentials.is_some());
            assert!(prefer == Prefer::Ip || spec.at.is_none());
        }
    }
}
