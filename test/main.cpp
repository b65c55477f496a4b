// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#define BOOST_TEST_MODULE numstore
#include <boost/test/unit_test.hpp>
