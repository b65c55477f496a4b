// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fault_script.hpp"
#include "system_calls.hpp"

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <utility>

namespace faults_test {

/// How the calls of a device are to fail.
struct device_fault {
    std::uint64_t nth;
    trouble what;
    bool sticky;

    friend std::ostream& operator<<(std::ostream& out, device_fault const& f) {
        return out << "call " << f.nth << ", trouble "
                   << static_cast<int>(f.what) << (f.sticky ? ", sticky" : "");
    }
};

/// f(trouble, sticky) for all kinds of errors, or where time is short for
/// some.
template <class F>
void with_each_error(F&& f) {
    f(trouble::io, true);
    f(trouble::no_space, false);
    if (!is_optimised && !is_long())
        return;
    f(trouble::no_space, true);
    f(trouble::half_then_io, false);
    if (!is_long())
        return;
    f(trouble::io, false);
    f(trouble::too_large, false);
    f(trouble::too_large, true);
    f(trouble::half_then_io, true);
    f(trouble::half_then_space, false);
    f(trouble::half_then_space, true);
}

/// f(fault) for the first call, the second and so on, until it gives that the
/// fault was not met. Every 29th call where nothing is optimised.
template <class F>
void fail_each_call(trouble what, bool sticky, F&& f) {
    constexpr std::uint64_t step = is_optimised ? 1 : 29;
    for (std::uint64_t nth = 1;; nth += step) {
        device_fault const fault{nth, what, sticky};
        BOOST_TEST_CONTEXT(fault) {
            if (!f(fault)) {
                BOOST_TEST_REQUIRE(nth != 1U);
                return;
            }
            BOOST_TEST_REQUIRE(nth < 20'000U);
        }
        ++figures()["injected_device_errors"];
    }
}

/// A device that fails says so, and is not taken for a damaged file.
inline void require_device_error(ns::error const& e, trouble what) {
    bool const expected = e.code() == ns::errc::io
                          || e.code() == ns::errc::no_space
                          || e.code() == ns::errc::failed;
    BOOST_REQUIRE_MESSAGE(expected && !is_harmless(what), e.what());
}

/// A script in which calls of the device fail. A call that throws has changed
/// nothing: reads go on, and the same call works once the device does; or the
/// database has failed, and opening it again tells what there is.
///
/// A `Medium` has `policies`, `open(options)`, `arm(fault)`, `disarm()`, which
/// gives how many calls were hit, `crashed()`, a medium with what the device
/// has now, and `each_state(seed, f)`, f(medium) for all that others may find
/// when the device is closed.
template <class Medium>
class device_errors {
    using policies = typename Medium::policies;
    using database = ns::basic_database<policies>;
    using script = typename fault_script<policies>::steps;

public:
    device_errors(script s, ns::options o)
        : script_(std::move(s)), options_(std::move(o)) {}

    /// In the script, and in closing after it.
    void in_normal_work(trouble what, bool sticky) {
        fail_each_call(what, sticky, [&](device_fault const& f) {
            Medium medium;
            known_.clear();
            attempted_.clear();
            met_ = 0;
            {
                database db = medium.open(options_);
                medium.arm(f);
                for (auto const& s : script_)
                    if (!attempt(medium, db, s, what))
                        break;
            }
            met_ += medium.disarm();
            require_state(medium, f.nth);
            return met_ != 0;
        });
    }

    /// When it is opened after `steps` of the script, a transaction more and
    /// a crash.
    void in_recovery(std::size_t steps, trouble what, bool sticky) {
        Medium const image = crashed_after(steps);
        fail_each_call(what, sticky, [&](device_fault const& f) {
            Medium medium = image.crashed();
            open_failing(medium, f);
            require_state(medium, f.nth);
            return met_ != 0;
        });
    }

    /// When it is made.
    void in_creation(trouble what, bool sticky) {
        known_.clear();
        attempted_.clear();
        fail_each_call(what, sticky, [&](device_fault const& f) {
            Medium medium;
            open_failing(medium, f);
            require_state(medium, f.nth);
            return met_ != 0;
        });
    }

private:
    void run(database& db, step<policies> const& s) {
        attempted_ = known_;
        if (s.in_model)
            s.in_model(attempted_);
        s.on_disk(db);
        known_ = attempted_;
    }

    /// False once the database has failed.
    bool attempt(Medium& medium, database& db, step<policies> const& s,
                 trouble what) {
        BOOST_TEST_CONTEXT(s.name) {
            try {
                run(db, s);
                return true;
            } catch (ns::error const& e) {
                met_ += medium.disarm();
                BOOST_TEST_REQUIRE(met_ != 0U);
                require_device_error(e, what);
                model const found = content(db);
                if (e.code() == ns::errc::failed) {
                    BOOST_TEST_REQUIRE(
                        (found == known_ || found == attempted_));
                    BOOST_TEST_REQUIRE(has_failed(db));
                    return false;
                }
                BOOST_TEST_REQUIRE((found == known_));
            }
            if (!has_failed(db)) {
                run(db, s);
                return true;
            }
            attempted_ = known_;
        }
        return false;
    }

    Medium crashed_after(std::size_t steps) {
        Medium medium;
        known_.clear();
        database db = medium.open(options_);
        for (std::size_t i = 0; i != steps; ++i)
            run(db, script_[i]);
        auto tx = db.begin();
        tx.template create<int>("lost").append(numbers(3000));
        attempted_ = known_;
        return medium.crashed();
    }

    void open_failing(Medium& medium, device_fault const& f) {
        medium.arm(f);
        try {
            database db = medium.open(options_);
            met_ = medium.disarm();
            BOOST_TEST_REQUIRE((content(db) == known_));
            has_failed(db);
        } catch (ns::error const& e) {
            met_ = medium.disarm();
            require_device_error(e, f.what);
        }
    }

    void require_state(Medium& medium, std::uint64_t seed) {
        medium.each_state(seed, [&](Medium& left) {
            database db = left.open(options_);
            require_sound(db);
            model const found = content(db);
            BOOST_TEST_REQUIRE((found == known_ || found == attempted_));
        });
    }

    script script_;
    ns::options options_;
    std::uint64_t met_ = 0;
    model known_;
    model attempted_;
};

} // namespace faults_test
