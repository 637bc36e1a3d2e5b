# SPDX-License-Identifier: MIT OR Apache-2.0
# What a builder may choose, and the compiler flags that follow from it.

# PROJECT_IS_TOP_LEVEL is CMake 3.21; this works from 3.20 on.
if(CMAKE_CURRENT_SOURCE_DIR STREQUAL CMAKE_SOURCE_DIR)
  set(PROJECT_IS_TOP_LEVEL_COMPAT TRUE)
else()
  set(PROJECT_IS_TOP_LEVEL_COMPAT FALSE)
endif()

option(TRIFUSE_SHARED "Build the shared library" ON)
option(TRIFUSE_STATIC_LIBRARY "Build the static library" ON)
option(TRIFUSE_INSTALL "Install headers, libraries and packages" ${PROJECT_IS_TOP_LEVEL_COMPAT})
option(TRIFUSE_WERROR "Treat warnings as errors" OFF)
option(TRIFUSE_COVERAGE "Measure coverage (gcc, gcov)" OFF)
option(TRIFUSE_FUZZ "Build the libFuzzer harnesses (clang)" OFF)
option(TRIFUSE_EMULATED "The tests run on an emulated machine: repeat less" OFF)
set(TRIFUSE_SANITIZE "" CACHE STRING "Sanitizers, such as address,undefined or thread")

if(NOT TRIFUSE_SHARED AND NOT TRIFUSE_STATIC_LIBRARY)
  message(FATAL_ERROR "trifuse: TRIFUSE_SHARED and TRIFUSE_STATIC_LIBRARY are both OFF; nothing to build")
endif()

if(PROJECT_IS_TOP_LEVEL_COMPAT AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

# Sanitizers and coverage concern everything that is compiled, the tests too.
if(TRIFUSE_SANITIZE)
  add_compile_options(-fsanitize=${TRIFUSE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TRIFUSE_SANITIZE})
endif()
if(TRIFUSE_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic -fprofile-abs-path)
  add_link_options(--coverage)
endif()

# trifuse_strict(<target>): C11 without extensions and every warning.
function(trifuse_strict target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /experimental:c11atomics)
    if(TRIFUSE_WERROR)
      target_compile_options(${target} PRIVATE /WX)
    endif()
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
    if(TRIFUSE_WERROR)
      target_compile_options(${target} PRIVATE -Werror)
    endif()
  endif()
endfunction()
