// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// A database in memory, without a log: an editable sequence of any size.
#include <numstore/numstore.hpp>

#include <cstdint>
#include <cstdio>

struct scratch : numstore::default_policies {
    using storage = numstore::memory_storage;
    using logging = numstore::no_log;
};

int main() {
    numstore::basic_database<scratch> db(
        numstore::options{.durability = numstore::durability::none});
    auto a = db.create<std::int64_t>("numbers");
    a.resize(std::uint64_t{1} << 33); // zeros take no space
    a.set(std::uint64_t{1} << 32, 42);
    a.insert(7, {1, 2, 3});
    std::uint64_t const at = (std::uint64_t{1} << 32) + 3;
    std::printf("%llu elements, element %llu is %lld, in %llu KiB\n",
                static_cast<unsigned long long>(a.size()),
                static_cast<unsigned long long>(at),
                static_cast<long long>(a[at]),
                static_cast<unsigned long long>(db.stats().file_bytes / 1024));
    return a[at] == 42 && a[8] == 2 && db.verify().ok() ? 0 : 1;
}
