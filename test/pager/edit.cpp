// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/edit.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>

BOOST_AUTO_TEST_SUITE(pager_edit)

using namespace numstore::detail;

namespace {

struct nothing {};

edit<nothing> transaction(std::uint64_t number) {
    return {nullptr, edit_token{number << 24}, {}, {}};
}

} // namespace

BOOST_AUTO_TEST_CASE(a_savepoint_ends_ownership_and_not_privacy) {
    memory_account account;
    auto e = transaction(5);
    leaf_ptr const old = leaf_frame::make(e.token, account, 64, 1);
    BOOST_TEST(e.owns(old.get()));
    BOOST_TEST(e.is_private(old.get()));
    e.new_token();
    leaf_ptr const fresh = leaf_frame::make(e.token, account, 64, 1);
    BOOST_TEST(!e.owns(old.get()));
    BOOST_TEST(e.is_private(old.get()));
    BOOST_TEST(e.owns(fresh.get()));
}

BOOST_AUTO_TEST_CASE(what_a_clone_shares_is_not_private) {
    memory_account account;
    auto e = transaction(5);
    leaf_ptr const old = leaf_frame::make(e.token, account, 64, 1);
    e.share_all();
    leaf_ptr const fresh = leaf_frame::make(e.token, account, 64, 1);
    BOOST_TEST(!e.owns(old.get()));
    BOOST_TEST(!e.is_private(old.get()));
    BOOST_TEST(e.owns(fresh.get()));
    BOOST_TEST(e.is_private(fresh.get()));
}

BOOST_AUTO_TEST_CASE(frames_of_others_and_on_disk_are_not_private) {
    memory_account account;
    auto e = transaction(5);
    leaf_ptr const other =
        leaf_frame::make(transaction(6).token, account, 64, 1);
    leaf_ptr const published =
        leaf_frame::make(published_token, account, 64, 1);
    leaf_ptr const written = leaf_frame::make(e.token, account, 64, 1);
    written->set_written(numstore::page_no{9}, 1);
    BOOST_TEST(!e.is_private(other.get()));
    BOOST_TEST(!e.is_private(published.get()));
    BOOST_TEST(!e.is_private(written.get()));
    BOOST_TEST(!e.owns(other.get()));
    BOOST_TEST(!e.owns(published.get()));
}

BOOST_AUTO_TEST_SUITE_END()
