//! Options that are one of some words: which placement, which hash, which rule for servers that failed.

use super::kind::Kind;
use super::value::{Read, Refused, Value, bool_word};

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal, )* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name { $( $(#[$doc])* $variant, )* }

        impl $name {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [$name] = &[ $( $name::$variant, )* ];
            pub const WORDS: &'static [&'static str] = &[ $( $word, )* ];
            /// The words, where another one leaves the choice to something else.
            pub const OR_AUTO: &'static [&'static str] = &[ "auto", $( $word, )* ];

            pub const fn word(self) -> &'static str {
                match self { $( $name::$variant => $word, )* }
            }

            pub fn find(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words! {
    /// A rule that says which server a key belongs to; the rules themselves stand in
    /// `cluster/selector/presets.rs`.
    Placement {
        Modula = "modula",
        First = "first",
        Ketama = "ketama",
        PythonMemcached2 = "python-memcached2",
        RehashDown = "rehash-down",
        Fractal = "fractal",
        Consistent = "consistent",
        MasterFractal = "python-memcached2-master-fractal",
        AvailableServers = "python-memcached2-0.3-available",
        PythonMemcached = "python-memcached",
        PythonMemcached159 = "python-memcached-1.59",
        Pymemcache = "pymemcache",
        PymemcacheBytes = "pymemcache-bytes",
        Bmemcached = "bmemcached",
        BmemcachedBytes = "bmemcached-bytes",
        Uhashring = "uhashring",
        UhashringKetama = "uhashring-ketama",
        HashRing = "hash-ring",
        Libmemcached = "libmemcached",
        LibmemcachedKetama = "libmemcached-ketama",
        LibmemcachedKetamaEven = "libmemcached-ketama-even",
        LibmemcachedKetamaLateHash = "libmemcached-ketama-late-hash",
        LibmemcachedKetamaWeighted = "libmemcached-ketama-weighted",
        LibmemcachedSpy = "libmemcached-spy",
        LibmemcachedSpyWeighted = "libmemcached-spy-weighted",
        Libmc = "libmc",
        Libketama = "libketama",
        Twemproxy = "twemproxy",
        McrouterCh3 = "mcrouter-ch3",
        McrouterCrc32 = "mcrouter-crc32",
        Jump = "jump",
        ProxyKetama = "memcached-proxy-ketama",
        ProxyTwemproxy = "memcached-proxy-twemproxy",
        ProxyRing = "memcached-proxy-ring",
        Dalli = "dalli",
        Gomemcache = "gomemcache",
        Spymemcached = "spymemcached",
        SpymemcachedKetama = "spymemcached-ketama",
        SpymemcachedLibmemcached = "spymemcached-libmemcached",
        Xmemcached = "xmemcached",
        XmemcachedKetama = "xmemcached-ketama",
        XmemcachedNginx = "xmemcached-nginx",
        XmemcachedLibmemcached = "xmemcached-libmemcached",
        NodeMemcached = "node-memcached",
        NodeMemcachedDefaultPort = "node-memcached-default-port",
    }
}

words! {
    /// A hash of keys; what each is stands in `cluster/hasher/`.
    HashName {
        Zero = "zero",
        Cmemcache = "cmemcache",
        CmemcacheLatin1 = "cmemcache-latin1",
        Crc15 = "crc15",
        Crc31 = "crc31",
        Crc32 = "crc32",
        Fnv1x32 = "fnv1-32",
        Fnv1ax32 = "fnv1a-32",
        Fnv1x64 = "fnv1-64",
        Fnv1ax64 = "fnv1a-64",
        OneAtATime = "one-at-a-time",
        Murmur2 = "murmur2",
        Murmur3 = "murmur3",
        Murmur3Text = "murmur3-text",
        Murmur64A = "murmur64a",
        Md5 = "md5",
        Sha1 = "sha1",
        Xxh3 = "xxh3",
        LibmemcachedDefault = "libmemcached-default",
        LibmemcachedFnv1x32 = "libmemcached-fnv1-32",
        LibmemcachedFnv1ax32 = "libmemcached-fnv1a-32",
        LibmemcachedFnv1x64 = "libmemcached-fnv1-64",
        LibmemcachedFnv1ax64 = "libmemcached-fnv1a-64",
        LibmemcachedMurmur = "libmemcached-murmur",
        LibmemcachedJenkins = "libmemcached-jenkins",
        LibmemcachedMurmur3 = "libmemcached-murmur3",
        Java = "java",
        JavaFnv1x32 = "java-fnv1-32",
        JavaFnv1ax32 = "java-fnv1a-32",
        JavaFnv1x64 = "java-fnv1-64",
        JavaFnv1ax64 = "java-fnv1a-64",
    }
}

words! {
    /// When a server that failed is tried again; the rules themselves stand in `cluster/health/`.
    Reconnect {
        Breaker = "breaker",
        Simple = "simple",
        Time = "time",
        Pymemcache = "pymemcache",
        PythonMemcached = "python-memcached",
    }
}

impl Value for Reconnect {
    fn read(text: &str, _: &Kind) -> Read<Reconnect> {
        Reconnect::find(text).ok_or_else(|| Refused::from("there is no such rule"))
    }

    fn write(&self) -> String {
        self.word().into()
    }
}

impl Value for Placement {
    fn read(text: &str, _: &Kind) -> Read<Placement> {
        Placement::find(text).ok_or_else(|| Refused::from("there is no such placement"))
    }

    fn write(&self) -> String {
        self.word().into()
    }
}

/// `None`, `auto`: the placement's own.
impl Value for Option<HashName> {
    fn read(text: &str, _: &Kind) -> Read<Option<HashName>> {
        match (text, HashName::find(text)) {
            ("auto", _) => Ok(None),
            (_, Some(name)) => Ok(Some(name)),
            (_, None) => Err("there is no such hash".into()),
        }
    }

    fn write(&self) -> String {
        self.map_or("auto", HashName::word).into()
    }
}

/// `None`, `auto`: as is best.
impl Value for Option<bool> {
    fn read(text: &str, kind: &Kind) -> Read<Option<bool>> {
        match text {
            "auto" => Ok(None),
            _ => bool::read(text, kind).map(Some),
        }
    }

    fn write(&self) -> String {
        self.map_or("auto", bool_word).into()
    }
}
