//! The status table: number, name, parent and message of every status.
//!
//! This file is compiled twice: into the library, and into the build script, which writes the
//! `MC_*` constants of the header from it. It therefore uses nothing but `core`.
//!
//! A number is `class | kind << 8 | sub-kind << 16`, so that an ancestor is a prefix: an old
//! binding that meets a new status still raises the right class.

/// What a call ended with; 0 is success. The number is the C ABI's `mc_status`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Status(pub i32);

/// One row of the status table.
pub struct StatusInfo {
    pub status: Status,
    /// The name without the `MC_` prefix.
    pub name: &'static str,
    /// The direct ancestor; the root is its own parent.
    pub parent: Status,
    /// What happened, in a sentence for humans.
    pub message: &'static str,
}

const fn number(class: i32, kind: i32, sub: i32) -> Status {
    Status(class | kind << 8 | sub << 16)
}

macro_rules! statuses {
    ($($name:ident ($class:literal, $kind:literal, $sub:literal) $message:literal;)*) => {
        impl Status { $(
            #[doc = $message]
            pub const $name: Status = number($class, $kind, $sub);
        )* }

        /// Every status but the root, in the order of the header.
        pub const TABLE: &[StatusInfo] = &[ $( StatusInfo {
            status: number($class, $kind, $sub),
            name: stringify!($name),
            parent: parent_of($class, $kind, $sub),
            message: $message,
        } ),* ];
    };
}

const fn parent_of(class: i32, kind: i32, sub: i32) -> Status {
    if class == 0 || class == 0xff {
        Status(class)
    } else if sub != 0 {
        number(class, kind, 0)
    } else if kind != 0 {
        number(class, 0, 0)
    } else {
        Status::CLASS_MEMCACHED
    }
}

statuses! {
    OK (0, 0, 0) "success";
    CLASS_MEMCACHED (0xff, 0, 0) "any failure";

    CLASS_RETRIEVE (1, 0, 0) "nothing was retrieved";
    NO_VALUE (1, 1, 0) "the server holds no value for this key";

    CLASS_STORE (2, 0, 0) "the command changed nothing";
    NOT_STORED (2, 1, 0) "the condition of add, replace, append or prepend did not hold";
    CAS_FAILURE (2, 2, 0) "the item was changed by someone else";
    CAS_REFRESH_FAILURE (2, 2, 1) "the item was changed between storing it and reading its new CAS";
    NOT_FOUND (2, 3, 0) "the server holds no item for this key";
    NON_NUMERIC (2, 4, 0) "the value is not a number";
    TOO_LARGE (2, 5, 0) "the item is larger than the limit";
    MULTI_STORAGE (2, 6, 0) "some items of the batch were not stored";

    CLASS_CLIENT (3, 0, 0) "the call cannot be made like this";
    INVALID_ARGUMENT (3, 1, 0) "an argument is outside what the function takes";
    ILLEGAL_INPUT (3, 2, 0) "the key is empty, too long, or holds a byte that no key may hold";
    INVALID_URI (3, 3, 0) "the address of a server does not parse";
    UNKNOWN_PROTOCOL (3, 4, 0) "the scheme or protocol has no meaning here";
    UNKNOWN_OPTION (3, 5, 0) "there is no option of this name";
    UNSUPPORTED (3, 6, 0) "this server, protocol or build cannot do that";
    CLIENT_ERROR (3, 7, 0) "the server refused the command as malformed";
    UNKNOWN_COMMAND (3, 7, 1) "the server does not know the command";

    CLASS_SERVER (4, 0, 0) "the server failed";
    SERVER_ERROR (4, 1, 0) "the server reported an error of its own";
    OUT_OF_MEMORY (4, 1, 1) "the server has no memory for the item";
    NOT_PERMITTED (4, 1, 2) "the server does not permit the command";
    UNEXPECTED_RESPONSE (4, 2, 0) "the server's reply is not one that the command can have";

    CLASS_CONNECTION (5, 0, 0) "the server could not be reached, or the connection failed";
    SERVER_DISCONNECT (5, 1, 0) "the server closed the connection";
    CONNECT_FAILED (5, 2, 0) "no connection could be made";
    TIMEOUT (5, 3, 0) "the deadline passed";
    NO_AVAILABLE_SERVERS (5, 4, 0) "there is no server to ask";
    CIRCUIT_OPEN (5, 4, 1) "the server failed lately and is not asked for the moment";
    POOL_EXHAUSTED (5, 5, 0) "all connections were in use until the deadline";
    TOO_MANY_CONNECTIONS (5, 6, 0) "the server has no connection to spare";
    TLS_FAILURE (5, 7, 0) "the TLS session could not be set up or broke";
    RESOLVE_FAILED (5, 8, 0) "the name of the server could not be resolved";

    CLASS_AUTH (6, 0, 0) "authentication failed";
    AUTH_NOT_SUPPORTED (6, 1, 0) "the server takes no credentials";
    INVALID_CREDENTIALS (6, 2, 0) "the server refused the credentials";

    CLASS_VALUE (7, 0, 0) "the value could not be translated";
    SERIALIZE_FAILED (7, 1, 0) "the value could not be turned into bytes";
    DESERIALIZE_FAILED (7, 2, 0) "the bytes could not be turned into a value";
    DECOMPRESS_FAILED (7, 3, 0) "the bytes could not be decompressed";

    CLASS_LIBRARY (8, 0, 0) "the library could not do its part";
    INTERNAL (8, 1, 0) "a bug in this library was caught";
    CALLBACK_FAILED (8, 2, 0) "a callback reported failure";
    CANCELLED (8, 3, 0) "the command was cancelled";
    WOULD_BLOCK (8, 4, 0) "the call would have to wait";
    NO_MEMORY (8, 5, 0) "memory could not be allocated";
    IN_USE (8, 6, 0) "the handle is in use";
    PARTIAL (8, 7, 0) "some commands of the batch failed";
    BUFFER_TOO_SMALL (8, 8, 0) "the buffer is smaller than what it should take";
}

impl Status {
    /// The class, a status whose kind and sub-kind are zero.
    pub const fn class(self) -> Status {
        Status(self.0 & 0xff)
    }

    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// The key is not there: `NO_VALUE` for reads, `NOT_FOUND` for the others.
    pub const fn is_miss(self) -> bool {
        self.0 == Status::NO_VALUE.0 || self.0 == Status::NOT_FOUND.0
    }

    /// Whether `self` is `ancestor` or below it.
    pub const fn is(self, ancestor: Status) -> bool {
        if ancestor.0 == 0 || self.0 == 0 {
            return self.0 == ancestor.0;
        }
        if ancestor.0 == Status::CLASS_MEMCACHED.0 {
            return true;
        }
        let mask = if ancestor.0 >> 16 != 0 {
            -1
        } else if ancestor.0 >> 8 != 0 {
            0xffff
        } else {
            0xff
        };
        self.0 & mask == ancestor.0
    }

    /// The row of the table, or `None` for a number that no status has.
    pub fn info(self) -> Option<&'static StatusInfo> {
        TABLE.iter().find(|row| row.status.0 == self.0)
    }

    pub fn name(self) -> &'static str {
        self.info().map_or("UNKNOWN", |row| row.name)
    }

    pub fn message(self) -> &'static str {
        self.info().map_or("unknown status", |row| row.message)
    }
}

impl core::fmt::Debug for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}(0x{:06x})", self.name(), self.0)
    }
}
