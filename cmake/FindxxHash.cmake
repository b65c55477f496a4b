# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
# Finds the header of xxHash (0.8 or newer, for XXH3), which numstore compiles
# in place: no library is linked. Defines the target xxHash::headers.
find_path(xxHash_INCLUDE_DIR xxhash.h)
mark_as_advanced(xxHash_INCLUDE_DIR)

set(xxHash_VERSION "")
if(xxHash_INCLUDE_DIR)
    file(STRINGS "${xxHash_INCLUDE_DIR}/xxhash.h" xxHash_VERSION
         REGEX "^ *# *define XXH_VERSION_(MAJOR|MINOR|RELEASE) +[0-9]+")
    list(TRANSFORM xxHash_VERSION REPLACE "^.*_(MAJOR|MINOR|RELEASE) +" "")
    list(TRANSFORM xxHash_VERSION REPLACE "[^0-9].*$" "")
    list(JOIN xxHash_VERSION "." xxHash_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(xxHash
    REQUIRED_VARS xxHash_INCLUDE_DIR VERSION_VAR xxHash_VERSION)

if(xxHash_FOUND AND NOT TARGET xxHash::headers)
    add_library(xxHash::headers INTERFACE IMPORTED)
    set_target_properties(xxHash::headers PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${xxHash_INCLUDE_DIR}")
endif()
