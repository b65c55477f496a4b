# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
# Installs the headers and a package for find_package(numstore).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/numstore")

install(TARGETS numstore numstore_npz EXPORT numstore-targets FILE_SET HEADERS)
install(EXPORT numstore-targets NAMESPACE numstore::
        DESTINATION "${package_dir}")
configure_package_config_file(
    cmake/numstore-config.cmake.in
    "${CMAKE_CURRENT_BINARY_DIR}/numstore-config.cmake"
    INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
    "${CMAKE_CURRENT_BINARY_DIR}/numstore-config-version.cmake"
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/numstore-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/numstore-config-version.cmake"
              cmake/FindxxHash.cmake
        DESTINATION "${package_dir}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/numstore")
