"""One of Python's clients reads the keys that it is told, then writes others: client.py CLIENT JOB

JOB is a file: {"servers": [["host:port" or "/path", weight], …], "keys": "str" or "bytes", "settings": {…},
"read": [key, …], "write": {key: value, …}}. Printed is what was read: {key: value or null}, once key by key
and once as a batch, and the versions. Whatever the client itself calls a failure ends the program.
"""

import json
import sys
from importlib.metadata import version


class Client:
    version = None  # of the library below it

    def encode(self, value):
        return value.encode()

    def set(self, key, value):
        return self.client.set(key, value)

    def set_multi(self, values):  # the keys that failed
        return self.client.set_multi(values)

    def get(self, key):
        return self.client.get(key)

    def get_multi(self, keys):
        return self.client.get_multi(keys)

    def dead(self):  # the servers that it has given up; the others raise
        return []


class PyLibMC(Client):
    package = "pylibmc"

    def __init__(self, servers, settings):
        import pylibmc

        # The form with a weight has a port, and a socket has none.
        spec = [name if name.startswith("/") else f"{name}:{weight}" for name, weight in servers]
        # No server is left out by default.
        behaviors = {**settings, "tcp_nodelay": True}
        self.client = pylibmc.Client(spec, behaviors=behaviors)
        self.version = pylibmc.libmemcached_version


class PythonMemcached(Client):
    package = "python-memcached"

    def __init__(self, servers, settings):
        import memcache

        spec = [("unix:" + name if name.startswith("/") else name, weight) for name, weight in servers]
        self.client = memcache.Client(spec, **settings)

    def dead(self):
        return [str(server) for server in self.client.servers if server.deaduntil]


class PyMemcache(Client):
    package = "pymemcache"

    def __init__(self, servers, settings):
        from pymemcache.client.hash import HashClient

        spec = [name for name, _ in servers]
        # Without an answer to its writes nothing would say when they are there.
        self.client = HashClient(spec, allow_unicode_keys=True, default_noreply=False, **settings)

    def dead(self):
        return [*self.client._failed_clients, *self.client._dead_clients]


class BMemcached(Client):
    package = "python-binary-memcached"

    def __init__(self, servers, settings):
        import bmemcached

        self.client = bmemcached.DistributedClient([name for name, _ in servers], **settings)
        self.version = version("uhashring")

    def encode(self, value):  # text is what it stores without flags
        return value

    def set(self, key, value):
        return self.client.set(key, value, compress_level=0)

    def set_multi(self, values):
        return self.client.set_multi(values, compress_level=0)


CLIENTS = {each.package: each for each in (PyLibMC, PythonMemcached, PyMemcache, BMemcached)}


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        job = json.load(file)
    client = CLIENTS[sys.argv[1]](job["servers"], job["settings"])

    def spell(key):
        return key if job["keys"] == "str" else key.encode()

    def shown(value):
        return value.decode() if isinstance(value, bytes) else value

    alone = {key: shown(client.get(spell(key))) for key in job["read"]}
    # Who is asked with str may answer with bytes.
    found = client.get_multi([spell(key) for key in job["read"]])
    found = {shown(key): shown(value) for key, value in found.items()}
    batch = {key: found.pop(key, None) for key in job["read"]}
    if found:
        sys.exit(f"nobody asked for {found}")

    pairs = [(spell(key), client.encode(value)) for key, value in job["write"].items()]
    half = len(pairs) // 2
    for key, value in pairs[:half]:
        if not client.set(key, value):
            sys.exit(f"{key!r} is not set")
    failed = client.set_multi(dict(pairs[half:]))
    if failed or client.dead():
        sys.exit(f"not set: {failed}, dead: {client.dead()}")
    versions = [version(client.package)] + ([client.version] if client.version else [])
    print(json.dumps({"alone": alone, "batch": batch, "versions": versions}))


main()
