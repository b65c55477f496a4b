// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fault_script.hpp"
#include "spared_storage.hpp"

#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace faults_test {

using ns::testing::simulated_storage;

inline void count_allocation_failure() {
    ++figures()["injected_allocation_failures"];
}

struct fault {
    long nth;
    bool sticky;
};

/// Runs what is to fail, and remembers how it went.
class trial {
public:
    explicit trial(fault f) : fault_(f) {}

    template <class F>
    void operator()(F&& f) {
        rope_test::allocations_stay_out = fault_.sticky;
        rope_test::allocations_left = fault_.nth;
        try {
            f();
            stop();
        } catch (ns::error const& e) {
            stop();
            code_ = e.code();
        } catch (std::bad_alloc const&) {
            stop();
            BOOST_TEST_REQUIRE(false, "bad_alloc came out");
        }
    }

    /// How many allocations there were, if none failed.
    std::optional<long> const& allocations() const noexcept { return made_; }
    bool threw() const noexcept { return code_ != std::error_code(); }
    std::error_code const& code() const noexcept { return code_; }

private:
    void stop() noexcept {
        long const left = std::exchange(rope_test::allocations_left, -1);
        if (left > 0 || (left == 0 && !fault_.sticky))
            made_ = fault_.nth - left;
    }

    fault fault_;
    std::optional<long> made_;
    std::error_code code_;
};

inline ns::options const small_cache{.cache_bytes = 1 << 15,
                                     .log_bytes = 1 << 16};

/// Runs `on_disk(db, run)` on a copy of a device that `prepare` has changed;
/// gives `trial::allocations`. What `content_of` finds, in the
/// database and after recovery, is as before or as `in_model` makes it.
template <class Policies, class ContentOf, class Prepare, class OnDisk,
          class InModel>
std::optional<long> try_with(ContentOf&& content_of,
                             simulated_storage const& from, fault f,
                             Prepare&& prepare, OnDisk&& on_disk,
                             InModel&& in_model) {
    using database = ns::basic_database<Policies>;
    using arrays = decltype(content_of(std::declval<database&>()));
    simulated_storage const device = from.clone();
    trial run(f);
    arrays known;
    arrays after;
    {
        database db(spared_storage(device), small_cache);
        prepare(db);
        known = content_of(db);
        after = known;
        if (in_model)
            in_model(after);
        on_disk(db, run);
        bool const uncertain = run.threw() && run.code() == ns::errc::failed;
        BOOST_REQUIRE_MESSAGE(!run.threw() || uncertain
                                  || run.code() == ns::errc::no_memory,
                              run.code().message());
        if (!run.threw())
            known = after;
        else if (!uncertain)
            after = known;
        if (db.is_open()) {
            arrays const found = content_of(db);
            BOOST_TEST_REQUIRE((found == known || found == after));
            if (!has_failed(db))
                require_sound(db);
        }
    }
    database again(spared_storage(device.reopen()), small_cache);
    require_sound(again);
    arrays const found = content_of(again);
    BOOST_TEST_REQUIRE((found == known || found == after));
    return run.allocations();
}

template <class Policies, class Prepare, class OnDisk, class InModel>
std::optional<long> try_once(simulated_storage const& from, fault f,
                             Prepare&& prepare, OnDisk&& on_disk,
                             InModel&& in_model) {
    return try_with<Policies>([](auto& db) { return content(db); }, from, f,
                              prepare, on_disk, in_model);
}

/// NUMSTORE_FAULT=name runs the calls of one name.
inline bool is_wanted(std::string const& name) {
    char const* const only = std::getenv("NUMSTORE_FAULT");
    return only == nullptr || name == only;
}

/// The last of `n` allocations: what fails once all is done.
template <class F>
void fail_last_allocations(std::string const& name, long n, F&& attempt) {
    for (int hits = 0; n-- > 0 && hits != 2;)
        BOOST_TEST_CONTEXT(name << ", allocation " << n) {
            if (attempt(fault{n, false}))
                continue;
            ++hits;
            count_allocation_failure();
        }
}

/// Calls `attempt(fault)` for the n-th allocation, until it makes fewer: then
/// it gives how many.
template <class F>
void fail_each_allocation(std::string const& name, F&& attempt) {
    constexpr long apart = is_optimised ? 12 : 1;
    for (bool const sticky : {false, true})
        for (long nth = 0;; nth += is_long() ? 1 : 1 + nth / apart) {
            BOOST_TEST_CONTEXT(name << ", allocation " << nth
                                    << (sticky ? ", sticky" : "")) {
                long const alive = rope_test::allocations_alive;
                std::optional<long> const made = attempt(fault{nth, sticky});
                BOOST_TEST_REQUIRE(rope_test::allocations_alive == alive);
                if (made && !sticky && !is_long())
                    fail_last_allocations(name, *made, attempt);
                if (made)
                    break;
                count_allocation_failure();
                BOOST_TEST_REQUIRE(nth < 100'000);
            }
        }
}

} // namespace faults_test
