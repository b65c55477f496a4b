// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "checker.hpp"
#include "recorder.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace campaign {

/// How a campaign is run. With the same seed the same number names the same
/// workload.
struct plan {
    std::uint64_t seed = 1;
    effort how{};
};

enum class kind : std::uint8_t {
    brief,  ///< one to three operations, each combination in turn
    random, ///< up to 40 operations
    failing ///< random, and one call of the device fails
};
inline constexpr std::array<std::string_view, 3> kind_names{"brief", "random",
                                                            "failing"};

inline constexpr std::uint64_t brief_workloads =
    operations + operations * operations + operations * operations * operations;

/// Workloads under one set of policies. Not thread-safe.
class workload_source {
public:
    virtual ~workload_source() = default;
    /// Throws violation, which says how it is run again.
    virtual void run(kind what, std::uint64_t number, figures& f) = 0;
};

template <class Policies>
class workloads final : public workload_source {
public:
    workloads(std::string_view name, plan const& p) : name_(name), plan_(p) {
        for (std::size_t i = 0; i != bases_.size(); ++i)
            bases_[i] = make_base(i);
    }

    void run(kind what, std::uint64_t number, figures& f) override {
        random_source random((plan_.seed * 3 + static_cast<unsigned>(what))
                                 * 0x9E3779B97F4A7C15
                             + number);
        setup s{random(), options_of(random, what == kind::brief), {}};
        workload w{what, number, random.below(bases_.size()), {}};
        if (what == kind::brief) {
            w.list = brief(number % brief_workloads);
        } else {
            s.how_large = {20, 3000, 20000};
            w.list.resize(5 + random.below(36));
            for (operation& o : w.list)
                o = static_cast<operation>(random.below(operations));
        }
        ++f.workloads;
        std::size_t done = 0;
        try {
            if (what == kind::failing)
                run_failing(w, s, random, f, done);
            else
                run(w, s, f, done);
        } catch (std::exception const& e) {
            throw violation(describe(w, done) + e.what());
        }
    }

private:
    struct base {
        simulated_storage device;
        model holds;
    };

    static numstore::options options_of(random_source& random, bool is_short) {
        numstore::options o;
        o.cache_bytes = std::uint64_t{1} << (13 + random.below(8));
        o.log_bytes = std::uint64_t{1} << (13 + random.below(6));
        std::size_t const kind = random.below(is_short ? 8 : 3);
        o.durability = kind == 0   ? numstore::durability::none
                       : kind == 1 ? numstore::durability::grouped
                                   : numstore::durability::full;
        return o;
    }

    /// Empty; populated and closed; populated, with a log to redo. Blocks of
    /// 512 and of 4096 bytes.
    base make_base(std::size_t i) {
        base b{simulated_storage(i % 2 == 0 ? 512 : 4096), {}};
        setup s{i, {}, {}};
        if (Policies::logging::template type<Policies>::enabled)
            s.options.durability = numstore::durability::none;
        recorder<Policies> r(b.device, {}, s);
        constexpr operation populate[]{
            operation::create,      operation::append_few,
            operation::create,      operation::append_bulk,
            operation::insert_bulk, operation::checkpoint,
            operation::clone,       operation::append_bulk,
            operation::checkpoint,  operation::insert_few,
            operation::drop,        operation::create,
            operation::append_bulk, operation::set_attribute,
            operation::erase_few};
        if (i / 2 != 0)
            for (operation const o : populate)
                r.perform(o);
        if (i / 2 == 1)
            r.perform(operation::reopen);
        return {b.device.clone().after_power_loss(power_loss::keep_all()),
                r.history().back()};
    }

    struct workload {
        kind what;
        std::uint64_t number;
        std::size_t base_number;
        std::vector<operation> list;
    };

    static std::vector<operation> brief(std::uint64_t n) {
        std::uint64_t all = operations;
        std::size_t length = 1;
        for (; n >= all; all *= operations, ++length)
            n -= all;
        std::vector<operation> list;
        for (; length-- != 0; n /= operations)
            list.push_back(static_cast<operation>(n % operations));
        return list;
    }

    void run(workload const& w, setup const& s, figures& f,
             std::size_t& done) {
        base const& b = bases_[w.base_number];
        recorder<Policies> r(b.device.clone(), b.holds, s);
        checker<Policies> look(r.history(), s, plan_.how, f);
        for (; done != w.list.size(); ++done) {
            r.perform(w.list[done]);
            if (w.what != kind::brief || !plan_.how.all_brief
                || done + 1 == w.list.size())
                for (crash_point const& p : r.points())
                    look.explore(p);
            r.forget_points();
        }
        if (w.what == kind::brief)
            ++f.brief_workloads;
    }

    /// The database works until the call fails; then it is opened again on
    /// the same machine, or on one that has lost power.
    void run_failing(workload const& w, setup const& s, random_source& random,
                     figures& f, std::size_t& done) {
        base const& b = bases_[w.base_number];
        simulated_storage device = b.device.clone();
        recorder<Policies> r(device, b.holds, s);
        checker<Policies> look(r.history(), s, plan_.how, f);
        device.inject(some_fault(random));
        bool uncertain = false;
        try {
            for (; done != w.list.size(); ++done) {
                r.perform(w.list[done]);
                r.forget_points();
            }
        } catch (numstore::error const& e) {
            uncertain = e.code() == numstore::errc::failed;
            if (device.counts().failed == 0)
                throw;
        }
        device.clear_faults();
        f.failed_calls += device.counts().failed != 0 ? 1 : 0;
        r.abandon();
        std::size_t const found = look.after_failure(
            device, r.durable(),
            std::max(r.acknowledged(), uncertain ? r.attempted() : 0));
        go_on(device, r.history()[found], s, f);
    }

    /// Work on the machine that still shows what a failed call has lost.
    void go_on(simulated_storage const& device, model const& start, setup s,
               figures& f) {
        s.options.durability = numstore::durability::full;
        recorder<Policies> r(device.clone(), start, s);
        r.forget_points(); // opening may lose what only the machine shows
        checker<Policies> look(r.history(), s, plan_.how, f);
        for (operation const o :
             {operation::append_few, operation::checkpoint,
              operation::append_bulk, operation::checkpoint}) {
            r.perform(o);
            for (crash_point const& p : r.points())
                look.explore(p);
            r.forget_points();
        }
    }

    static numstore::testing::fault some_fault(random_source& random) {
        constexpr std::array kinds{
            mask(call_kind::sync), mask(call_kind::write_durable),
            mask(call_kind::write), mask(call_kind::resize),
            mask(call_kind::sync) | mask(call_kind::write_durable)};
        constexpr std::array errors{std::errc::io_error,
                                    std::errc::no_space_on_device,
                                    std::errc::file_too_large};
        numstore::testing::fault f{
            .nth = 1 + random.below(40),
            .kinds = kinds[random.below(kinds.size())],
            .error = std::make_error_code(errors[random.below(3)]),
            .sticky = random.below(2) == 0};
        if (random.below(2) == 0)
            f.transferred = random.below(2000);
        return f;
    }

    std::string describe(workload const& w, std::size_t done) const {
        std::string text =
            std::string(name_) + ' '
            + std::string(kind_names[static_cast<std::size_t>(w.what)]) + ' '
            + std::to_string(w.number) + " --seed "
            + std::to_string(plan_.seed) + " (base "
            + std::to_string(w.base_number) + ':';
        for (std::size_t i = 0; i != w.list.size(); ++i)
            text += (i == done ? " >" : " ")
                    + std::string(operation_names[static_cast<std::size_t>(
                        w.list[i])]);
        return text + "): ";
    }

    std::string_view name_;
    plan plan_;
    std::array<base, 6> bases_;
};

/// The sets of policies that workloads run under.
inline constexpr std::array<std::string_view, 4> policy_names{
    "log-512", "no-log-512", "log-4096", "log-65536"};

std::unique_ptr<workload_source> make_log_512(plan const& p);
std::unique_ptr<workload_source> make_no_log_512(plan const& p);
std::unique_ptr<workload_source> make_log_4096(plan const& p);
std::unique_ptr<workload_source> make_log_65536(plan const& p);

} // namespace campaign
