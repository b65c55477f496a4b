// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

/// Compiles the engine of a policy bag once for a whole program, where each
/// file that uses a database would compile it again. Optional: without these
/// macros nothing changes.
///
/// In a header that every user of the bag includes, and in one source file,
/// both outside of all namespaces:
///
///     #include <numstore/instances.hpp>
///     NUMSTORE_EXTERN_TEMPLATES(numstore::default_policies)
///
///     NUMSTORE_INSTANTIATE(numstore::default_policies)
///
/// Then the others have only their own code, and `array<T>`, left to compile,
/// optimised or not; and reading, which is inlined where it is used.

#include <numstore/numstore.hpp>

#include <string_view>
#include <vector>

/// For the many: the engine under `bag` is compiled elsewhere.
#define NUMSTORE_EXTERN_TEMPLATES(...) \
    NUMSTORE_DETAIL_INSTANCES(extern template, __VA_ARGS__)

/// For the one: it is compiled here.
#define NUMSTORE_INSTANTIATE(...) \
    NUMSTORE_DETAIL_INSTANCES(template, __VA_ARGS__)

#define NUMSTORE_DETAIL_INSTANCES(how, ...) \
    how class numstore::basic_any_array<__VA_ARGS__>; \
    how class numstore::basic_database<__VA_ARGS__>; \
    how class numstore::basic_snapshot<__VA_ARGS__>; \
    how class numstore::basic_transaction<__VA_ARGS__>; \
    how class numstore::attribute_map<__VA_ARGS__>; \
    NUMSTORE_DETAIL_FACE_INSTANCES(how, __VA_ARGS__) \
    NUMSTORE_DETAIL_DATABASE_INSTANCES(how, __VA_ARGS__) \
    NUMSTORE_DETAIL_ROPE_INSTANCES(how, __VA_ARGS__)

#define NUMSTORE_DETAIL_FACE_INSTANCES(how, ...) \
    how class numstore::detail::name_face< \
        numstore::basic_database<__VA_ARGS__>, __VA_ARGS__>; \
    how class numstore::detail::name_face< \
        numstore::basic_transaction<__VA_ARGS__>, __VA_ARGS__>; \
    how std::vector<numstore::array_info> numstore::detail::list_arrays( \
        numstore::detail::names<__VA_ARGS__> const&, std::string_view);

#define NUMSTORE_DETAIL_DATABASE_INSTANCES(how, ...) \
    how struct numstore::detail::engine<__VA_ARGS__>; \
    how class numstore::detail::array_copy<__VA_ARGS__, __VA_ARGS__>; \
    how class numstore::detail::array_ref<__VA_ARGS__>; \
    how class numstore::detail::array_writer<__VA_ARGS__>; \
    how class numstore::detail::background<__VA_ARGS__>; \
    how class numstore::detail::bulk_copies<__VA_ARGS__>; \
    how class numstore::detail::catalogue<__VA_ARGS__>; \
    how class numstore::detail::catalogue_writer<__VA_ARGS__>; \
    how class numstore::detail::checkpointer<__VA_ARGS__>; \
    how class numstore::detail::closing<__VA_ARGS__>; \
    how class numstore::detail::committer<__VA_ARGS__>; \
    how class numstore::detail::compactor<__VA_ARGS__>; \
    how class numstore::detail::keyed_tree<__VA_ARGS__>; \
    how class numstore::detail::keyed_write_out<__VA_ARGS__>; \
    how class numstore::detail::lock_table<__VA_ARGS__>; \
    how class numstore::detail::log_analysis<__VA_ARGS__>; \
    how class numstore::detail::log_space_pool<__VA_ARGS__>; \
    how class numstore::detail::names<__VA_ARGS__>; \
    how class numstore::detail::opening<__VA_ARGS__>; \
    how class numstore::detail::read_pin<__VA_ARGS__>; \
    how class numstore::detail::reclaimer<__VA_ARGS__>; \
    how class numstore::detail::recovery<__VA_ARGS__>; \
    how class numstore::detail::redo<__VA_ARGS__>; \
    how class numstore::detail::room<__VA_ARGS__>; \
    how class numstore::detail::transaction_state<__VA_ARGS__>; \
    how class numstore::detail::verifier<__VA_ARGS__>; \
    how void numstore::detail::change_as_one<__VA_ARGS__>( \
        numstore::detail::array_ref<__VA_ARGS__> const&, \
        numstore::detail::function_ref<void( \
            numstore::detail::array_writer<__VA_ARGS__>&)>); \
    how numstore::statistics numstore::detail::collect_statistics( \
        numstore::detail::engine<__VA_ARGS__>&);

#define NUMSTORE_DETAIL_ROPE_INSTANCES(how, ...) \
    how class numstore::detail::page_writer<__VA_ARGS__>; \
    how class numstore::detail::page_allocator<__VA_ARGS__>; \
    how class numstore::detail::pager<__VA_ARGS__>; \
    how class numstore::detail::epochs<__VA_ARGS__>; \
    how class numstore::detail::leaf_path<__VA_ARGS__>; \
    how class numstore::detail::node_editor<__VA_ARGS__>; \
    how class numstore::detail::node_source<__VA_ARGS__>; \
    how class numstore::detail::range_survey<__VA_ARGS__>; \
    how class numstore::detail::rope_bulk<__VA_ARGS__>; \
    how class numstore::detail::rope_cursor<__VA_ARGS__>; \
    how class numstore::detail::rope_erasure<__VA_ARGS__>; \
    how class numstore::detail::rope_insertion<__VA_ARGS__>; \
    how class numstore::detail::rope_leaf_erasure<__VA_ARGS__>; \
    how class numstore::detail::rope_overwrite<__VA_ARGS__>; \
    how class numstore::detail::rope_spill<__VA_ARGS__>; \
    how class numstore::detail::rope_splice<__VA_ARGS__>; \
    how class numstore::detail::rope_tree<numstore::detail::dynamic_element, \
                                          __VA_ARGS__>; \
    how class numstore::detail::tree_structure<__VA_ARGS__>; \
    how class numstore::detail::write_out_batch<__VA_ARGS__>;
