//! Names of servers, interned for the life of the process, so that results may hold them without
//! holding the client, and a forked child may read them without a lock.

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicPtr, Ordering};

/// The name of a server as users see it: `host:port`, a path, or its alias.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerName(&'static CStr);

struct Node {
    name: CString,
    next: *mut Node,
}

/// Push-only list; its nodes are never freed. There are as many as distinct names were used.
static NAMES: AtomicPtr<Node> = AtomicPtr::new(std::ptr::null_mut());

impl ServerName {
    /// Intern `name`; what is behind a NUL byte is cut off (no address or alias holds one).
    pub fn new(name: &str) -> ServerName {
        let bytes = name.split('\0').next().unwrap_or_default();
        let mut head = NAMES.load(Ordering::Acquire);
        loop {
            let mut at = head;
            // SAFETY: nodes are only ever added, fully built before they are published.
            while let Some(node) = unsafe { at.as_ref() } {
                if node.name.as_bytes() == bytes.as_bytes() {
                    return ServerName(&node.name);
                }
                at = node.next;
            }
            let node = Box::into_raw(Box::new(Node {
                name: CString::new(bytes).unwrap_or_default(),
                next: head,
            }));
            match NAMES.compare_exchange(head, node, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: just made, and from now on never freed.
                Ok(_) => return ServerName(unsafe { &(*node).name }),
                Err(newer) => {
                    // SAFETY: not published, so that nobody else has seen it.
                    drop(unsafe { Box::from_raw(node) });
                    head = newer;
                }
            }
        }
    }

    pub fn as_c_str(self) -> &'static CStr {
        self.0
    }

    pub fn as_str(self) -> &'static str {
        self.0.to_str().unwrap_or_default()
    }
}

impl std::fmt::Display for ServerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for ServerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
