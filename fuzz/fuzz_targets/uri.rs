//! Any text as a list of servers, as a URI and as a list of options: nothing panics, what parses
//! names itself, and what was set is what is read back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memcached2::config::Config;
use memcached2::options::{Options, Scope, TABLE};
use memcached2::uri::{ServerUri, parse_list};

fuzz_target!(|text: &str| {
    if let Ok(uris) = parse_list(text) {
        uris.iter().for_each(names_itself);
    }
    match ServerUri::parse(text) {
        Ok(uri) => names_itself(&uri),
        Err(failure) => assert!(!failure.text.is_empty()),
    }
    if let Ok(config) = Config::from_list(text) {
        survives_its_text(&config.options);
        assert!(config.servers.iter().all(|server| server.weight >= 1));
    }
    let mut options = Options::default();
    match options.apply_list(text) {
        Ok(()) => survives_its_text(&options),
        Err(_) => assert_eq!(options, Options::default()),
    }
});

fn names_itself(uri: &ServerUri) {
    let again = ServerUri::parse(&uri.name()).expect("a name is a URI");
    assert_eq!(again.address, uri.address);
    assert_eq!(again.name(), uri.name());
    assert!(!again.has_credentials() && again.params.is_empty());
}

fn survives_its_text(options: &Options) {
    let mut again = Options::default();
    for row in TABLE.iter().filter(|row| row.scope == Scope::Client) {
        let text = options.get(row.name).expect("a row of the table");
        again.set(row.name, &text).expect("what was got can be set");
    }
    assert_eq!(again, *options);
}
