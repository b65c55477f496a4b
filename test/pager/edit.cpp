// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/edit.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>

using namespace numstore::detail;

namespace {

struct nothing {};

edit<nothing> transaction(std::uint64_t number) {
    return {nullptr, edit_token{number << 24}, {}, {}};
}

} // namespace

BOOST_AUTO_TEST_SUITE(pager_edit)

BOOST_AUTO_TEST_CASE(a_savepoint_ends_ownership_and_not_privacy) {
    memory_account account;
    auto e = transaction(5);
    leaf_frame const old(e.token, account, 64);
    BOOST_TEST(e.owns(&old));
    BOOST_TEST(e.is_private(&old));
    e.new_token();
    leaf_frame const fresh(e.token, account, 64);
    BOOST_TEST(!e.owns(&old));
    BOOST_TEST(e.is_private(&old));
    BOOST_TEST(e.owns(&fresh));
}

BOOST_AUTO_TEST_CASE(what_a_clone_shares_is_not_private) {
    memory_account account;
    auto e = transaction(5);
    leaf_frame const old(e.token, account, 64);
    e.share_all();
    leaf_frame const fresh(e.token, account, 64);
    BOOST_TEST(!e.owns(&old));
    BOOST_TEST(!e.is_private(&old));
    BOOST_TEST(e.owns(&fresh));
    BOOST_TEST(e.is_private(&fresh));
}

BOOST_AUTO_TEST_CASE(frames_of_others_and_on_disk_are_not_private) {
    memory_account account;
    auto e = transaction(5);
    leaf_frame const other(transaction(6).token, account, 64);
    leaf_frame const published(published_token, account, 64);
    leaf_frame written(e.token, account, 64);
    written.set_written(numstore::page_no{9}, 1);
    BOOST_TEST(!e.is_private(&other));
    BOOST_TEST(!e.is_private(&published));
    BOOST_TEST(!e.is_private(&written));
    BOOST_TEST(!e.owns(&other));
    BOOST_TEST(!e.owns(&published));
}

BOOST_AUTO_TEST_SUITE_END()
