//! Which client, set up how, places keys like which placement.

use serde_json::{Value, json};

pub struct Row {
    /// Its package.
    pub client: &'static str,
    /// How it is used, in words.
    pub form: &'static str,
    /// What its constructor takes beyond the servers.
    pub settings: Value,
    pub bytes: bool,
    pub placement: &'static str,
    /// `None`: the client is told none.
    pub weights: Option<[u32; 5]>,
    /// The servers listen on Unix sockets.
    pub sockets: bool,
}

impl Row {
    pub fn title(&self) -> String {
        format!(
            "{} as {}, placement={}",
            self.client, self.form, self.placement
        )
    }

    fn new(client: &'static str, form: &'static str, placement: &'static str) -> Row {
        Row {
            client,
            form,
            settings: json!({}),
            bytes: false,
            placement,
            weights: None,
            sockets: false,
        }
    }

    fn with(self, settings: Value) -> Row {
        Row { settings, ..self }
    }

    fn weights(self, weights: [u32; 5]) -> Row {
        let weights = Some(weights);
        Row { weights, ..self }
    }

    fn bytes(self) -> Row {
        Row {
            bytes: true,
            ..self
        }
    }

    fn sockets(self) -> Row {
        Row {
            sockets: true,
            ..self
        }
    }
}

pub fn rows() -> Vec<Row> {
    [pylibmc(), python_memcached(), pymemcache(), bmemcached()]
        .into_iter()
        .flatten()
        .collect()
}

fn pylibmc() -> Vec<Row> {
    let new = |form, placement| Row::new("pylibmc", form, placement);
    let modula = || new("modula", "libmemcached");
    let ketama = || new("ketama", "libmemcached-ketama").with(json!({"ketama": true}));
    let weighted =
        |placement| new("ketama_weighted", placement).with(json!({"ketama_weighted": true}));
    vec![
        modula(),
        // libmemcached knows weights there, and goes by none.
        modula().weights([1, 2, 3, 4, 5]),
        modula().sockets(),
        ketama(),
        ketama().weights([3, 1, 2, 1, 5]),
        ketama().sockets(),
        weighted("libmemcached-ketama-weighted"),
        weighted("libmemcached-ketama-weighted").weights([5, 1, 1, 1, 2]),
        weighted("ketama").weights([2, 7, 1, 8, 3]),
        weighted("ketama").sockets(),
    ]
}

fn python_memcached() -> Vec<Row> {
    let new = |form| Row::new("python-memcached", form, "python-memcached");
    vec![
        new("Client"),
        new("Client").weights([1, 3, 2, 1, 4]),
        new("Client").sockets(),
    ]
}

fn pymemcache() -> Vec<Row> {
    let text = || Row::new("pymemcache", "HashClient, keys are str", "pymemcache");
    let bytes = Row::new(
        "pymemcache",
        "HashClient, keys are bytes",
        "pymemcache-bytes",
    );
    vec![text(), text().sockets(), bytes.bytes()]
}

fn bmemcached() -> Vec<Row> {
    let new = |form, placement| Row::new("python-binary-memcached", form, placement);
    let text = || new("DistributedClient, keys are str", "bmemcached");
    let bytes = new("DistributedClient, keys are bytes", "bmemcached-bytes");
    vec![text(), text().sockets(), bytes.bytes()]
}
