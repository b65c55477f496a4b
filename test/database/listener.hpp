// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

/// What tests of options::progress have in common.
namespace listening {

namespace ns = numstore;

enum class answer { go_on, cancel, raise, raise_no_space };

/// What a callback is told, and what it answers.
struct listener {
    struct report {
        std::uint64_t done;
        std::uint64_t total;
        std::string what;
    };
    std::vector<report> heard{};
    std::size_t at = 0; ///< answers so from this report on, counted from 1
    answer then = answer::go_on;
    std::function<void()> meanwhile{};

    bool operator()(ns::progress_info const& p) {
        heard.push_back({p.done, p.total, std::string(p.what)});
        if (meanwhile)
            meanwhile();
        if (then == answer::go_on || heard.size() < at)
            return true;
        if (then == answer::raise)
            throw std::runtime_error("the callback has had enough");
        if (then == answer::raise_no_space)
            throw ns::error(ns::errc::no_space, "the callback has no room");
        return false;
    }

    void expect(std::size_t nth, answer a) {
        heard.clear();
        at = nth;
        then = a;
    }
};

/// f() ends as its callback wanted.
template <class F>
void check_end(answer wanted, F&& f) {
    try {
        f();
        BOOST_ERROR("the call was not ended");
    } catch (ns::error const& e) {
        BOOST_TEST(e.code()
                   == (wanted == answer::cancel ? ns::errc::cancelled
                                                : ns::errc::no_space));
        BOOST_TEST((wanted == answer::cancel
                    || wanted == answer::raise_no_space));
    } catch (std::runtime_error const&) {
        BOOST_TEST((wanted == answer::raise));
    }
}

template <class Database>
void require_sound(Database const& db) {
    for (auto const& p : db.verify().problems)
        BOOST_ERROR("page " << p.page << " of '" << p.array
                            << "': " << p.what);
}

} // namespace listening
