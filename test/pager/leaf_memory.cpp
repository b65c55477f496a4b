// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/leaf_memory.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <set>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(pager_leaf_memory)

using numstore::detail::leaf_memory;

namespace {

constexpr std::size_t size = 4096 + 64;
constexpr std::uint64_t many = leaf_memory::least_bytes;

/// AddressSanitizer watches each leaf by itself: then there are no slabs.
bool has_slabs() {
    leaf_memory memory(size);
    void* const block = memory.take(size, many);
    if (block != nullptr)
        memory.give_back(block);
    return block != nullptr;
}

} // namespace

BOOST_AUTO_TEST_CASE(few_small_and_large_leaves_are_left_to_others) {
    leaf_memory memory(size);
    BOOST_TEST(memory.take(size, many - 1) == nullptr);
    BOOST_TEST(memory.take(size + 64, many) == nullptr);
    BOOST_TEST(memory.take(size / 2 - 64, many) == nullptr);
    BOOST_TEST(leaf_memory(0).take(64, many) == nullptr);
    BOOST_TEST(leaf_memory(1 << 20).take(1 << 20, many) == nullptr);
    BOOST_TEST(memory.bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(blocks_do_not_meet_and_slabs_go_back) {
    if (!has_slabs())
        return;
    leaf_memory memory(size);
    std::mt19937 random(1);
    std::vector<std::byte*> held;
    std::set<std::byte*> known;
    std::size_t most = 0;
    for (std::size_t const wanted : {3000u, 100u, 5000u, 0u, 700u, 0u}) {
        while (held.size() < wanted) {
            auto* const b = static_cast<std::byte*>(memory.take(size, many));
            BOOST_TEST_REQUIRE(b != nullptr);
            BOOST_TEST_REQUIRE(reinterpret_cast<std::uintptr_t>(b)
                                   % leaf_memory::alignment
                               == 0u);
            auto const behind = known.lower_bound(b);
            BOOST_TEST_REQUIRE((behind == known.end() || b + size <= *behind));
            BOOST_TEST_REQUIRE((behind == known.begin()
                                || *std::prev(behind) + size <= b));
            known.insert(behind, b);
            std::memset(b, static_cast<int>(held.size()), size);
            held.push_back(b);
        }
        most = std::max(most, held.size());
        std::shuffle(held.begin(), held.end(), random);
        while (held.size() > wanted) {
            std::byte* const b = held.back();
            held.pop_back();
            BOOST_TEST_REQUIRE((b[0] == b[size - 1]));
            known.erase(b);
            memory.give_back(b);
        }
        std::size_t const in_slab = leaf_memory::slab_bytes / size;
        BOOST_TEST(memory.bytes()
                   <= (most / in_slab + 1) * leaf_memory::slab_bytes);
        if (wanted == 0)
            BOOST_TEST(memory.bytes()
                       <= leaf_memory::least_spare * leaf_memory::slab_bytes);
    }
}

BOOST_AUTO_TEST_CASE(empty_slabs_stay_up_to_a_limit) {
    if (!has_slabs())
        return;
    constexpr std::uint64_t kept = 10 * leaf_memory::slab_bytes;
    leaf_memory memory(size, kept);
    std::vector<void*> held;
    for (std::uint64_t const slabs : {7u, 20u}) {
        while (memory.bytes() < slabs * leaf_memory::slab_bytes)
            held.push_back(memory.take(size, many));
        for (void* const b : held)
            memory.give_back(b);
        held.clear();
        BOOST_TEST(memory.bytes()
                   == std::min<std::uint64_t>(
                       slabs * leaf_memory::slab_bytes, kept));
    }
}

BOOST_AUTO_TEST_CASE(threads_share_it) {
    if (!has_slabs())
        return;
    leaf_memory memory(size);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t != 4; ++t)
        threads.emplace_back([&memory, t] {
            std::mt19937 random(t);
            std::vector<void*> held;
            for (int i = 0; i != 20'000; ++i) {
                if (held.empty() || random() % 5 < 3) {
                    held.push_back(memory.take(size, many));
                    std::memset(held.back(), static_cast<int>(t), size);
                } else {
                    std::swap(held[random() % held.size()], held.back());
                    memory.give_back(held.back());
                    held.pop_back();
                }
                if (held.size() == 1000)
                    while (held.size() != 10) {
                        memory.give_back(held.back());
                        held.pop_back();
                    }
            }
            for (void* const b : held)
                memory.give_back(b);
        });
    for (std::thread& t : threads)
        t.join();
    BOOST_TEST(memory.bytes()
               <= leaf_memory::least_spare * leaf_memory::slab_bytes);
}

BOOST_AUTO_TEST_SUITE_END()
