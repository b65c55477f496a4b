// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/pager/pager.hpp>

#include <numstore/error.hpp>
#include <numstore/pager/node_pages.hpp>
#include <numstore/policies.hpp>
#include <numstore/testing/simulated_storage.hpp>
#include <numstore/types.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

BOOST_AUTO_TEST_SUITE(pager_page_allocator)

namespace ns = numstore;
namespace detail = numstore::detail;

namespace {

struct bag : ns::default_policies {
    static constexpr std::size_t page_size = 512;
    using storage = ns::testing::simulated_storage;
    struct tuning : ns::default_tuning {
        static constexpr std::uint64_t reserve_bytes = 32 * page_size;
    };
};
using pager = detail::pager<bag>;

/// A full device with gaps of a few pages, some of which are promised.
class full_device {
public:
    explicit full_device(std::uint64_t promised) : promised_(promised) {
        pages.device().set_capacity(1000 * bag::page_size);
        pages.adopt(pager::first_data_page, {}, {}, 1);
        std::vector<ns::extent> taken;
        take_all([&] { pages.allocate(8, taken); });
        for (std::size_t i = 0; i < taken.size(); i += 2)
            pages.release(taken[i]);
        pages.promise({.pages = promised});
    }

    /// As long as there is room.
    template <class F>
    void take_all(F&& take) {
        try {
            for (;;)
                take();
        } catch (ns::error const& e) {
            BOOST_TEST_REQUIRE(e.code() == ns::errc::no_space);
        }
    }

    void checkpoint_finds_its_pages() {
        pages.begin_promised();
        pager::checkpoint_scope const all(pages);
        for (std::uint64_t i = 0; i != promised_; ++i)
            BOOST_REQUIRE_NO_THROW(pages.allocate(1));
    }

    pager pages{ns::testing::simulated_storage(bag::page_size), 1 << 16};

private:
    std::uint64_t promised_;
};

} // namespace

/// Whatever it looks for: the first gap, or any rather than a larger file.
BOOST_AUTO_TEST_CASE(what_is_promised_and_the_reserve_stay) {
    for (std::uint64_t const least : {0u, 1u, 16u}) {
        full_device disk(250);
        {
            pager::low_scope const low(disk.pages, least);
            disk.take_all([&] { disk.pages.allocate_run(32, 1); });
        }
        BOOST_TEST(disk.pages.free_pages() >= disk.pages.kept_pages());
        disk.checkpoint_finds_its_pages();
    }
}

BOOST_AUTO_TEST_CASE(who_gives_space_back_leaves_what_is_promised) {
    full_device disk(40);
    {
        pager::reserve_scope const scope(disk.pages);
        disk.take_all([&] { disk.pages.allocate_run(32, 1); });
    }
    BOOST_TEST(disk.pages.free_pages() < disk.pages.reserve_pages() + 40);
    BOOST_TEST(disk.pages.free_pages() >= 40U);
    disk.checkpoint_finds_its_pages();
}

BOOST_AUTO_TEST_SUITE_END()
