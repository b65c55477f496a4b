# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
# Compiles and runs the program without any build system.
file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}")
set(include_options "-I${INCLUDE_DIR}")
foreach(dir IN LISTS SYSTEM_DIRS)
    if(NOT dir STREQUAL "/usr/include")
        list(APPEND include_options -isystem "${dir}")
    endif()
endforeach()
execute_process(
    COMMAND "${CXX}" -std=c++20 ${include_options} "${SOURCE}" -o consumer
    WORKING_DIRECTORY "${FOLDER}" COMMAND_ECHO STDOUT
    COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ./consumer
    WORKING_DIRECTORY "${FOLDER}" COMMAND_ERROR_IS_FATAL ANY)
