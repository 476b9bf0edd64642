# What goes where. Nothing that is installed names the prefix, so that it can be moved as a whole.

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/memcached2)
configure_package_config_file(cmake/memcached2-config.cmake.in memcached2-config.cmake
  INSTALL_DESTINATION ${config_dir}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(memcached2-config-version.cmake COMPATIBILITY ${compatibility})

file(RELATIVE_PATH to_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
file(RELATIVE_PATH to_libdir "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_LIBDIR}")
file(RELATIVE_PATH to_includedir "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
list(TRANSFORM system_libraries PREPEND "-l" OUTPUT_VARIABLE system_link_flags)
list(JOIN system_link_flags " " system_link_flags)
configure_file(cmake/memcached2.pc.in memcached2.pc @ONLY)

# For packagers: `cmake --install build --component NAME`, with `development` and one or both of
# `shared` and `static`.
install(FILES ${lib_dir}/${shared_library} ${lib_dir}/${soname} ${lib_dir}/libmemcached2.so
  DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT shared)
install(FILES ${lib_dir}/${static_library}
  DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT static)
install(FILES include/memcached2.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/memcached2.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
install(FILES
  ${PROJECT_BINARY_DIR}/memcached2-config.cmake ${PROJECT_BINARY_DIR}/memcached2-config-version.cmake
  DESTINATION ${config_dir} COMPONENT development)
