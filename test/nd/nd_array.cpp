// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "../bags/memory_512.hpp"
#include "nd_script.hpp"

#include <cstddef>
#include <cstdint>

using namespace nd_test;

namespace {

using bag = bags::memory_512;
using database = ns::basic_database<bag>;

/// Random changes, in transactions of their own and in long ones, some of
/// them rolled back; a snapshot that must stay as it was.
template <std::size_t Rank>
void run_script(int fill) {
    BOOST_TEST_CONTEXT("rank " << Rank << ", NUMSTORE_SEED=" << seed()) {
        script<Rank, bag> s(seed() + Rank);
        database db;
        auto const first = s.some_shape(3000);
        model m(first, fill);
        auto a = db.create_nd<int>("a", s.extents_of(first), fill);
        s.check(a, m);
        for (int round = 0; round != 12; ++round) {
            model const before = m;
            auto const snap = db.snapshot();
            auto tx = db.begin();
            auto inside = a.in(tx);
            for (int i = 0; i != 2; ++i)
                s.change(inside, m);
            auto const mark = tx.savepoint();
            model const kept = m;
            s.change(inside, m);
            if (s.below(2) == 0) {
                tx.rollback_to(mark);
                m = kept;
            }
            s.check_reads(inside, m);
            s.check(a, before);
            if (s.below(4) == 0) {
                tx.rollback();
                m = before;
            } else {
                tx.commit();
            }
            s.change(a, m);
            s.check_reads(a, m);
            s.check(a.in(snap), before);
            if (s.below(4) == 0)
                db.checkpoint();
        }
        BOOST_TEST(db.verify().ok());
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(nd_nd_array)

BOOST_AUTO_TEST_CASE(scripts_of_few_axes) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed());
    run_script<1>(0);
    run_script<2>(0);
    run_script<3>(0);
}

BOOST_AUTO_TEST_CASE(scripts_of_many_axes) {
    run_script<5>(0);
    run_script<8>(0);
}

BOOST_AUTO_TEST_CASE(scripts_with_a_fill_value) {
    run_script<1>(7);
    run_script<2>(-1);
    run_script<3>(99);
}

BOOST_AUTO_TEST_SUITE_END()
