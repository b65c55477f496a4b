// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "fault_script.hpp"

#include <iostream>

namespace {

/// Lines for machines, after the last test.
struct figure_lines {
    static void teardown() {
        for (auto const& [key, value] : faults_test::figures())
            std::cout << "figure " << key << " " << value << "\n";
        std::cout.flush();
    }
};

} // namespace

BOOST_TEST_GLOBAL_FIXTURE(figure_lines);
