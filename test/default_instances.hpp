// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/numstore.hpp>

/// What most tests need of the engine under its default policies is compiled
/// once, in default_instances.cpp.
#ifndef NUMSTORE_TEST_INSTANCE
#define NUMSTORE_TEST_INSTANCE extern template
#endif

namespace numstore {
NUMSTORE_TEST_INSTANCE class basic_database<default_policies>;
namespace detail {
NUMSTORE_TEST_INSTANCE struct engine<default_policies>;
NUMSTORE_TEST_INSTANCE class array_ref<default_policies>;
NUMSTORE_TEST_INSTANCE class array_writer<default_policies>;
NUMSTORE_TEST_INSTANCE class catalogue<default_policies>;
NUMSTORE_TEST_INSTANCE class catalogue_writer<default_policies>;
NUMSTORE_TEST_INSTANCE class checkpointer<default_policies>;
NUMSTORE_TEST_INSTANCE class closing<default_policies>;
NUMSTORE_TEST_INSTANCE class committer<default_policies>;
NUMSTORE_TEST_INSTANCE class compactor<default_policies>;
NUMSTORE_TEST_INSTANCE class keyed_tree<default_policies>;
NUMSTORE_TEST_INSTANCE class log_analysis<default_policies>;
NUMSTORE_TEST_INSTANCE class names<default_policies>;
NUMSTORE_TEST_INSTANCE class page_writer<default_policies>;
NUMSTORE_TEST_INSTANCE class pager<default_policies>;
NUMSTORE_TEST_INSTANCE class reclaimer<default_policies>;
NUMSTORE_TEST_INSTANCE class recovery<default_policies>;
NUMSTORE_TEST_INSTANCE class redo<default_policies>;
NUMSTORE_TEST_INSTANCE class room<default_policies>;
NUMSTORE_TEST_INSTANCE class rope_tree<dynamic_element, default_policies>;
NUMSTORE_TEST_INSTANCE class verifier<default_policies>;
} // namespace detail
} // namespace numstore
