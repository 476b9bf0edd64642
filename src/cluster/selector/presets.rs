//! The placements by name, one row each: whose they are, and what they are made of. `docs/placement.md`
//! is generated from these rows.

use super::ring::{Kind, Next, Points, Share};
use super::sharding;
use crate::cluster::node::Naming;
use crate::options::{HashName as Hash, Placement};

/// How a key finds its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    First,
    /// As python-memcached2 chooses by the number of servers: first, rehash-down, fractal.
    BySize,
    RehashDown,
    Sharding(sharding::Kind),
    Consistent,
    Modula {
        weighted: bool,
    },
    Tries,
    Ring(Kind),
    Dalli,
    Wide {
        repr: bool,
    },
    Rendezvous {
        repr: bool,
    },
    Jump,
    Ch3,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Who places keys like this.
    pub users: &'static str,
    /// Of keys, unless the options name another one.
    pub hash: Hash,
    pub scheme: Scheme,
    /// What a server is called where its name is hashed.
    pub naming: Naming,
    /// The prefix of keys is hashed, unless the options say otherwise.
    pub prefix: bool,
    /// What is hashed of a key ends at mcrouter's `|#|`.
    pub stop: bool,
    /// Compared with what the clients themselves were recorded to do.
    pub verified: bool,
}

const fn row(users: &'static str, hash: Hash, scheme: Scheme) -> Preset {
    Preset {
        users,
        hash,
        scheme,
        naming: Naming::HostPort,
        prefix: false,
        stop: false,
        verified: true,
    }
}

impl Preset {
    const fn named(self, naming: Naming) -> Preset {
        Preset { naming, ..self }
    }

    const fn with_prefix(self) -> Preset {
        Preset {
            prefix: true,
            ..self
        }
    }

    const fn with_stop(self) -> Preset {
        Preset { stop: true, ..self }
    }

    const fn unverified(self) -> Preset {
        Preset {
            verified: false,
            ..self
        }
    }

    /// Whether names of servers are hashed at all.
    pub fn hashes_names(&self) -> bool {
        use Scheme::{Dalli, Rendezvous, Ring, Wide};
        matches!(
            self.scheme,
            Ring(_) | Dalli | Wide { .. } | Rendezvous { .. }
        )
    }
}

const WEIGHTED: Scheme = Scheme::Modula { weighted: true };
const EVEN: Scheme = Scheme::Modula { weighted: false };
const BY_KEY_HASH: Points = Points::ByKeyHash(100);
const FLOAT32: Points = Points::Md5Words(4, Share::Float32);
const EQUAL: Points = Points::Md5Words(4, Share::Equal);

const fn ring(points: Points, next: Next) -> Scheme {
    ring_of(points, points, next)
}

const fn ring_of(even: Points, weighted: Points, next: Next) -> Scheme {
    Scheme::Ring(Kind {
        even,
        weighted,
        next,
    })
}

/// The row of a placement.
#[rustfmt::skip]
pub const fn preset(placement: Placement) -> Preset {
    use Naming::{HostPort, Login, ShortPort, ShortPortOrPath, Slash};
    use Next::{Above, AtOrAbove, AtOrAboveLast};
    use Placement as P;
    match placement {
        P::Modula => row("The default: python-memcached up to 1.59, pecl/memcache's `standard`, Cache::Memcached", Hash::Cmemcache, WEIGHTED),
        P::First => row("python-memcached2's SelectorFirst: everything on the first server", Hash::Zero, Scheme::First),
        P::Ketama => row("The ring that most clients know: libmemcached's `KETAMA_WEIGHTED`, php-memcached's `OPT_LIBKETAMA_COMPATIBLE`", Hash::Md5, ring(FLOAT32, AtOrAbove)).named(ShortPort),
        P::PythonMemcached2 => row("python-memcached2: one server `first`, two `rehash-down`, more `fractal`", Hash::CmemcacheLatin1, Scheme::BySize),
        P::RehashDown => row("python-memcached2's SelectorRehashDownServers", Hash::CmemcacheLatin1, Scheme::RehashDown),
        P::Fractal => row("python-memcached2's SelectorFractalSharding as it is described, and was in release 0.3", Hash::CmemcacheLatin1, Scheme::Sharding(sharding::Kind::Fractal)),
        P::Consistent => row("python-memcached2's SelectorConsistentHashing, whose `total_buckets` counts here", Hash::CmemcacheLatin1, Scheme::Consistent),
        P::MasterFractal => row("The bug of python-memcached2's master branch: servers that are up may not be found", Hash::CmemcacheLatin1, Scheme::Sharding(sharding::Kind::Master)),
        P::AvailableServers => row("SelectorAvailableServers of python-memcached2 0.3: every key moves when a server goes or comes", Hash::CmemcacheLatin1, Scheme::Sharding(sharding::Kind::Available)),
        P::PythonMemcached => row("python-memcached since 1.60; its keys `(hash, key)` are a `route` and a hasher of one's own", Hash::Crc15, Scheme::Tries),
        P::PythonMemcached159 => row("python-memcached up to 1.59", Hash::Cmemcache, Scheme::Tries),
        P::Pymemcache => row("pymemcache's HashClient with keys that are `str`, which are read as UTF-8 here", Hash::Murmur3Text, Scheme::Rendezvous { repr: false }),
        P::PymemcacheBytes => row("The same with keys that are `bytes`, which it hashes as Python 3 shows them, `b'key'`", Hash::Murmur3Text, Scheme::Rendezvous { repr: true }),
        P::Bmemcached => row("bmemcached's DistributedClient with keys that are `str`; a server that it was given without a port needs an alias", Hash::Md5, Scheme::Wide { repr: false }).named(Login),
        P::BmemcachedBytes => row("The same with keys that are `bytes`, hashed as `b'key'`", Hash::Md5, Scheme::Wide { repr: true }).named(Login),
        P::Uhashring => row("uhashring's default, meta-memcache-py", Hash::Md5, Scheme::Wide { repr: false }),
        P::UhashringKetama => row("uhashring with `hash_fn=\"ketama\"`", Hash::Md5, ring(Points::Md5Words(4, Share::Integer), Above)),
        P::HashRing => row("hash_ring (Doist)", Hash::Md5, ring(Points::Md5Words(3, Share::Integer), Above)).unverified(),
        P::Libmemcached => row("libmemcached, php-memcached and pylibmc by default", Hash::LibmemcachedDefault, EVEN),
        P::LibmemcachedKetama => row("libmemcached with `KETAMA` set before its servers: pylibmc's `ketama`, php-memcached's `DISTRIBUTION_CONSISTENT` and sessions", Hash::LibmemcachedDefault, ring_of(BY_KEY_HASH, FLOAT32, AtOrAbove)).named(ShortPort),
        P::LibmemcachedKetamaEven => row("libmemcached with `KETAMA` set behind its servers, whose weights it then forgets", Hash::LibmemcachedDefault, ring(BY_KEY_HASH, AtOrAbove)).named(ShortPort),
        P::LibmemcachedKetamaLateHash => row("libmemcached with `HASH` set behind `KETAMA` and the servers: the option `hash` is for keys, the ring keeps the old one", Hash::LibmemcachedDefault, ring_of(Points::By(Hash::LibmemcachedDefault, 100), FLOAT32, AtOrAbove)).named(ShortPort).unverified(),
        P::LibmemcachedKetamaWeighted => row("libmemcached with `KETAMA_WEIGHTED`; with `hash=libmemcached-fnv1-32` the memcached gem of Ruby, with `libmemcached-default` the distribution `consistent weighted` alone", Hash::Md5, ring(FLOAT32, AtOrAbove)).named(ShortPort),
        P::LibmemcachedSpy => row("libmemcached's distribution `CONSISTENT_KETAMA_SPY`", Hash::LibmemcachedDefault, ring_of(BY_KEY_HASH, FLOAT32, AtOrAbove)).named(Slash),
        P::LibmemcachedSpyWeighted => row("The same behind `KETAMA_WEIGHTED`", Hash::Md5, ring(FLOAT32, AtOrAbove)).named(Slash),
        P::Libmc => row("libmc (Douban)", Hash::Md5, ring(Points::By(Hash::Md5, 100), AtOrAbove)).named(ShortPort).with_prefix(),
        P::Libketama => row("libketama, the original; hosts are addresses in its file", Hash::Md5, ring(FLOAT32, AtOrAbove)).unverified(),
        P::Twemproxy => row("twemproxy with `distribution: ketama`; an alias is the name that stands last in its line of a server", Hash::LibmemcachedFnv1ax64, ring(FLOAT32, AtOrAbove)).named(ShortPortOrPath).unverified(),
        P::McrouterCh3 => row("mcrouter's HashRoute by default: `Ch3`, by the servers' places in the list", Hash::Murmur64A, Scheme::Ch3).with_stop(),
        P::McrouterCrc32 => row("mcrouter's `Crc32`", Hash::Crc31, EVEN).with_stop(),
        P::Jump => row("The proxy of memcached by default, pior/memcache", Hash::Xxh3, Scheme::Jump).unverified(),
        P::ProxyKetama => row("The proxy of memcached: `ring_hash`, `omode=ketama`", Hash::Md5, ring(EQUAL, AtOrAbove)).unverified(),
        P::ProxyTwemproxy => row("The proxy of memcached: `ring_hash`, `omode=twemproxy`", Hash::Md5, ring(EQUAL, AtOrAbove)).named(ShortPortOrPath).unverified(),
        P::ProxyRing => row("The proxy of memcached: `ring_hash`, `omode=default`", Hash::Md5, ring(Points::By(Hash::Xxh3, 160), AtOrAbove)).unverified(),
        P::Dalli => row("Dalli", Hash::Crc32, Scheme::Dalli).with_prefix(),
        P::Gomemcache => row("gomemcache; a weight is how often a server stands in its list", Hash::Crc32, WEIGHTED),
        P::Spymemcached => row("spymemcached by default (ArrayModNodeLocator)", Hash::Java, EVEN),
        P::SpymemcachedKetama => row("spymemcached's KetamaNodeLocator, EVCache; a host that is a name needs the alias `name/address:port`", Hash::Md5, ring(EQUAL, AtOrAboveLast)),
        P::SpymemcachedLibmemcached => row("spymemcached's KetamaNodeLocator with the format LIBMEMCACHED", Hash::Md5, ring(FLOAT32, AtOrAboveLast)).named(ShortPort),
        P::Xmemcached => row("xmemcached by default", Hash::Java, EVEN).unverified(),
        P::XmemcachedKetama => row("xmemcached's KetamaMemcachedSessionLocator", Hash::Md5, ring(Points::Md5Words(4, Share::Times), AtOrAbove)).named(Slash).unverified(),
        P::XmemcachedNginx => row("The same with `cwNginxUpstreamConsistent`", Hash::Md5, ring(Points::Md5Words(4, Share::Times), AtOrAbove)).named(ShortPort).unverified(),
        P::XmemcachedLibmemcached => row("xmemcached's LibmemcachedMemcachedSessionLocator", Hash::OneAtATime, ring(BY_KEY_HASH, AtOrAbove)).named(ShortPort).unverified(),
        P::NodeMemcached => row("node-memcached (hashring)", Hash::Md5, ring(Points::Md5Words(4, Share::Float64), AtOrAbove)).named(HostPort).with_prefix(),
        P::NodeMemcachedDefaultPort => row("The same with hashring's `default port` 11211", Hash::Md5, ring(Points::Md5Words(4, Share::Float64), AtOrAbove)).named(ShortPort).with_prefix(),
    }
}

impl Scheme {
    /// For the documentation.
    pub fn describe(&self) -> String {
        match *self {
            Scheme::First => "the first server".into(),
            Scheme::BySize => "by the number of servers".into(),
            Scheme::RehashDown => "modulo the number of servers; while that one is down, the key is hashed again with 0, 1, 2 … behind it".into(),
            Scheme::Sharding(sharding::Kind::Fractal) => "modulo the number of servers; one that is down is struck off, and the key hashed again among the rest".into(),
            Scheme::Sharding(sharding::Kind::Master) => "modulo the number of servers, then modulo one less, and so on".into(),
            Scheme::Sharding(sharding::Kind::Available) => "modulo the number of servers that are up".into(),
            Scheme::Consistent => "a ring of `total_buckets` points, the key hashes of their numbers, dealt to the servers in turn".into(),
            Scheme::Modula { weighted: true } => "modulo the sum of the weights".into(),
            Scheme::Modula { weighted: false } => "modulo the number of servers".into(),
            Scheme::Tries => "modulo the sum of the weights; while that server is down, the hash itself is hashed, up to 10 tries".into(),
            Scheme::Ring(kind) if kind.even == kind.weighted => format!("a ring of points, {}", kind.even.describe()),
            Scheme::Ring(kind) => format!("a ring of points, {}; where weights differ from 1, {}", kind.even.describe(), kind.weighted.describe()),
            Scheme::Dalli => "a ring of points that own what is behind them, 160 a server by its share of the weights, each the first 4 bytes of the SHA-1 of `name:i`".into(),
            Scheme::Wide { .. } => "a ring of points, 160 a server times its weight, each the whole MD5 of `name-i`".into(),
            Scheme::Rendezvous { .. } => "rendezvous: the highest hash of `name-key`".into(),
            Scheme::Jump => "jump hash by the servers' places in the list".into(),
            Scheme::Ch3 => "a path of bits by the servers' places in the list".into(),
        }
    }

    /// Whether a server of more weight gets more keys.
    pub fn is_weighted(&self) -> bool {
        match *self {
            Scheme::Modula { weighted } => weighted,
            Scheme::Tries | Scheme::Dalli | Scheme::Wide { .. } => true,
            Scheme::Ring(kind) => match kind.weighted {
                Points::Md5Words(_, share) => share != Share::Equal,
                Points::ByKeyHash(_) | Points::By(..) => false,
            },
            _ => false,
        }
    }
}
