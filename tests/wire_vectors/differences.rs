//! Where this client says something else than another one was recorded to, and why.

use crate::dialect::Outcome;
use crate::python::Value;
use crate::record::Record;

#[derive(Debug)]
pub struct Difference {
    pub files: &'static [&'static str],
    pub call: &'static str,
    pub reply: &'static str,
    /// What ours says, in the other client's words: what is returned, or the exception after a `!`.
    pub says: &'static str,
    /// The other client's behaviour, by its number in the survey of the clients' features.
    pub row: &'static str,
    pub why: &'static str,
}

impl Difference {
    pub fn is_of(&self, file: &str) -> bool {
        self.files.contains(&file)
    }

    pub fn is(&self, file: &str, record: &Record) -> bool {
        self.is_of(file) && (self.call, self.reply) == (record.text.as_str(), record.reply.as_str())
    }

    pub fn ours(&self) -> Outcome {
        match self.says.strip_prefix('!') {
            Some(exception) => Outcome::Raises(exception.into()),
            None => Outcome::Returns(Value::parse(self.says)),
        }
    }
}

const MEMCACHED2: &[&str] = &["memcached2"];
const TWISTED: &[&str] = &["twisted"];
const BMEMCACHED: &[&str] = &["bmemcached"];
const PYMEMCACHE_3: &[&str] = &["pymemcache-3.2.0", "pymemcache-3.4.2"];
const PYMEMCACHE: &[&str] = &["pymemcache-3.2.0", "pymemcache-3.4.2", "pymemcache-4.0.0"];

const fn differs(
    files: &'static [&'static str],
    [call, reply]: [&'static str; 2],
    says: &'static str,
    row: &'static str,
    why: &'static str,
) -> Difference {
    Difference {
        files,
        call,
        reply,
        says,
        row,
        why,
    }
}

pub const DIFFERENCES: &[Difference] = &[
    differs(
        MEMCACHED2,
        ["set('foo', 'bar')", "EXISTS\r\n"],
        "!NotImplementedError",
        "M2-08",
        "its storage commands all have one reader of replies; to set no server answers EXISTS",
    ),
    differs(
        MEMCACHED2,
        ["set('foo', 'bar')", "NOT FOUND\r\n"],
        "!NotImplementedError",
        "M2-08",
        "as above, and to set no server answers that there is nothing",
    ),
    differs(
        MEMCACHED2,
        [
            "set('foo', 'bar')",
            "SERVER_ERROR object too large for cache\r\n",
        ],
        "!StoreException",
        "M2-08",
        "it knows no errors of the server; too large is a status here",
    ),
    differs(
        MEMCACHED2,
        ["set('foo', 'bar', cas_unique=5625)", "NOT_FOUND\r\n"],
        "!NotFound",
        "M2-08",
        "it knows `NOT FOUND` only, not what memcached says",
    ),
    differs(
        MEMCACHED2,
        ["set('a b', 'v')", "ERROR\r\n"],
        "!MemcachedException",
        "M2-29",
        "it sends any key; here an illegal one is refused unsent",
    ),
    differs(
        MEMCACHED2,
        ["stats()", "STAT a b c\r\nEND\r\n"],
        "[{'a': 'b c'}]",
        "M2-23",
        "it takes no text with spaces",
    ),
    differs(
        MEMCACHED2,
        ["stats_settings()", "STAT inter \r\nEND\r\n"],
        "[{'inter': ''}]",
        "M2-23",
        "it takes no empty text",
    ),
    differs(
        MEMCACHED2,
        ["stats_settings()", "STAT slab_automove 2\r\nEND\r\n"],
        "[{'slab_automove': 2}]",
        "M2-24",
        "it takes a number from 0 to 2 for yes or no",
    ),
    differs(
        MEMCACHED2,
        ["stats_sizes()", "STAT sizes_status disabled\r\nEND\r\n"],
        "[[('sizes_status', 'disabled')]]",
        "M2-27",
        "it knows no server that does not track sizes",
    ),
    differs(
        TWISTED,
        ["getMultiple([])", "ERROR\r\n"],
        "{}",
        "TW-04",
        "it sends a command without keys; here nothing is sent",
    ),
    differs(
        TWISTED,
        ["delete(b'k' * 251)", "CLIENT_ERROR\r\n"],
        "!ClientError",
        "TW-09",
        "its delete does not check the key, and takes no error without a text",
    ),
    differs(
        TWISTED,
        ["get(b'a b')", "END\r\n"],
        "!ClientError",
        "TW-13",
        "it sends such a key as two; here it is refused unsent",
    ),
    differs(
        TWISTED,
        ["stats()", "STAT novalue\r\nEND\r\n"],
        "{b'novalue': b''}",
        "TW-10",
        "a statistic without a text fails in its parser, and the call is never answered",
    ),
    differs(
        TWISTED,
        ["set(b'foo', b'bar')", "SERVER_ERROR\r\n"],
        "!ServerError",
        "TW-16",
        "an error without a text fails in its parser, and the call is never answered",
    ),
    differs(
        TWISTED,
        ["set(b'foo', b'bar')", "garbage\r\n"],
        "!RuntimeError",
        "TW-17",
        "what it does not know it takes for a number, and the call is never answered",
    ),
    differs(
        PYMEMCACHE,
        ["get('')", "END\r\n"],
        "!MemcacheIllegalInputError",
        "PY-14",
        "an empty key fails in its check of keys, or is sent",
    ),
    differs(
        PYMEMCACHE,
        ["get(' ')", "END\r\n"],
        "!MemcacheIllegalInputError",
        "PY-14",
        "as above, of a key of spaces",
    ),
    differs(
        PYMEMCACHE,
        [r"get('a\x01b')", "END\r\n"],
        "!MemcacheIllegalInputError",
        "PY-12",
        "it refuses white space and NUL only; here no key holds a control character",
    ),
    differs(
        PYMEMCACHE,
        [r"get('a\x7fb')", "END\r\n"],
        "!MemcacheIllegalInputError",
        "PY-12",
        "as above",
    ),
    differs(
        PYMEMCACHE,
        ["cas('k', b'v', 123)", "NOT_STORED\r\n"],
        "False",
        "PY-27",
        "it knows three replies to cas; here NOT_STORED refuses whatever stores",
    ),
    differs(
        PYMEMCACHE,
        ["get('k')", "VALUE other 0 3\r\nbar\r\nEND\r\n"],
        "!MemcacheUnknownError",
        "PY-48",
        "a value that was not asked for is whatever Python says of the line",
    ),
    differs(
        PYMEMCACHE,
        ["get('k')", "VALUE k 0 3 99\r\nbar\r\nEND\r\n"],
        "!MemcacheUnknownError",
        "PY-48",
        "as above, of a CAS that was not asked for",
    ),
    differs(
        PYMEMCACHE,
        ["gets('k')", "VALUE k 0 3\r\nbar\r\nEND\r\n"],
        "!MemcacheUnknownError",
        "PY-48",
        "as above, of a CAS that is not there",
    ),
    differs(
        PYMEMCACHE,
        ["stats()", STATS],
        "{b'pid': 1, b'version': b'1.6.18', b'rusage_user': 0.000005, b'hash_is_expanding': False, \
         b'umask': 448, b'cas_enabled': True, b'auth_enabled_sasl': False, b'evictions': True, \
         b'domain_socket': b'NULL'}",
        "PY-36",
        "seconds and microseconds with a colon between are no decimal fraction; yes and on are true",
    ),
    differs(
        PYMEMCACHE_3,
        [
            "stats('settings')",
            "STAT growth_factor 1.25\r\nSTAT inter \r\nEND\r\n",
        ],
        "{b'growth_factor': 1.25, b'inter': b''}",
        "PY-36",
        "an empty text fails in its parser",
    ),
    differs(
        &["pymemcache-4.0.0"],
        ["shutdown(graceful=True)", "ERROR: shutdown not enabled\r\n"],
        "!MemcacheServerError",
        "PY-44",
        "it takes all lines that begin with ERROR for one; here what is not switched on is not permitted",
    ),
    differs(
        BMEMCACHED,
        [
            "set('k', 'abc') <- status 0x01",
            "810100000000000100000003000000000000000000000000657272",
        ],
        "!MemcachedException",
        "BM-18",
        "to a set that names no CAS no server answers that there is nothing",
    ),
    differs(
        BMEMCACHED,
        [
            "set('k', 'abc') <- status 0x02",
            "810100000000000200000003000000000000000000000000657272",
        ],
        "!MemcachedException",
        "BM-18",
        "to a set that names no CAS no server answers that there is something",
    ),
    differs(
        BMEMCACHED,
        [
            "set('k', 'abc') <- status 0x05",
            "810100000000000500000003000000000000000000000000657272",
        ],
        "False",
        "BM-18",
        "it raises for every status but 0, 1 and 2; not stored is a status of its own here",
    ),
    differs(
        BMEMCACHED,
        [
            "add('k', 'abc') <- status 0x05",
            "810200000000000500000003000000000000000000000000657272",
        ],
        "False",
        "BM-18",
        "as above",
    ),
    differs(
        BMEMCACHED,
        [
            "replace('k', 'abc') <- status 0x05",
            "810300000000000500000003000000000000000000000000657272",
        ],
        "False",
        "BM-18",
        "as above",
    ),
    differs(
        BMEMCACHED,
        [
            "replace('k', 'abc') <- status 0x02",
            "810300000000000200000003000000000000000000000000657272",
        ],
        "!MemcachedException",
        "BM-18",
        "to a replace no server answers that there is something",
    ),
    differs(
        BMEMCACHED,
        [
            "set_multi({('a', 0): 'x', ('b', 7): 'y'})",
            "811200000000000200000006000000000000000000000000657869737473\
             811100000000000200000006000000010000000000000000657869737473\
             810a00000000000000000000000000000000000000000000",
        ],
        "[('a', 0), ('b', 7)]",
        "BM-25",
        "it names what failed with the CAS of the reply, which has none",
    ),
    differs(
        BMEMCACHED,
        [
            "set('a b', 'abc')",
            "810100000000000000000000000000000000000000000000",
        ],
        "!MemcachedException",
        "BM-33",
        "it sends any key; here a key that not all protocols can say is refused unsent",
    ),
    differs(
        &["python-memcached"],
        ["incr('k')", "CLIENT_ERROR x\r\n"],
        "!MC_CLIENT_ERROR",
        "RF-03",
        "it takes every reply to incr but NOT_FOUND for a number",
    ),
];

const STATS: &str = "STAT pid 1\r\nSTAT version 1.6.18\r\nSTAT rusage_user 0:5\r\nSTAT hash_is_expanding 0\r\n\
    STAT umask 700\r\nSTAT cas_enabled yes\r\nSTAT auth_enabled_sasl no\r\nSTAT evictions on\r\n\
    STAT domain_socket NULL\r\nEND\r\n";

/// Calls that are asked with other words than were recorded: file, call, what is sent here, row, why.
pub const ASKED: &[(&[&str], &str, &str, &str, &str)] = &[(
    PYMEMCACHE_3,
    "stats('settings')   # Client(key_prefix=b'p:')",
    "stats settings\r\n",
    "PY-16",
    "it puts its prefix in front of what is no key",
)];

/// What is sent here where that is listed.
pub fn asked(file: &str, call: &str) -> Option<&'static str> {
    let mut all = ASKED
        .iter()
        .filter(|one| one.0.contains(&file) && one.1 == call);
    all.next().map(|one| one.2)
}
