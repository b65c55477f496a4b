// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/page_writer.hpp>
#include <numstore/pager/pager.hpp>
#include <numstore/policies.hpp>
#include <numstore/rope/kernels.hpp>
#include <numstore/rope/rope_tree.hpp>
#include <numstore/rope/write_out.hpp>
#include <numstore/storage/memory_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace rope_test {

namespace ns = numstore;
namespace detail = numstore::detail;

using bytes = std::vector<std::byte>;

/// A device in memory whose calls fail after a countdown, and which shows its
/// bytes only if told so.
template <bool Viewable>
class flaky_storage {
public:
    struct faults {
        std::uint64_t calls_left = std::numeric_limits<std::uint64_t>::max();
        bool writes_only = true;
    };

    std::shared_ptr<faults> plan = std::make_shared<faults>();

    std::size_t block_size() const noexcept { return 512; }
    std::string name() const { return "flaky"; }
    std::uint64_t size(std::error_code& ec) const noexcept {
        return base_.size(ec);
    }
    void read(std::uint64_t offset, std::span<std::byte> out,
              std::error_code& ec) const noexcept {
        if (plan->writes_only || may_run(ec))
            base_.read(offset, out, ec);
    }
    void write(std::uint64_t offset, std::span<std::byte const> in,
               std::error_code& ec) noexcept {
        if (may_run(ec))
            base_.write(offset, in, ec);
    }
    void write_durable(std::uint64_t offset, std::span<std::byte const> in,
                       std::error_code& ec) noexcept {
        write(offset, in, ec);
    }
    void sync(std::error_code& ec) noexcept { ec.clear(); }
    void resize(std::uint64_t size, std::error_code& ec) noexcept {
        base_.resize(size, ec);
    }
    std::byte const* view(std::uint64_t offset,
                          std::size_t length) const noexcept
        requires Viewable
    {
        return base_.view(offset, length);
    }

private:
    bool may_run(std::error_code& ec) const noexcept {
        if (plan->calls_left == 0) {
            ec = std::make_error_code(std::errc::io_error);
            return false;
        }
        --plan->calls_left;
        return true;
    }

    ns::memory_storage base_;
};

template <std::size_t PageSize, bool Viewable = true>
struct policies : ns::default_policies {
    static constexpr std::size_t page_size = PageSize;
    using storage = flaky_storage<Viewable>;
    struct tuning : ns::default_tuning {
        static constexpr std::uint64_t reserve_bytes = 0;
        static constexpr std::uint64_t growth_bytes = std::uint64_t{1} << 16;
    };
};

inline std::uint64_t seed() {
    static std::uint64_t const value = [] {
        char const* const set = std::getenv("NUMSTORE_SEED");
        return set != nullptr ? std::strtoull(set, nullptr, 10)
                              : std::random_device{}();
    }();
    return value;
}

/// A pager and the pages that should be in use, by what edits say.
template <class Policies>
class file {
public:
    using pager_type = detail::pager<Policies>;
    using edit_type = detail::edit<pager_type>;

    file() : file(typename Policies::storage{}) {}
    explicit file(typename Policies::storage device)
        : plan(device.plan), pages(std::move(device), 1 << 16) {
        pages.adopt(pager_type::first_data_page, {}, {}, 1);
    }

    edit_type begin() {
        return edit_type{
            &pages, detail::edit_token{++transactions_ << 24}, {}, {}};
    }

    /// What an edit has done becomes the accepted state.
    void commit(edit_type& e) {
        for (ns::extent const& x : e.allocated)
            note(x);
        for (detail::retired const& r : e.freed)
            detail::walk_retired(pages, r, [this](ns::extent x) { forget(x); });
        e = begin();
    }

    void note(ns::extent x) {
        for (std::uint64_t i = 0; i != x.pages; ++i)
            BOOST_REQUIRE(live_.insert(to_integer(x.first) + i).second);
    }
    void forget(ns::extent x) {
        for (std::uint64_t i = 0; i != x.pages; ++i)
            BOOST_REQUIRE(live_.erase(to_integer(x.first) + i) == 1);
    }

    /// The pages of this tree are those in use, no more and no fewer.
    template <class Tree>
    void check_pages(Tree const& tree) const {
        std::set<std::uint64_t> found;
        detail::walk_pages(tree.nodes(), tree.root(), [&](ns::extent x) {
            for (std::uint64_t i = 0; i != x.pages; ++i)
                BOOST_REQUIRE(found.insert(to_integer(x.first) + i).second);
        });
        BOOST_REQUIRE(found == live_);
    }
    /// The same, if the edit were committed now.
    template <class Tree>
    void check_pages(Tree const& tree, edit_type const& e) {
        auto const before = live_;
        edit_type copy = e;
        std::uint64_t const transactions = transactions_;
        commit(copy);
        check_pages(tree);
        live_ = before;
        transactions_ = transactions;
    }

    std::shared_ptr<typename Policies::storage::faults> plan;
    pager_type pages;

private:
    std::uint64_t transactions_ = 0;
    std::set<std::uint64_t> live_;
};

template <class Tree>
void require_sound(Tree const& tree, bool deep) {
    tree.check(deep, [](detail::rope_problem const& p) {
        BOOST_FAIL("elements " << p.first << " + " << p.count << ": "
                               << p.what);
    });
}

template <class Tree>
bytes contents(Tree const& tree) {
    bytes all(static_cast<std::size_t>(tree.size() * tree.element().size()));
    tree.read(0, all);
    return all;
}

/// Writes a tree as a checkpoint would; the pages taken are noted.
template <class Policies, class Tree>
detail::placed_root write_out(file<Policies>& f, Tree const& tree) {
    std::vector<ns::extent> taken;
    detail::page_writer<Policies> writer(
        f.pages,
        detail::count_unwritten<Policies>(tree.root(), tree.shape()).pages,
        taken);
    detail::write_out_batch<Policies> batch(writer);
    detail::placed_root const at = batch.write(tree.root(), tree.shape());
    writer.finish();
    batch.keep();
    for (ns::extent const& x : taken)
        f.note(x);
    return at;
}

} // namespace rope_test
