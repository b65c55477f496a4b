# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, CMakeDeps, cmake_layout


class NumstoreConan(ConanFile):
    name = "numstore"
    version = "0.1.0"
    license = "Apache-2.0"
    description = "Typed arrays on disk that can be edited in the middle"
    package_type = "header-library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"npz": [True, False]}
    default_options = {"npz": False}
    exports_sources = "CMakeLists.txt", "cmake/*", "include/*", "LICENSE"
    no_copy_source = True

    def requirements(self):
        self.requires("boost/[>=1.81]")
        self.requires("xxhash/[>=0.8]")
        if self.options.npz:  # numstore/io/npz.hpp
            self.requires("zlib/[>=1.2.11 <2]")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.variables["NUMSTORE_BUILD_TESTS"] = False
        toolchain.variables["NUMSTORE_BUILD_EXAMPLES"] = False
        toolchain.variables["NUMSTORE_BUILD_BENCH"] = False
        toolchain.generate()
        CMakeDeps(self).generate()

    def package(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.install()

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
