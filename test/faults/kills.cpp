// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
// label("native")
#include "../crash/reporting_child.hpp"
#include "../bags/in_file.hpp"
#include "../storage/support.hpp"
#include "kill_script.hpp"

#include <sys/mount.h>
#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <random>
#include <string>

BOOST_AUTO_TEST_SUITE(faults_kills)

// How many kills: NUMSTORE_KILLS, of each kind of want about a tenth. A
// failure names the seed (NUMSTORE_SEED) and keeps the file: when a process is
// killed cannot be repeated, but what it left can be opened.

namespace {

using namespace faults_test;

using bags::in_file;

#if defined(__SANITIZE_ADDRESS__)
#define NUMSTORE_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NUMSTORE_TEST_SANITIZED
#endif
#endif

std::uint64_t wanted_kills() {
    char const* const set = std::getenv("NUMSTORE_KILLS");
    if (set != nullptr)
        return std::strtoull(set, nullptr, 10);
    return is_optimised ? 60 : 20;
}

std::uint64_t run_seed() {
    static std::uint64_t const value = ns::testing::seed();
    return value;
}

struct kill_options {
    std::string directory;
    std::size_t most = 20'000;    ///< elements of an array
    bool limits_memory = false;   ///< in the child
    bool may_be_full = false;     ///< the disk
    std::uint64_t first_file = 0; ///< its number is a part of the seed
};

constexpr char committed = 1;
constexpr char refused = 2; ///< no space or no memory: nothing has changed

/// A child that is to meet a limit gets so many steps for it.
constexpr std::uint64_t most_steps = 500;

/// How many were killed in fact, and after how many such refusals.
struct kill_counts {
    std::uint64_t all = 0;
    std::uint64_t after_refusals = 0;
};

/// Children that change a database without end, each killed at a random
/// moment; what they leave is what they acknowledged, or one step more.
template <class Policies>
class killing {
    using database = ns::basic_database<Policies>;
    using child = database_test::reporting_child;

public:
    explicit killing(kill_options o)
        : options_(std::move(o)), file_(options_.first_file) {}

    /// Goes on for a while where no kill came after a refusal.
    kill_counts run(std::uint64_t wanted) {
        counts_ = {};
        auto const enough = [&] {
            return counts_.all >= wanted
                   && (!is_limited() || counts_.after_refusals != 0
                       || counts_.all >= wanted + 50);
        };
        while (!enough()) {
            start();
            std::uint64_t const most = 5 + random_() % 40;
            for (std::uint64_t i = 0; i != most && !enough(); ++i)
                BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << run_seed() << ", file "
                                                    << file_ << ", step "
                                                    << next_)
                    round();
            std::filesystem::remove(path_);
        }
        return counts_;
    }

private:
    void start() {
        ++file_;
        random_.seed(run_seed() + file_);
        path_ = options_.directory + "/killed" + std::to_string(file_) + ".ns";
        script_ = std::make_unique<kill_script<Policies>>(
            run_seed() * 1000 + file_, options_.most);
        known_.clear();
        next_ = 1;
    }

    bool is_limited() const noexcept {
        return options_.limits_memory || options_.may_be_full;
    }

    ns::options open_options() const {
        return {.cache_bytes = std::uint64_t{1} << (16 + file_ % 6),
                .log_bytes = std::uint64_t{1} << (17 + file_ % 4)};
    }

    /// One child, and a look at what it left.
    void round() {
        // Some cannot open the database; others meet the limit soon.
        bool const opens = random_() % 4 != 0;
        std::uint64_t const memory = (random_() % (opens ? 1024 : 8192)) << 10;
        child work([&](auto report) {
            if (options_.limits_memory && !opens)
                limit_memory(memory);
            change_without_end(report, [&] {
                if (options_.limits_memory && opens)
                    limit_memory(memory);
            });
        });
        // At any time: in the middle of opening, or of a step.
        std::chrono::microseconds const pause(
            random_() % (random_() % 4 == 0 ? 20'000 : 3'000));
        if (is_limited() && random_() % 4 != 0)
            work.hear_until(refused, most_steps);
        work.kill_after(work.said().size() + random_() % 8, pause);
        if (!work.sound())
            fail("the child had an unexpected error");
        for (char const said : work.said()) {
            if (said == committed)
                script_->run(next_, known_, nullptr);
            ++figures()[said == committed ? "kills_steps_acknowledged"
                                          : "kills_steps_refused"];
            ++next_;
        }
        attempted_ = known_;
        script_->run(next_++, attempted_, nullptr);
        if (std::filesystem::exists(path_))
            look();
        else if (!known_.empty())
            fail("the file is gone");
        if (work.was_killed()) {
            ++counts_.all;
            if (work.said().find(refused) != std::string::npos)
                ++counts_.after_refusals;
        }
    }

    /// Leaves `more` bytes to allocate. What the process has freed before it
    /// forked does not count: it is taken, for good.
    static void limit_memory(std::uint64_t more) {
        auto const used = ns::testing::memory_in_use().address_space;
        rlimit most{used, used + more};
        ::setrlimit(RLIMIT_AS, &most);
        for (std::size_t size = std::size_t{1} << 20; size >= 64;) {
            void* const volatile taken = std::malloc(size); // not left out
            if (taken == nullptr)
                size /= 2;
        }
        most.rlim_cur = most.rlim_max;
        ::setrlimit(RLIMIT_AS, &most);
    }

    /// In the child. Ends by itself only where it cannot tell whether a step
    /// has happened.
    template <class Report, class F>
    void change_without_end(Report& report, F&& when_open) try {
        database db(path_, open_options());
        when_open();
        for (;; ++next_) {
            model after = known_;
            try {
                script_->run(next_, after, &db);
                known_ = std::move(after);
                report(committed);
            } catch (ns::error const& e) {
                if (e.code() == ns::errc::failed && options_.limits_memory)
                    return;
                if (e.code() != ns::errc::no_space
                    && e.code() != ns::errc::no_memory)
                    throw;
                report(refused);
            }
        }
    } catch (std::bad_alloc const&) {
        if (!options_.limits_memory)
            throw;
    } catch (ns::error const& e) {
        bool const wanted = options_.limits_memory
                                ? e.code() == ns::errc::no_memory
                                      || e.os_error() == ENOMEM
                                : options_.may_be_full
                                      && e.code() == ns::errc::no_space;
        if (!wanted)
            throw;
    }

    /// First as a reader, who writes nothing and so leaves the next child to
    /// recover; then often also as a writer.
    void look() {
        try {
            compare({.mode = ns::open_mode::read_only});
            if (random_() % 2 == 0)
                open_for_writing();
        } catch (ns::error const& e) {
            fail(e.what());
        }
    }

    /// Where not a page is left recovery may be refused; reading is not.
    void open_for_writing() try {
        compare(open_options());
    } catch (ns::error const& e) {
        if (!options_.may_be_full || e.code() != ns::errc::no_space)
            throw;
        ++figures()["kills_full_disk_opening_refused"];
    }

    void compare(ns::options const& o) {
        database db(path_, o);
        auto const report = db.verify();
        if (!report.ok())
            fail(report.problems.front().what);
        model found = content(db);
        if (found != known_ && found != attempted_)
            fail("the arrays are not what was acknowledged");
        known_ = std::move(found);
        attempted_ = known_;
    }

    void fail(std::string const& what) {
        auto const kept =
            (std::filesystem::temp_directory_path()
             / ("numstore-killed-" + std::to_string(run_seed()) + "-"
                + std::to_string(file_) + ".ns"))
                .string();
        std::error_code ec;
        std::filesystem::copy_file(
            path_, kept, std::filesystem::copy_options::overwrite_existing,
            ec);
        BOOST_REQUIRE_MESSAGE(false, what << "; the file is kept as " << kept);
    }

    kill_options options_;
    std::uint64_t file_;
    std::string path_;
    std::mt19937_64 random_;
    std::unique_ptr<kill_script<Policies>> script_;
    model known_;
    model attempted_; ///< with the step that was not acknowledged any more
    std::uint64_t next_ = 1;
    kill_counts counts_;
};

/// A tmpfs that a few arrays fill, where it may be mounted.
class small_file_system {
public:
    small_file_system()
        : mounted_(::mount("tmpfs", path().c_str(), "tmpfs", 0, "size=4m")
                   == 0) {}
    small_file_system(small_file_system const&) = delete;
    small_file_system& operator=(small_file_system const&) = delete;
    ~small_file_system() {
        if (mounted_)
            ::umount(path().c_str());
    }
    bool is_mounted() const { return mounted_; }
    std::string const& path() const { return directory_.path(); }

private:
    ns::testing::temporary_directory directory_;
    bool mounted_;
};

/// Half of the kills with each device that is a file.
kill_counts kill(kill_options o, std::uint64_t wanted) {
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << run_seed());
    std::uint64_t const half = wanted / 2;
    kill_counts counts = killing<ns::default_policies>(o).run(wanted - half);
    o.first_file += 1'000'000;
    kill_counts const more = killing<in_file>(o).run(half);
    counts.all += more.all;
    counts.after_refusals += more.after_refusals;
    BOOST_TEST(counts.all >= wanted);
    figures()["kills"] += counts.all;
    return counts;
}

/// The limit has been met.
void require_refusals(std::string const& figure, kill_counts const& counts) {
    BOOST_TEST(counts.after_refusals > 0U);
    figures()[figure] += counts.all;
    figures()[figure + "_after_refusals"] += counts.after_refusals;
}

} // namespace

BOOST_AUTO_TEST_CASE(at_random_times) {
    ns::testing::temporary_directory const directory;
    std::uint64_t const wanted = wanted_kills() - 2 * (wanted_kills() / 10);
    kill({.directory = directory.path()}, wanted);
}

BOOST_AUTO_TEST_CASE(on_a_full_disk) {
    small_file_system const small;
    if (!small.is_mounted()) {
        BOOST_TEST_MESSAGE("no tmpfs can be mounted here");
        return;
    }
    auto const wanted = wanted_kills() / 10;
    auto const killed = kill({.directory = small.path(),
                              .most = 300'000,
                              .may_be_full = true,
                              .first_file = 2'000'000},
                             wanted);
    require_refusals("kills_full_disk", killed);
}

BOOST_AUTO_TEST_CASE(with_little_memory) {
#ifdef NUMSTORE_TEST_SANITIZED
    BOOST_TEST_MESSAGE("a sanitizer needs all the address space");
#else
    ns::testing::temporary_directory const directory;
    auto const wanted = wanted_kills() / 10;
    auto const killed = kill({.directory = directory.path(),
                              .most = 20'000,
                              .limits_memory = true,
                              .first_file = 4'000'000},
                             wanted);
    require_refusals("kills_memory_limit", killed);
#endif
}

BOOST_AUTO_TEST_SUITE_END()
