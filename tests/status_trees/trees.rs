//! The exceptions of the four clients, each beside our statuses.

use memcached2::status::Status;

/// One client's exceptions.
pub struct Tree {
    pub of: &'static str,
    pub about: &'static str,
    pub rows: &'static [Row],
}

/// One exception.
pub struct Row {
    pub name: &'static str,
    /// The exception above it, where that is the client's too.
    pub under: &'static str,
    pub kind: Kind,
    /// Our statuses that are it, with what is below them, unless something nearer is another one.
    pub raised_for: &'static [Status],
    /// Catching it, and what is under it, is catching these,
    pub caught_by: &'static [Status],
    /// but not those.
    pub but: &'static [Status],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Own,
    /// Of the language or of a library below.
    BuiltIn,
    /// What a call returns there instead of raising anything.
    Result,
}

const fn own(name: &'static str, under: &'static str, statuses: &'static [Status]) -> Row {
    Row {
        name,
        under,
        kind: Kind::Own,
        raised_for: statuses,
        caught_by: statuses,
        but: &[],
    }
}

const fn built_in(name: &'static str, statuses: &'static [Status]) -> Row {
    Row {
        kind: Kind::BuiltIn,
        ..own(name, "", statuses)
    }
}

const fn result(name: &'static str, statuses: &'static [Status]) -> Row {
    Row {
        kind: Kind::Result,
        ..own(name, "", statuses)
    }
}

impl Row {
    /// What is under it makes it catch more, or others take some away.
    const fn catches(self, caught_by: &'static [Status], but: &'static [Status]) -> Row {
        Row {
            caught_by,
            but,
            ..self
        }
    }
}

pub const TREES: &[Tree] = &[
    Tree {
        of: "python-memcached2",
        about: "`delete` returns False for `NOT_FOUND`; all replies that it does not expect, errors of the server among\n\
                them, are `NotImplementedError`.",
        rows: &[
            own("MemcachedException", "", &[Status::CLASS_MEMCACHED]).catches(
                &[Status::CLASS_MEMCACHED],
                &[
                    Status::CLIENT_ERROR,
                    Status::CLASS_SERVER,
                    Status::CONNECT_FAILED,
                    Status::TIMEOUT,
                ],
            ),
            own(
                "RetrieveException",
                "MemcachedException",
                &[Status::CLASS_RETRIEVE],
            ),
            own("NoValue", "RetrieveException", &[Status::NO_VALUE]),
            own(
                "StoreException",
                "MemcachedException",
                &[Status::CLASS_STORE],
            ),
            own("NotStored", "StoreException", &[Status::NOT_STORED]),
            own("CASFailure", "StoreException", &[Status::CAS_FAILURE]),
            own(
                "CASRefreshFailure",
                "CASFailure",
                &[Status::CAS_REFRESH_FAILURE],
            ),
            own("NotFound", "StoreException", &[Status::NOT_FOUND]),
            own("NonNumeric", "StoreException", &[Status::NON_NUMERIC]),
            own(
                "MultiStorageException",
                "StoreException",
                &[Status::MULTI_STORAGE],
            ),
            own(
                "UnknownProtocol",
                "MemcachedException",
                &[Status::UNKNOWN_PROTOCOL],
            ),
            own(
                "InvalidURI",
                "MemcachedException",
                &[Status::INVALID_URI, Status::RESOLVE_FAILED],
            ),
            own(
                "ServerDisconnect",
                "MemcachedException",
                &[Status::SERVER_DISCONNECT],
            ),
            own(
                "NoAvailableServers",
                "MemcachedException",
                &[Status::NO_AVAILABLE_SERVERS],
            ),
            built_in(
                "NotImplementedError",
                &[Status::CLIENT_ERROR, Status::CLASS_SERVER],
            ),
            built_in("OSError", &[Status::CONNECT_FAILED, Status::TIMEOUT]),
        ],
    },
    Tree {
        of: "Twisted",
        about: "`twisted.protocols.memcache`. Its exceptions have no ancestor of their own; a `Deferred` fails with them.",
        rows: &[
            own("NoSuchCommand", "", &[Status::UNKNOWN_COMMAND]),
            own(
                "ClientError",
                "",
                &[Status::CLASS_CLIENT, Status::NON_NUMERIC],
            )
            .catches(
                &[Status::CLASS_CLIENT, Status::NON_NUMERIC],
                &[Status::UNKNOWN_COMMAND],
            ),
            own(
                "ServerError",
                "",
                &[Status::CLASS_SERVER, Status::TOO_LARGE],
            )
            .catches(
                &[Status::CLASS_SERVER, Status::TOO_LARGE],
                &[Status::UNEXPECTED_RESPONSE],
            ),
            built_in("TimeoutError", &[Status::TIMEOUT]),
            built_in("ConnectionDone", &[Status::SERVER_DISCONNECT]),
            built_in(
                "RuntimeError",
                &[Status::CLASS_CONNECTION, Status::UNEXPECTED_RESPONSE],
            )
            .catches(
                &[Status::CLASS_CONNECTION, Status::UNEXPECTED_RESPONSE],
                &[Status::TIMEOUT, Status::SERVER_DISCONNECT],
            ),
            built_in("Exception", &[Status::CLASS_MEMCACHED]).catches(
                &[Status::CLASS_MEMCACHED],
                &[
                    Status::CLASS_RETRIEVE,
                    Status::CLASS_STORE,
                    Status::CLASS_CLIENT,
                    Status::CLASS_SERVER,
                    Status::CLASS_CONNECTION,
                ],
            ),
            result("0 and None", &[Status::CLASS_RETRIEVE]),
            result("False", &[Status::CLASS_STORE]).catches(
                &[Status::CLASS_STORE],
                &[Status::NON_NUMERIC, Status::TOO_LARGE],
            ),
        ],
    },
    Tree {
        of: "pymemcache",
        about: "`NOT_FOUND` is None for `incr`, `decr` and `cas`, False for `delete` and `touch`. `ignore_exc` turns what a\n\
                read raises, but `MemcacheIllegalInputError`, into the default.",
        rows: &[
            own("MemcacheError", "", &[Status::CLASS_MEMCACHED]).catches(
                &[Status::CLASS_MEMCACHED],
                &[
                    Status::CLASS_RETRIEVE,
                    Status::NOT_STORED,
                    Status::CAS_FAILURE,
                    Status::NOT_FOUND,
                    Status::MULTI_STORAGE,
                    Status::TIMEOUT,
                    Status::CONNECT_FAILED,
                    Status::TLS_FAILURE,
                    Status::RESOLVE_FAILED,
                    Status::POOL_EXHAUSTED,
                ],
            ),
            own(
                "MemcacheClientError",
                "MemcacheError",
                &[Status::CLASS_CLIENT, Status::NON_NUMERIC],
            )
            .catches(
                &[
                    Status::CLASS_CLIENT,
                    Status::NON_NUMERIC,
                    Status::SERIALIZE_FAILED,
                ],
                &[],
            ),
            own(
                "MemcacheUnknownCommandError",
                "MemcacheClientError",
                &[Status::UNKNOWN_COMMAND],
            ),
            own(
                "MemcacheIllegalInputError",
                "MemcacheClientError",
                &[
                    Status::INVALID_ARGUMENT,
                    Status::ILLEGAL_INPUT,
                    Status::SERIALIZE_FAILED,
                ],
            ),
            own(
                "MemcacheUnknownError",
                "MemcacheError",
                &[Status::UNEXPECTED_RESPONSE],
            ),
            own(
                "MemcacheServerError",
                "MemcacheError",
                &[Status::CLASS_SERVER, Status::TOO_LARGE],
            )
            .catches(
                &[
                    Status::CLASS_SERVER,
                    Status::TOO_LARGE,
                    Status::SERVER_DISCONNECT,
                ],
                &[Status::UNEXPECTED_RESPONSE],
            ),
            own(
                "MemcacheUnexpectedCloseError",
                "MemcacheServerError",
                &[Status::SERVER_DISCONNECT],
            ),
            built_in("socket.timeout", &[Status::TIMEOUT]),
            built_in(
                "socket.error",
                &[Status::CONNECT_FAILED, Status::TLS_FAILURE],
            ),
            built_in("socket.gaierror", &[Status::RESOLVE_FAILED]),
            built_in("RuntimeError", &[Status::POOL_EXHAUSTED]),
            result("the default", &[Status::CLASS_RETRIEVE]),
            result("False", &[Status::NOT_STORED, Status::CAS_FAILURE]),
            result("None", &[Status::NOT_FOUND]),
            result("the keys that failed", &[Status::MULTI_STORAGE]),
        ],
    },
    Tree {
        of: "python-binary-memcached",
        about: "It takes what happens to a connection for a miss: reads return None, writes False.",
        rows: &[
            own("MemcachedException", "", &[Status::CLASS_MEMCACHED]).catches(
                &[Status::CLASS_MEMCACHED],
                &[
                    Status::INVALID_ARGUMENT,
                    Status::INVALID_URI,
                    Status::CLASS_RETRIEVE,
                    Status::NOT_STORED,
                    Status::CAS_FAILURE,
                    Status::NOT_FOUND,
                    Status::MULTI_STORAGE,
                    Status::CLASS_CONNECTION,
                ],
            ),
            own(
                "AuthenticationNotSupported",
                "MemcachedException",
                &[Status::AUTH_NOT_SUPPORTED],
            ),
            own(
                "InvalidCredentials",
                "MemcachedException",
                &[Status::INVALID_CREDENTIALS],
            ),
            built_in(
                "ValueError",
                &[Status::INVALID_ARGUMENT, Status::INVALID_URI],
            ),
            result("None", &[Status::CLASS_RETRIEVE]),
            result(
                "False",
                &[Status::NOT_STORED, Status::CAS_FAILURE, Status::NOT_FOUND],
            ),
            result("the keys that failed", &[Status::MULTI_STORAGE]),
            result("as a miss", &[Status::CLASS_CONNECTION]),
        ],
    },
];
