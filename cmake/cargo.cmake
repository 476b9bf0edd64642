# The target memcached2_cargo runs cargo and puts its results into <build>/lib; the imported targets
# memcached2::shared (also memcached2::memcached2) and memcached2::static let the same build link to them.

find_program(MEMCACHED2_CARGO cargo HINTS "$ENV{HOME}/.cargo/bin" REQUIRED
  DOC "cargo, from the Rust toolchain (https://rustup.rs)")

set(cargo_dir "${PROJECT_BINARY_DIR}/cargo")
set(lib_dir "${PROJECT_BINARY_DIR}/lib")
file(MAKE_DIRECTORY "${lib_dir}")

set(features)
if(MEMCACHED2_TLS)
  list(APPEND features tls)
endif()
list(JOIN features "," features)

# `cargo rustc` with these two crate types, because `cargo build` builds the rlib along with them and
# then leaves out the link-time optimisation. Always a release build, whatever CMAKE_BUILD_TYPE says.
add_custom_target(memcached2_cargo ALL
  COMMAND ${CMAKE_COMMAND} -E env MEMCACHED2_SONAME=${soname}
    ${MEMCACHED2_CARGO} rustc --lib --locked --release --crate-type cdylib,staticlib
    --features "${features}" --target-dir ${cargo_dir}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${cargo_dir}/release/libmemcached2.so ${lib_dir}/${shared_library}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${cargo_dir}/release/libmemcached2.a ${lib_dir}/${static_library}
  COMMAND ${CMAKE_COMMAND} -E create_symlink ${shared_library} ${lib_dir}/${soname}
  COMMAND ${CMAKE_COMMAND} -E create_symlink ${soname} ${lib_dir}/libmemcached2.so
  BYPRODUCTS ${lib_dir}/${shared_library} ${lib_dir}/${static_library}
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  COMMENT "Building memcached2 with cargo"
  USES_TERMINAL VERBATIM)

add_library(memcached2_shared SHARED IMPORTED GLOBAL)
set_target_properties(memcached2_shared PROPERTIES
  IMPORTED_LOCATION ${lib_dir}/${shared_library}
  IMPORTED_SONAME ${soname}
  INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include)
add_library(memcached2_static STATIC IMPORTED GLOBAL)
set_target_properties(memcached2_static PROPERTIES
  IMPORTED_LOCATION ${lib_dir}/${static_library}
  INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include
  INTERFACE_LINK_LIBRARIES "${system_libraries}")
add_dependencies(memcached2_shared memcached2_cargo)
add_dependencies(memcached2_static memcached2_cargo)
add_library(memcached2::memcached2 ALIAS memcached2_shared)
add_library(memcached2::shared ALIAS memcached2_shared)
add_library(memcached2::static ALIAS memcached2_static)
