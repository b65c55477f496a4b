// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/in_file.hpp"
#include "../storage/support.hpp"

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(database_erase_beside_readers)

namespace ns = numstore;

namespace {

using database = ns::basic_database<bags::in_file>;

/// Threads that read all over another array, so that leaves leave the cache.
class readers {
public:
    explicit readers(database& db) {
        for (unsigned t = 0; t != 2; ++t)
            threads_.emplace_back([this, &db, t] {
                std::mt19937 random(t);
                std::vector<int> out(64);
                while (!stop_) {
                    auto const other = db.open<int>("other");
                    for (int i = 0; i != 500; ++i)
                        other.read(random() % (other.size() - 64), out);
                }
            });
    }
    ~readers() {
        stop_ = true;
        for (std::thread& t : threads_)
            t.join();
    }

private:
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

} // namespace

/// A leaf that is copied stays while it is, whatever others read.
BOOST_AUTO_TEST_CASE(erased_in_steps_and_at_positions) {
    ns::testing::temporary_directory const dir;
    database db(dir / "a.ns", {.durability = ns::durability::none,
                               .cache_bytes = std::uint64_t{64} << 10});
    std::vector<int> all(100'000);
    std::iota(all.begin(), all.end(), 0);
    db.create<int>("other").append(all);
    readers const beside(db);
    for (int round = 0; round != 10; ++round) {
        auto a = db.create<int>("a");
        a.append(all);
        std::vector<int> left;
        std::vector<std::size_t> gone;
        for (std::size_t i = 0; i != all.size(); ++i)
            if (i % 50 == 0)
                gone.push_back(i);
            else
                left.push_back(all[i]);
        if (round % 2 == 0)
            a.erase(ns::every<50>{});
        else
            a.erase_at(gone);
        BOOST_TEST_REQUIRE((a.to_vector() == left));
        db.drop("a");
    }
}

BOOST_AUTO_TEST_SUITE_END()
