// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/simulated_512.hpp"
#include "../bags/simulated_64_kib.hpp"
#include "device_errors.hpp"

#include <numstore/testing/simulated_storage.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

BOOST_AUTO_TEST_SUITE(faults_simulated_device)

namespace {

using namespace faults_test;
using ns::testing::power_loss;
using ns::testing::simulated_storage;

template <class Policies, std::size_t Block>
class simulated_medium {
public:
    using policies = Policies;

    explicit simulated_medium(simulated_storage d = simulated_storage(Block))
        : device_(std::move(d)) {
        device_.record(ns::testing::recording::off);
    }

    ns::basic_database<policies> open(ns::options const& o) {
        return ns::basic_database<policies>(device_, o);
    }
    void arm(device_fault const& f) {
        before_ = device_.counts().failed;
        device_.inject({.nth = f.nth,
                        .kinds = ns::testing::all_calls,
                        .error = error_of(f.what),
                        .sticky = f.sticky,
                        .transferred = part_of(f.what)});
    }
    std::uint64_t disarm() {
        device_.clear_faults();
        std::uint64_t const failed = device_.counts().failed;
        return failed - std::exchange(before_, failed);
    }
    simulated_medium crashed() const {
        return simulated_medium(device_.clone());
    }

    /// After the program ended, and after a power loss.
    template <class F>
    void each_state(std::uint64_t seed, F&& f) {
        for (simulated_storage const& left :
             {device_.reopen(),
              device_.after_power_loss(power_loss::random(seed))}) {
            simulated_medium medium(left);
            f(medium);
        }
    }

private:
    static std::error_code error_of(trouble t) {
        switch (t) {
        case trouble::no_space:
        case trouble::half_then_space:
            return std::make_error_code(std::errc::no_space_on_device);
        case trouble::too_large:
            return std::make_error_code(std::errc::file_too_large);
        default: return std::make_error_code(std::errc::io_error);
        }
    }
    static std::optional<std::size_t> part_of(trouble t) {
        if (t == trouble::half_then_io || t == trouble::half_then_space)
            return Policies::page_size / 2 + 100;
        return std::nullopt;
    }

    simulated_storage device_;
    std::uint64_t before_ = 0;
};

template <class Policies, std::size_t Block>
void fail_with_everything(std::size_t n) {
    using medium = simulated_medium<Policies, Block>;
    auto const script = fault_script<Policies>::all(n);
    device_errors<medium> test(script, {.cache_bytes = 1 << 14});
    with_each_error([&](trouble what, bool sticky) {
        test.in_normal_work(what, sticky);
        test.in_recovery(7, what, sticky);
        if (is_long())
            for (std::size_t const steps : {std::size_t{5}, script.size()})
                test.in_recovery(steps, what, sticky);
    });
}

} // namespace

BOOST_AUTO_TEST_CASE(pages_of_512_bytes) {
    fail_with_everything<bags::simulated_512, 512>(2000);
}
BOOST_AUTO_TEST_CASE(pages_of_64_kib) {
    if (is_optimised || is_long())
        fail_with_everything<bags::simulated_64_kib, 4096>(20'000);
    else
        BOOST_TEST_MESSAGE("too slow where nothing is optimised");
}

BOOST_AUTO_TEST_SUITE_END()
