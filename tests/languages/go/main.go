// A first user in Go, by cgo and pkg-config: first URI. No pointer of Go's is inside a struct.
package main

/*
#cgo pkg-config: memcached2
#include <memcached2.h>
*/
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

func check(what string, got, want any) {
	if got != want {
		fmt.Fprintf(os.Stderr, "%s: %v, not %v\n", what, got, want)
		os.Exit(1)
	}
}

func name(status C.mc_status) string { return C.GoString(C.mc_status_name(status)) }

func connect(uri string) (client *C.mc_client) {
	text := append([]byte(uri), 0)
	check("new", name(C.mc_new((*C.char)(unsafe.Pointer(&text[0])), &client)), "OK")
	return client
}

// execute carries out one command; what came of it is in the item, whatever thread we are on.
func execute(client *C.mc_client, op C.uint32_t, key, value string, item *C.mc_item) string {
	command := C.mc_command{size: C.sizeof_mc_command, op: op, ttl: 60, flags: 7}
	if op == C.MC_OP_GET {
		command.ttl, command.flags = 0, 0
	}
	k, v := append([]byte(key), 0), append([]byte(value), 0) // never empty, so that there is a first byte
	return name(C.mc_execute_kv(client, &command, (*C.char)(unsafe.Pointer(&k[0])), C.size_t(len(key)),
		unsafe.Pointer(&v[0]), C.size_t(len(value)), item))
}

func value(item *C.mc_item) string { return C.GoStringN(item.value, C.int(item.value_len)) }

func main() {
	client, item := connect(os.Args[1]), C.mc_item_new()
	check("set", execute(client, C.MC_OP_SET, "go:a", "one\x00two", item), "OK")
	check("set", execute(client, C.MC_OP_SET, "go:b", "", item), "OK")
	check("get", execute(client, C.MC_OP_GET, "go:a", "", item), "OK")
	check("value", value(item), "one\x00two")
	check("flags", item.flags, C.uint32_t(7))
	check("miss", execute(client, C.MC_OP_GET, "go:none", "", item), "NO_VALUE")
	check("a miss has no value", item.value == nil, true)
	check("illegal key", execute(client, C.MC_OP_GET, "go:no key", "", item), "ILLEGAL_INPUT")

	keys, lens := []byte("go:ago:nonego:bgo:a"), []C.size_t{4, 7, 4, 4}
	var results *C.mc_results
	status := C.mc_get_multi_packed(client, (*C.char)(unsafe.Pointer(&keys[0])), &lens[0], 4, nil, &results)
	check("get many", name(status), "OK")
	var count, stride C.size_t
	first := unsafe.Pointer(C.mc_results_items(results, &count, &stride))
	check("count", count, C.size_t(4))
	for i, want := range []string{"OK one\x00two", "NO_VALUE ", "OK ", "OK one\x00two"} {
		one := (*C.mc_item)(unsafe.Add(first, i*int(stride)))
		check("item", name(one.status)+" "+value(one), want)
	}
	C.mc_results_free(results)
	C.mc_free(client)

	dead := connect("/nowhere/memcached.sock")
	check("dead server", execute(dead, C.MC_OP_GET, "go:a", "", item), "CONNECT_FAILED")
	check("its name", C.GoString(item.server), "/nowhere/memcached.sock")
	C.mc_item_free(item)
	C.mc_free(dead)
}
