//! URIs: every spelling that is taken, every mistake that is refused, and where it is.

#[path = "uri/tables.rs"]
mod tables;

use memcached2::client::Client;
use memcached2::config::{self, Config};
use memcached2::error::{Failure, Status};
use memcached2::options::Options;
use memcached2::uri::{Address, ServerUri, parse_list, parse_params};

use tables::{BAD, GOOD};

fn refusal(text: &str) -> Box<Failure> {
    match ServerUri::parse(text) {
        Ok(uri) => panic!("{text:?} is taken, as {uri:?}"),
        Err(failure) => failure,
    }
}

#[test]
fn every_spelling_is_taken() {
    for (text, scheme, name) in GOOD {
        let uri = ServerUri::parse(text).unwrap_or_else(|failure| panic!("{text:?}: {failure}"));
        assert_eq!(
            (uri.scheme, uri.name().as_str()),
            (*scheme, *name),
            "{text:?}"
        );
        let again = ServerUri::parse(&uri.name()).unwrap();
        assert_eq!(again.address, uri.address, "{text:?}");
        assert_eq!(again.name(), uri.name(), "{text:?}");
        assert!(!again.has_credentials() && again.params.is_empty());
    }
    println!("{} spellings", GOOD.len());
}

#[test]
fn every_mistake_is_refused_at_its_byte() {
    for (text, status, at) in BAD {
        let failure = refusal(text);
        assert_eq!(failure.status, *status, "{text:?}: {failure}");
        let start = format!("server URI, byte {at}: ");
        assert!(
            failure.text.starts_with(&start),
            "{text:?}: {failure}, not {start}"
        );
    }
    println!("{} mistakes", BAD.len());
    assert!(GOOD.len() + BAD.len() >= 80);
}

#[test]
fn the_parts_are_decoded() {
    let uri =
        ServerUri::parse("memcached://a%40b:p%3A%2F%C3%A9@h:1/?alias=x%2Cy&key_prefix=%26%3D%3a=+")
            .unwrap();
    assert_eq!(
        uri.address,
        Address::Tcp {
            host: "h".into(),
            port: 1
        }
    );
    assert_eq!(uri.user.as_deref(), Some("a@b"));
    assert_eq!(uri.password.as_ref().unwrap().expose(), "p:/é".as_bytes());
    assert_eq!(uri.param("alias"), Some("x,y"));
    assert_eq!(uri.param("key_prefix"), Some("&=:=+"));
    assert_eq!(uri.param("weight"), None);
    let names: Vec<_> = uri.params.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["alias", "key_prefix"]);

    let uri = ServerUri::parse("memcached+unix:///a%20b%2C").unwrap();
    assert_eq!(
        uri.address,
        Address::Unix {
            path: "/a b,".into()
        }
    );
    let uri = ServerUri::parse("u:@h").unwrap();
    assert!(uri.password.unwrap().expose().is_empty());
    assert_eq!(ServerUri::parse("u@h").unwrap().password, None);
    // A password is bytes.
    let uri = ServerUri::parse("u:%ff%0A%20%7f:@h").unwrap();
    assert_eq!(uri.password.unwrap().expose(), b"\xff\n \x7f:");
}

#[test]
fn lengths_are_limited() {
    let path = format!("/{}", "p".repeat(106));
    assert_eq!(ServerUri::parse(&path).unwrap().name(), path);
    let encoded = format!("/{}", "%70".repeat(106));
    assert_eq!(ServerUri::parse(&encoded).unwrap().name(), path);
    assert_eq!(refusal(&format!("{path}p")).status, Status::INVALID_URI);
    assert_eq!(
        refusal(&format!("/{}", "é".repeat(54))).status,
        Status::INVALID_URI
    );

    let label = "l".repeat(63);
    assert!(ServerUri::parse(&label).is_ok());
    refusal(&format!("{label}l"));
    let name = format!("{label}.{label}.{label}.{}", "l".repeat(61));
    assert_eq!(name.len(), 253);
    assert!(ServerUri::parse(&name).is_ok());
    assert!(ServerUri::parse(&format!("{name}.")).is_ok());
    refusal(&format!("{name}l"));
}

#[test]
fn lists_are_separated_by_a_comma_or_white_space() {
    let names = |list: &str| -> Vec<String> {
        let uris = parse_list(list).unwrap_or_else(|failure| panic!("{list:?}: {failure}"));
        uris.iter().map(ServerUri::name).collect()
    };
    for list in ["", " ", "\t\r\n  "] {
        assert!(names(list).is_empty(), "{list:?}");
    }
    for list in ["a", " a", "a\n", "\ta "] {
        assert_eq!(names(list), ["a:11211"], "{list:?}");
    }
    for list in [
        "a,/b,[::1]:1",
        "a /b [::1]:1",
        " a , /b ,[::1]:1 ",
        "a\n/b\r\n\r\n::1?x=,[::1]:1",
    ] {
        let expected: &[&str] = match list.contains('?') {
            true => &["a:11211", "/b", "[::1]:11211", "[::1]:1"],
            false => &["a:11211", "/b", "[::1]:1"],
        };
        assert_eq!(names(list), expected, "{list:?}");
    }
    let long = vec!["a"; 5000].join(",");
    assert_eq!(names(&long).len(), 5000);
}

#[test]
fn mistakes_in_lists_name_the_entry_and_the_byte() {
    for (list, entry, at) in [
        (",", 1, 0),
        ("  ,a", 1, 2),
        ("a,", 2, 2),
        ("a, ", 2, 3),
        ("a,,b", 2, 2),
        ("a, ,b", 2, 3),
        ("a b:0", 2, 4),
        ("a,b,memcached://c:99999", 3, 18),
        ("a\0", 1, 1),
        ("a\u{b}b", 1, 1),
        ("a,b?x=y@z", 2, 7),
    ] {
        let failure = parse_list(list).map(|_| ()).unwrap_err();
        let start = format!("servers, entry {entry}, byte {at}: ");
        assert!(
            failure.text.starts_with(&start),
            "{list:?}: {failure}, not {start}"
        );
        assert_eq!(failure.status, Status::INVALID_URI);
    }
    let failure = parse_list("a ftp://b").unwrap_err();
    assert_eq!(failure.status, Status::UNKNOWN_PROTOCOL);
}

#[test]
fn lists_of_parameters() {
    let pairs = |list: &str| parse_params(list).unwrap();
    assert!(pairs("").is_empty() && pairs(" \n").is_empty());
    let two = [("a".to_string(), "1,".to_string()), ("b".into(), "".into())];
    for list in [
        "a=1%2C&b=",
        "a=1%2c,b=",
        "a=1%2C b=",
        " a=1%2C\nb=\n",
        "a=1%2C, &b=,",
    ] {
        assert_eq!(pairs(list), two, "{list:?}");
    }
    for list in ["a", "a=1 b", "=1", "a=1&a=2", "a=%", "a=\0"] {
        let failure = parse_params(list).unwrap_err();
        assert_eq!(failure.status, Status::INVALID_ARGUMENT, "{list:?}");
        assert!(failure.text.starts_with("options, byte "), "{failure}");
    }
}

/// A password may be misplaced in many ways; whatever is said about it, it is not said aloud.
#[test]
fn no_text_holds_a_credential() {
    const PASSWORD: [&str; 16] = [
        "hunter2",
        "hun,ter2",
        "hun ter2",
        "hun/ter2",
        "hun?ter2",
        "hun#ter2",
        "hun@ter2",
        "hun:ter2",
        "hun%ter2",
        "hun%00ter2",
        "hun\tter2",
        "hun\0ter2",
        "hun?a=ter2",
        "hun[ter2",
        "hun://ter2",
        "hun%ffter2",
    ];
    const AROUND: [(&str, &str); 12] = [
        ("memcached://alice:", "@cache:11211/"),
        ("memcacheds://alice:", "@cache"),
        ("alice:", "@cache:x"),
        ("memcached+unix://alice:", "@/path"),
        ("memcached://alice:", "@"),
        ("memcached://:", "@cache"),
        ("memcached://alice:", "@[::1"),
        ("memcached://alice:", "@127.0.0.1/?timeout=x"),
        ("a,b memcached://alice:", "@cache,c"),
        ("memory://alice:", "@x"),
        ("discover://alice:", "@x:0"),
        ("xyz://alice:", "@x"),
    ];
    let mut texts = 0;
    for password in PASSWORD {
        for (before, behind) in AROUND {
            let text = format!("{before}{password}{behind}");
            let mut said = Vec::new();
            match ServerUri::parse(&text) {
                Ok(uri) => said.push(format!("{uri:?} {:#?} {}", uri, uri.name())),
                Err(failure) => said.push(format!("{failure} {failure:?}")),
            }
            match parse_list(&text) {
                Ok(uris) => said.push(format!("{uris:?}")),
                Err(failure) => said.push(format!("{failure} {failure:?}")),
            }
            let mut config = Config::default();
            let added = config.add_server(&text, 0);
            said.push(format!("{added:?} {config:?} {config:#?}"));
            said.extend(added.err().map(|failure| failure.to_string()));
            match Config::from_list(&text) {
                Ok(config) => {
                    let names = config.servers.iter().map(|server| server.name.to_string());
                    said.extend(names);
                    said.push(format!("{config:?}"));
                    let client = Client::new(config, None);
                    said.extend(client.err().map(|failure| format!("{failure} {failure:?}")));
                }
                Err(failure) => said.push(format!("{failure} {failure:?}")),
            }
            let failure = config::find_server(&[], &text).expect_err(&text);
            said.push(format!("{failure} {failure:?}"));
            for said in said {
                texts += 1;
                for credential in ["hun", "ter2", "alice"] {
                    assert!(!said.contains(credential), "{text:?} makes {said}");
                }
            }
        }
    }
    println!("{texts} texts looked through");
}

/// Any text at all: no panic, and what parses names itself.
#[test]
fn the_parser_is_total() {
    const PIECES: [&str; 40] = [
        "memcached",
        "memcache",
        "memcached+unix",
        "memory",
        "discover",
        "unix",
        "://",
        ":",
        "/",
        "//",
        "?",
        "&",
        "=",
        "@",
        "[",
        "]",
        "::1",
        "127.0.0.1",
        "localhost",
        "a",
        ".",
        "%",
        "%41",
        "%2C",
        "%00",
        "%C3%A9",
        "é",
        ",",
        " ",
        "\t",
        "\0",
        "\u{85}",
        "11211",
        "0",
        "65536",
        "weight",
        "timeout",
        "1s",
        "#",
        "\u{1F600}",
    ];
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..100_000 {
        let text: String = (0..next(12)).map(|_| PIECES[next(PIECES.len())]).collect();
        match parse_list(&text) {
            Ok(uris) => {
                taken += uris.len();
                for uri in uris {
                    let again = ServerUri::parse(&uri.name()).unwrap();
                    assert_eq!(again.address, uri.address, "{text:?}");
                    assert_eq!(again.name(), uri.name(), "{text:?}");
                }
            }
            Err(failure) => {
                refused += 1;
                let known = [Status::INVALID_URI, Status::UNKNOWN_PROTOCOL];
                assert!(known.contains(&failure.status), "{text:?}: {failure:?}");
            }
        }
        let _ = Options::default().apply_list(&text);
        let _ = Config::from_list(&text);
    }
    println!("{taken} URIs taken, {refused} lists refused");
    assert!(taken > 1000 && refused > 1000);
}

/// Every prefix and every single-byte change of a full URI.
#[test]
fn damaged_uris_do_no_harm() {
    let whole =
        "memcached://u%20v:p%C3%A9@[2001:db8::1]:11211/?timeout=1s&alias=caf%C3%A9&weight=2";
    assert!(ServerUri::parse(whole).is_ok());
    let mut tried = 0;
    for at in 0..whole.len() {
        let _ = ServerUri::parse(&whole[..at]);
        for byte in 0..128u8 {
            let mut bytes = whole.as_bytes().to_vec();
            bytes[at] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(uri) = ServerUri::parse(&text) {
                assert_eq!(ServerUri::parse(&uri.name()).unwrap().address, uri.address);
            }
            tried += 1;
        }
    }
    println!("{tried} damaged URIs");
}
