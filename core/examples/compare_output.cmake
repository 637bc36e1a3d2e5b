# SPDX-License-Identifier: MIT OR Apache-2.0
# Runs PROGRAM (through EMULATOR if set) and fails unless it ends with 0 and prints what EXPECTED holds.
execute_process(COMMAND ${EMULATOR} ${PROGRAM} OUTPUT_VARIABLE actual RESULT_VARIABLE result)
file(READ "${EXPECTED}" expected)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${result}")
endif()
if(NOT actual STREQUAL expected)
  message(FATAL_ERROR "the output differs from ${EXPECTED}\n--- expected\n${expected}--- actual\n${actual}")
endif()
