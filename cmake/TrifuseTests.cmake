# SPDX-License-Identifier: MIT OR Apache-2.0
# The tests in C. Each directory has a CMakeLists.txt of its own, which uses trifuse_test().

find_package(Threads REQUIRED)

# trifuse_test(<name> SOURCES <files...> [ARGS <arguments...>] [LIBRARY <target>] [TIMEOUT <seconds>])
#
# Adds one test program and one ctest of the same name, labelled with the directory it stands in
# (unit, stress, crash, abi, vectors ...), so that `ctest -L unit` runs one kind. LIBRARY is what it
# links: trifuse_static unless told; NONE for a program that includes the sources it tests.
# core/include, core/src and the directory itself are on the include path.
function(trifuse_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LIBRARY;TIMEOUT" "SOURCES;ARGS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "trifuse_test(${name}): SOURCES is missing, or unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_LIBRARY)
    set(arg_LIBRARY trifuse_static)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(TRIFUSE_SANITIZE OR TRIFUSE_COVERAGE OR TRIFUSE_EMULATED)  # all of these are slow
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 5")
  endif()
  add_executable(${name} ${arg_SOURCES})
  trifuse_strict(${name})
  # `check & check` is meant in tests: each is to run, also after one has failed.
  target_compile_options(${name} PRIVATE $<$<C_COMPILER_ID:Clang>:-Wno-bitwise-instead-of-logical>)
  target_include_directories(${name} PRIVATE
    "${PROJECT_SOURCE_DIR}/core/include" "${PROJECT_SOURCE_DIR}/core/src" "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE Threads::Threads)
  if(TRIFUSE_EMULATED)
    target_compile_definitions(${name} PRIVATE TRIFUSE_EMULATED)
  endif()
  if(arg_LIBRARY STREQUAL "NONE")
    target_compile_definitions(${name} PRIVATE TRIFUSE_STATIC)
  else()
    target_link_libraries(${name} PRIVATE ${arg_LIBRARY})
  endif()
  get_filename_component(label "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
  add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${arg_TIMEOUT})
endfunction()

set(trifuse_test_dirs core/examples tests/unit tests/vectors tests/abi)
if(TRIFUSE_FUZZ)                               # the harnesses alone
  set(trifuse_test_dirs tests/fuzz)
elseif(NOT WIN32)                                  # threads, processes and fuzzers of POSIX
  list(APPEND trifuse_test_dirs tests/stress tests/crash tests/fuzz bench/c bench/scenarios)
endif()
foreach(dir IN LISTS trifuse_test_dirs)
  if(EXISTS "${PROJECT_SOURCE_DIR}/${dir}/CMakeLists.txt")
    add_subdirectory(${dir})
  endif()
endforeach()
