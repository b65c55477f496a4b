// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/numstore.hpp>

/// What most tests need of the engine under one bag of policies: with `how`
/// as `template` compiles it, and with `extern template` leaves it to the one
/// file that does.
#define NUMSTORE_TEST_INSTANCES(how, bag) \
    namespace numstore { \
    how class basic_database<bag>; \
    namespace detail { \
    how struct engine<bag>; \
    how class array_ref<bag>; \
    how class array_writer<bag>; \
    how class catalogue<bag>; \
    how class catalogue_writer<bag>; \
    how class checkpointer<bag>; \
    how class closing<bag>; \
    how class committer<bag>; \
    how class compactor<bag>; \
    how class keyed_tree<bag>; \
    how class log_analysis<bag>; \
    how class names<bag>; \
    how class page_writer<bag>; \
    how class pager<bag>; \
    how class reclaimer<bag>; \
    how class recovery<bag>; \
    how class redo<bag>; \
    how class room<bag>; \
    how class rope_tree<dynamic_element, bag>; \
    how class verifier<bag>; \
    } \
    }
