# make                             build the library as it is installed (release, link-time optimised)
# make install PREFIX=… DESTDIR=…  install it: libraries, header, CMake package, pkg-config file
# make quickstart                  build the library and its first example with cargo and cc alone, run it
# make test                        run every check; installs what is missing for it (Debian; pip)
# make test-long                   run what takes longer: cargo-c, soaks, fuzzing (see the script)
# make simulate SIMULATIONS=…      run so many schedules of the simulation, on all processors
# make header                      write include/memcached2.h anew from the sources in src/ffi/
# make abi-baseline                append what is new in the header to tests/abi/, which only grows
# make fuzz FUZZ_SECONDS=…         run each fuzz target for that long
# make bench MCBENCH=… WHAT=ir     measure the installed library with the mcbench harness

PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
FUZZ_SECONDS ?= 60
MCBENCH ?=
WHAT ?= ir
SOAK ?= 10
SIMULATIONS ?= 1000000
FIRST_SEED ?= 1
EXAMPLE ?= quickstart
ARGUMENTS ?=
CMAKE ?= cmake
CARGO ?= cargo

SOURCES := Cargo.toml Cargo.lock build.rs cbindgen.toml CMakeLists.txt $(wildcard cmake/*) \
           $(shell find src include -type f)
CONFIGURE = $(CMAKE) -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_INSTALL_PREFIX=$(abspath $(PREFIX))

all: $(BUILD)/built

# A file with prerequisites, so that `sudo make install` after `make` does not need root's cargo.
$(BUILD)/built: $(SOURCES)
	$(CONFIGURE)
	+$(CMAKE) --build $(BUILD)
	touch $@

install: $(BUILD)/built
	$(CONFIGURE)
	DESTDIR=$(abspath $(DESTDIR)) $(CMAKE) --install $(BUILD)

quickstart:
	scripts/quickstart.sh $(EXAMPLE) $(ARGUMENTS)

test:
	scripts/install-deps.sh
	scripts/python-clients.sh
	scripts/test.sh

test-long:
	scripts/install-deps.sh
	SOAK=$(SOAK) FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/test-long.sh

simulate:
	MEMCACHED2_SIMULATIONS=$(SIMULATIONS) MEMCACHED2_FIRST_SEED=$(FIRST_SEED) \
	  $(CARGO) test --locked --profile simulation --test simulation the_promises -- --nocapture

header:
	MEMCACHED2_UPDATE_HEADER=1 $(CARGO) build

abi-baseline:
	MEMCACHED2_UPDATE=1 $(CARGO) test --locked --test abi keep

fuzz:
	scripts/fuzz.sh $(FUZZ_SECONDS)

bench:
	MCBENCH=$(MCBENCH) scripts/bench.sh $(WHAT)

clean:
	rm -rf $(BUILD)
	$(CARGO) clean

.PHONY: all install quickstart test test-long simulate header abi-baseline fuzz bench clean
