// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/numstore.hpp>

#include "refusal.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

namespace ns = numstore;
using refusal::directory;

ns::options with_thread() {
    return {.log_bytes = std::uint64_t{1} << 20, .background = true};
}

} // namespace

BOOST_AUTO_TEST_SUITE(background_thread)

BOOST_AUTO_TEST_CASE(it_writes_the_checkpoints_that_are_due) {
    directory const place;
    ns::database db(place.path() + "/a.ns", with_thread());
    auto x = db.create<std::int64_t>("x");
    std::vector<std::int64_t> const some(2000, 7);
    auto const before = db.stats().checkpoints;
    for (int i = 0; i != 400; ++i)
        x.append(some);
    for (int i = 0; i != 2000 && db.stats().checkpoints == before; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    BOOST_TEST(db.stats().checkpoints > before);
    BOOST_TEST(x.size() == 800'000u);
    BOOST_TEST(db.verify().ok());
    db.close();
    ns::database again(place.path() + "/a.ns");
    BOOST_TEST(again.open<std::int64_t>("x").size() == 800'000u);
}

BOOST_AUTO_TEST_CASE(it_ends_with_the_database_also_without_work) {
    directory const place;
    ns::database db(place.path() + "/a.ns", with_thread());
    db.close();
    ns::database again(place.path() + "/a.ns", with_thread());
    again = ns::database(place.path() + "/b.ns", with_thread());
    ns::database reader(place.path() + "/a.ns",
                        {.mode = ns::open_mode::read_only,
                         .background = true});
    BOOST_TEST(reader.list().empty());
}

BOOST_AUTO_TEST_CASE(a_forked_child_has_none) {
    directory const place;
    ns::database db(place.path() + "/a.ns", with_thread());
    db.create<float>("x");
    int const answer = refusal::in_child([&] {
        int refused = 1;
        try {
            db.checkpoint();
        } catch (ns::error const& e) {
            refused = e.code() == ns::errc::forked ? 0 : 2;
        }
        db.close();
        return refused;
    });
    BOOST_TEST(answer == 0);
    db.create<float>("y");
}

BOOST_AUTO_TEST_SUITE_END()
