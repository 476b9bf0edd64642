//! What a compiled program has taken from the header into itself stays as it is: the numbers of
//! statuses and of all other constants, where the fields of the structures are, and the types of
//! everything.
//!
//! The committed files in tests/abi/ may only grow: `make abi-baseline` appends what is new, and
//! never touches what is there.
#![cfg(all(target_pointer_width = "64", target_endian = "little"))]

mod support;

mod abi {
    pub mod header;
    pub mod lists;
    pub mod probe;
}

use std::ffi::{CStr, c_char};

use abi::header::Header;
use abi::lists::{Row, additions, compare, numbers, pinned, places};
use abi::probe::{Probe, baseline, unknown};

// Links the library.
use memcached2 as _;

#[test]
fn statuses_keep_their_numbers() {
    let (statuses, _) = numbers(&Header::committed());
    assert_eq!(statuses.len(), memcached2::status::TABLE.len());
    compare("status.tsv", &statuses);
}

#[test]
fn constants_keep_their_numbers() {
    let (_, others) = numbers(&Header::committed());
    compare("constants.tsv", &others);
}

#[test]
fn fields_keep_their_places() {
    compare("fields.tsv", &places(&Header::committed()));
}

/// The beginning of `mc_status_info`, which is only ever reached by pointer.
#[repr(C)]
struct StatusInfo {
    status: i32,
    parent: i32,
    name: *const c_char,
}

unsafe extern "C" {
    fn mc_statuses(index: usize) -> *const StatusInfo;
}

#[test]
fn the_library_has_the_numbers_that_are_pinned() {
    let mut told = Vec::new();
    // SAFETY: any index may be asked for; a row is static, and its name a text.
    while let Some(row) = unsafe { mc_statuses(told.len()).as_ref() } {
        // SAFETY: as above.
        let name = unsafe { CStr::from_ptr(row.name) }.to_string_lossy();
        told.push((format!("MC_{name}"), row.status.to_string()));
    }
    told.sort();
    let mut pinned = pinned("status.tsv");
    pinned.sort();
    assert_eq!(told, pinned);
}

#[test]
fn types_keep_to_the_baseline() {
    let header = Header::committed();
    let probe = Probe::of(&header);
    if baseline().exists() {
        let served = probe.serves_old_programs();
        served.unwrap_or_else(|why| panic!("no compiled program survives this:\n{why}"));
    }
    probe.update();
    let unknown = unknown(&header);
    assert!(
        unknown.is_empty(),
        "the baseline is to be told of these by `make abi-baseline`: {unknown:?}"
    );
}

/// What the lists say to a header.
fn listed(header: &Header) -> Result<(), String> {
    let (statuses, others) = numbers(header);
    let known = |list, now: &[Row]| additions(list, now).map(|_| ());
    known("status.tsv", &statuses)?;
    known("constants.tsv", &others)?;
    known("fields.tsv", &places(header))
}

fn compared(header: &Header) -> Result<(), String> {
    Probe::of(header).serves_old_programs()
}

/// A change that old programs survive: nothing complains.
#[track_caller]
fn passes(changes: &[(&str, &str)]) {
    let header = Header::with(changes);
    assert_eq!(
        listed(&header).and(compared(&header)),
        Ok(()),
        "{changes:?}"
    );
}

/// A change that they do not survive: `judge` complains, and names what it is about.
#[track_caller]
fn fails(judge: fn(&Header) -> Result<(), String>, changes: &[(&str, &str)], about: &str) {
    let complaint = judge(&Header::with(changes)).expect_err("a complaint");
    assert!(complaint.contains(about), "not of {about}:\n{complaint}");
}

const LAST: &str = "\n#ifdef __cplusplus\n}  // extern \"C\"";

#[test]
fn a_header_may_grow() {
    let function = format!("MC_API mc_status mc_grown(const struct mc_client *client);\n{LAST}");
    passes(&[(LAST, &function)]);
    let constant = "#define MC_OP_GET 1\n#define MC_OP_GROWN 99";
    passes(&[("#define MC_OP_GET 1\n", constant)]);
    passes(&[("  void *object;\n", "  void *object;\n  uint64_t grown;\n")]);
    let last = "  uint64_t own_cas;\n";
    passes(&[(last, &format!("{last}  uint64_t grown;\n"))]);
}

#[test]
fn a_number_may_not_change() {
    let (status, other) = ("#define MC_NO_VALUE 0x000101", "#define MC_OP_GETS 2\n");
    fails(
        listed,
        &[(status, "#define MC_NO_VALUE 0x000201")],
        "MC_NO_VALUE",
    );
    fails(listed, &[(status, "")], "MC_NO_VALUE");
    fails(listed, &[(other, "#define MC_OP_GETS 3\n")], "MC_OP_GETS");
    fails(listed, &[(other, "")], "MC_OP_GETS");
}

#[test]
fn a_structure_may_not_lose_or_move_a_field() {
    let (field, last) = ("  uint64_t last_access;\n", "  void *object;\n");
    for judge in [listed, compared] {
        fails(judge, &[(field, "")], "last_access");
        fails(judge, &[(last, "")], "object");
        fails(
            judge,
            &[(field, &format!("  uint64_t wedge;\n{field}"))],
            "mc_item",
        );
    }
    fails(listed, &[(field, "  uint64_t last_look;\n")], "last_access");
}

#[test]
fn a_type_may_not_change() {
    let number = (
        "What incr and decr answered.\n   */\n  uint64_t number;\n",
        "What incr and decr answered.\n   */\n  double number;\n",
    );
    fails(compared, &[number], "number");
    let growth = ("  void *object;\n", "  void *object;\n  uint64_t grown;\n");
    fails(compared, &[number, growth], "number");
    let count = "MC_API size_t mc_results_count(";
    fails(
        compared,
        &[(count, "MC_API uint32_t mc_results_count(")],
        "mc_results_count",
    );
    let status = "typedef int32_t mc_status;";
    fails(
        compared,
        &[(status, "typedef int64_t mc_status;")],
        "mc_get",
    );
    let (user, fewer) = ("mc_destroy_fn)(void *user)", "mc_destroy_fn)(void)");
    fails(compared, &[(user, fewer)], "mc_destroy_fn");
}

#[test]
fn a_function_may_not_go() {
    let function = "MC_API size_t mc_results_count(const struct mc_results *results);";
    fails(compared, &[(function, "")], "mc_results_count");
}
