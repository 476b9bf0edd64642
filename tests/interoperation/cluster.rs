//! Five real servers, and how each side calls them.

use crate::rows::Row;
use crate::support::memcached::Memcached;
use crate::support::raw::Raw;

pub struct Cluster([Memcached; 5]);

impl Cluster {
    pub fn tcp() -> Cluster {
        Cluster([(); 5].map(|()| Memcached::tcp(&[])))
    }

    pub fn unix() -> Cluster {
        Cluster([(); 5].map(|()| Memcached::unix(&[])))
    }

    /// The list as the library takes it.
    pub fn uris(&self, row: &Row) -> String {
        let weights = row.weights.unwrap_or([1; 5]);
        let uri = |(server, weight): (&Memcached, u32)| {
            format!(
                "{}?weight={weight}&placement={}",
                server.uri(),
                row.placement
            )
        };
        let uris: Vec<_> = self.0.iter().zip(weights).map(uri).collect();
        uris.join(",")
    }

    /// `host:port` or a path, with its weight.
    pub fn names(&self, row: &Row) -> Vec<(String, u32)> {
        let name = |server: &Memcached| {
            let uri = server.uri();
            let place = uri.split_once("://").expect("a URI").1;
            match place.starts_with('/') {
                true => place.to_string(),
                false => place.trim_end_matches('/').to_string(),
            }
        };
        let weights = row.weights.unwrap_or([1; 5]);
        self.0.iter().map(name).zip(weights).collect()
    }

    /// A connection of one's own to each.
    pub fn raw(&self) -> Vec<Raw> {
        self.0.iter().map(Memcached::raw).collect()
    }

    pub fn flush(&self) {
        self.raw().iter_mut().for_each(Raw::flush);
    }
}
