# SPDX-License-Identifier: MIT OR Apache-2.0
# The libraries: trifuse::trifuse (shared) and trifuse::trifuse_static, from one translation unit.

include(GNUInstallDirs)

function(trifuse_library target kind)
  add_library(${target} ${kind} core/src/trifuse.c)
  add_library(trifuse::${target} ALIAS ${target})
  target_include_directories(${target} PUBLIC
    "$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/core/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET hidden EXPORT_NAME ${target})
  trifuse_strict(${target})
endfunction()

if(TRIFUSE_SHARED)
  trifuse_library(trifuse SHARED)
  target_compile_definitions(trifuse PRIVATE TRIFUSE_BUILD)
  set_target_properties(trifuse PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  if(UNIX AND NOT APPLE)
    set(trifuse_map "${CMAKE_CURRENT_SOURCE_DIR}/core/trifuse.map")
    target_link_options(trifuse PRIVATE "LINKER:--version-script=${trifuse_map}")
    set_target_properties(trifuse PROPERTIES LINK_DEPENDS "${trifuse_map}")
    if(NOT TRIFUSE_SANITIZE)
      target_link_options(trifuse PRIVATE "LINKER:--no-undefined")
    endif()
  endif()
endif()

if(TRIFUSE_STATIC_LIBRARY)
  trifuse_library(trifuse_static STATIC)
  target_compile_definitions(trifuse_static PUBLIC TRIFUSE_STATIC)
  set_target_properties(trifuse_static PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(NOT MSVC)                                 # there the import library has this name
    set_target_properties(trifuse_static PROPERTIES OUTPUT_NAME trifuse)
  endif()
endif()

# One name for whichever was built, so that a project that adds this one needs no question.
if(NOT TRIFUSE_SHARED)
  add_library(trifuse ALIAS trifuse_static)
  add_library(trifuse::trifuse ALIAS trifuse_static)
endif()
