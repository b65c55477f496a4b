# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
# awk -f std_includes.awk HEADER...
#
# Checks that a header includes what it uses of the standard library: names
# that only one of its headers defines. That includes name headers of the
# project in full is checked by compiling each header by itself.
function define(header, names,    list, n, i) {
    n = split(names, list, " ")
    for (i = 1; i <= n; ++i)
        home["std::" list[i]] = header
}

BEGIN {
    define("algorithm", "sort copy_n clamp any_of all_of none_of find_if \
        upper_bound lower_bound fill_n binary_search swap_ranges count_if \
        partition_point max_element min_element stable_sort is_sorted rotate")
    define("array", "array")
    define("atomic", "atomic memory_order_relaxed memory_order_acquire \
        memory_order_release memory_order_acq_rel memory_order_seq_cst")
    define("bit", "bit_cast bit_width bit_ceil bit_floor countr_zero \
        countl_zero popcount has_single_bit endian")
    define("charconv", "from_chars to_chars chars_format")
    define("chrono", "chrono")
    define("compare", "strong_ordering weak_ordering partial_ordering")
    define("complex", "complex")
    define("concepts", "same_as convertible_to integral floating_point \
        unsigned_integral signed_integral invocable copyable semiregular \
        derived_from constructible_from default_initializable")
    define("condition_variable", "condition_variable")
    define("cstddef", "byte ptrdiff_t to_integer max_align_t")
    define("cstdint", "int8_t int16_t int32_t int64_t uint8_t uint16_t \
        uint32_t uint64_t uintptr_t")
    define("cstdlib", "getenv abort strtoull")
    define("cstring", "memcpy memset memmove memcmp strlen strerror")
    define("deque", "deque")
    define("exception", "exception_ptr current_exception rethrow_exception \
        uncaught_exceptions")
    define("filesystem", "filesystem")
    define("functional", "function equal_to invoke cref")
    define("initializer_list", "initializer_list")
    define("iterator", "iterator_traits random_access_iterator_tag \
        input_iterator_tag default_sentinel_t back_inserter prev distance \
        reverse_iterator sentinel_for")
    define("limits", "numeric_limits")
    define("list", "list")
    define("map", "map multimap")
    define("memory", "unique_ptr shared_ptr weak_ptr make_unique make_shared")
    define("mutex", "mutex scoped_lock unique_lock adopt_lock")
    define("new", "bad_alloc nothrow align_val_t bad_array_new_length")
    define("numeric", "iota accumulate gcd partial_sum")
    define("optional", "optional nullopt")
    define("random", "random_device mt19937 mt19937_64")
    define("set", "set multiset")
    define("span", "span as_bytes as_writable_bytes dynamic_extent")
    define("string", "string to_string")
    define("string_view", "string_view")
    define("system_error", "error_code error_category make_error_code \
        system_category generic_category")
    define("thread", "thread this_thread")
    define("tuple", "tuple tie apply make_tuple")
    define("type_traits", "is_same_v is_const_v is_class_v is_enum_v \
        is_trivially_copyable_v remove_const_t remove_cvref_t \
        remove_reference_t conditional_t make_unsigned_t underlying_type_t \
        type_identity integral_constant true_type false_type \
        invoke_result_t")
    define("unordered_map", "unordered_map unordered_multimap")
    define("unordered_set", "unordered_set")
    define("utility", "forward exchange pair index_sequence declval as_const \
        make_index_sequence")
    define("variant", "variant visit get_if holds_alternative monostate")
    define("vector", "vector")
}

function check(    name) {
    for (name in used)
        if (!(home[name] in included)) {
            print file ": " name " without <" home[name] ">" \
                > "/dev/stderr"
            failed = 1
        }
    split("", used)
    split("", included)
}

FNR == 1 { check(); file = FILENAME; ++files }

/^[ \t]*#[ \t]*include[ \t]*<[a-z_]+>/ {
    header = $0
    gsub(/^.*<|>.*$/, "", header)
    included[header] = 1
}

{
    sub(/\/\/.*$/, "")
    while (match($0, /std::[a-z_0-9]+/)) {
        name = substr($0, RSTART, RLENGTH)
        if (name in home)
            used[name] = 1
        $0 = substr($0, RSTART + RLENGTH)
    }
}

END {
    check()
    if (files < 100) {
        print "std_includes: only " files " headers" > "/dev/stderr"
        failed = 1
    }
    exit failed
}
