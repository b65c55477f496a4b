// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/in_file.hpp"
#include "../bags/small_pages.hpp"
#include "../storage/support.hpp"
#include "device_errors.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include <unistd.h>

BOOST_AUTO_TEST_SUITE(faults_file_device)

namespace {

using namespace faults_test;

/// In memory where that can be: the disk adds nothing but time.
std::filesystem::path fast_directory() {
    std::filesystem::path const memory = "/dev/shm";
    return ::access(memory.c_str(), W_OK) == 0
               ? memory
               : std::filesystem::temp_directory_path();
}

std::string fresh_path() {
    static ns::testing::temporary_directory const directory(fast_directory());
    static std::uint64_t count = 0;
    return directory / (std::to_string(++count) + ".ns");
}

/// A file, which is removed with it.
template <class Policies>
class file_medium {
public:
    using policies = Policies;

    file_medium() : path_(fresh_path()) {}
    file_medium(file_medium&& other) noexcept
        : path_(std::exchange(other.path_, {})) {}
    file_medium& operator=(file_medium&&) = delete;
    ~file_medium() {
        disarm();
        if (!path_.empty())
            std::filesystem::remove(path_);
    }

    std::string const& path() const { return path_; }
    ns::basic_database<policies> open(ns::options const& o) {
        return ns::basic_database<policies>(path_, o);
    }
    void arm(device_fault const& f) {
        fail_system_call(f.nth, f.what, f.sticky);
    }
    std::uint64_t disarm() { return stop_failing_system_calls(); }

    /// What a program that is killed now would leave.
    file_medium crashed() const {
        file_medium copy;
        std::filesystem::copy_file(path_, copy.path_);
        return copy;
    }
    template <class F>
    void each_state(std::uint64_t, F&& f) {
        f(*this);
    }

private:
    std::string path_;
};

/// A copy is there under its name only if it is whole, whatever fails, and
/// the database that was copied goes on.
template <class Policies>
void in_backup(trouble what, bool sticky) {
    file_medium<Policies> medium;
    auto db = medium.open({.cache_bytes = 1 << 15});
    model known;
    for (auto const& s : fault_script<Policies>::all(3000)) {
        s.on_disk(db);
        if (s.in_model)
            s.in_model(known);
    }
    fail_each_call(what, sticky, [&](device_fault const& f) {
        file_medium<Policies> target;
        bool copied = false;
        medium.arm(f);
        try {
            db.backup(target.path());
            copied = true;
        } catch (ns::error const& e) {
            // What cannot be read when the copy is checked counts as damage.
            if (e.code() != ns::errc::corrupt)
                require_device_error(e, what);
        }
        bool const met = medium.disarm() != 0;
        BOOST_TEST_REQUIRE((content(db) == known));
        BOOST_TEST_REQUIRE(!has_failed(db));
        BOOST_TEST_REQUIRE(copied == std::filesystem::exists(target.path()));
        if (!copied)
            db.backup(target.path());
        auto copy = target.open({});
        require_sound(copy);
        BOOST_TEST_REQUIRE((content(copy) == known));
        return met;
    });
}

template <class Policies>
void fail_with_everything() {
    using medium = file_medium<Policies>;
    auto const script = fault_script<Policies>::all(3000);
    device_errors<medium> test(script, {.cache_bytes = 1 << 15});
    auto const everywhere = [&](trouble what, bool sticky) {
        test.in_normal_work(what, sticky);
        test.in_recovery(7, what, sticky);
        test.in_creation(what, sticky);
        in_backup<Policies>(what, sticky);
    };
    with_each_error(everywhere);
    // All must work when every transfer is short, and every call interrupted.
    everywhere(trouble::half, true);
    everywhere(trouble::interrupted, true);
    if (is_long()) {
        everywhere(trouble::half, false);
        everywhere(trouble::interrupted, false);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(file_storage) { fail_with_everything<bags::in_file>(); }
BOOST_AUTO_TEST_CASE(mapped_storage) {
    fail_with_everything<bags::small_pages>();
}

BOOST_AUTO_TEST_SUITE_END()
