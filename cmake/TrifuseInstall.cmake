# SPDX-License-Identifier: MIT OR Apache-2.0
# cmake --install: header, libraries, pkg-config file, find_package(trifuse), licences.

if(NOT TRIFUSE_INSTALL)
  return()
endif()
include(CMakePackageConfigHelpers)

set(trifuse_targets)
if(TRIFUSE_SHARED)
  list(APPEND trifuse_targets trifuse)
endif()
if(TRIFUSE_STATIC_LIBRARY)
  list(APPEND trifuse_targets trifuse_static)
endif()
set(trifuse_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/trifuse")

install(TARGETS ${trifuse_targets} EXPORT trifuse-targets
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES core/include/trifuse/trifuse.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/trifuse")
install(FILES LICENSE LICENSE-MIT LICENSE-APACHE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(EXPORT trifuse-targets NAMESPACE trifuse:: DESTINATION "${trifuse_package_dir}")

configure_package_config_file(core/trifuse-config.cmake.in trifuse-config.cmake
                              INSTALL_DESTINATION "${trifuse_package_dir}")
# As the ABI promises: a newer release with the same major version serves (SECURITY.md).
write_basic_package_version_file(trifuse-config-version.cmake
                                 VERSION ${PROJECT_VERSION} COMPATIBILITY SameMajorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/trifuse-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/trifuse-config-version.cmake"
        DESTINATION "${trifuse_package_dir}")

# A relative prefix keeps the file true when the tree is moved; absolute directories stay as given.
file(RELATIVE_PATH trifuse_pc_to_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" trifuse_pc_to_prefix "${trifuse_pc_to_prefix}")
foreach(dir LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(trifuse_pc_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(trifuse_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
if(TRIFUSE_SHARED)
  set(trifuse_pc_cflags "")
else()
  set(trifuse_pc_cflags " -DTRIFUSE_STATIC")
endif()
configure_file(core/trifuse.pc.in trifuse.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/trifuse.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
