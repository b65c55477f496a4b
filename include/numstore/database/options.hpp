// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace numstore {

/// How a database is opened.
enum class open_mode {
    open_or_create, ///< the default
    create_new,     ///< errc::already_exists if there is one
    open_existing,  ///< errc::not_found if there is none
    read_only       ///< shared with other read-only users; never writes
};

/// What a commit promises when it returns.
enum class durability {
    full,    ///< on stable storage: survives a power loss
    grouped, ///< ordered: a power loss may take the newest commits, never
             ///< leave a hole; survives a killed process
    none     ///< atomic; a power loss may go back to the last checkpoint;
             ///< survives a killed process
};

/// How far a long call has come: `done` of `total` units of `what`, which
/// names the call and the unit. `done` never falls, and is `total` in the last
/// report. `total` is 0 as long as nobody knows it: for input ranges without a
/// size.
struct progress_info {
    std::uint64_t done;
    std::uint64_t total;
    std::string_view what;
};

/// A callback for long calls, made from anything callable with a
/// `progress_info const&`. If it answers false the call ends with
/// errc::cancelled, if it throws with that; no answer means "go on". A call
/// that was ended has changed nothing, and inside a transaction that goes on;
/// only `compact` keeps what it has done. A recovery can be run again.
///
/// It is called by the thread of the call, in which no mutex is held that
/// reading needs: it may read the database, ask for `stats()`, and write what
/// the call does not. It must not use the transaction that the call is in, nor
/// compact while `compact` runs, nor close the database; writing the array of
/// the call throws would_deadlock. In a recovery it has no database yet.
/// Several threads may be in it at once, if several make long calls.
class progress_callback {
public:
    progress_callback() = default;

    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, progress_callback>)
                && std::is_invocable_v<F&, progress_info const&>
    progress_callback(F f) // NOLINT: implicit, as a callback parameter is
        : call_(std::make_shared<holder<F>>(std::move(f))) {}

    explicit operator bool() const noexcept { return call_ != nullptr; }

    /// True to go on.
    bool operator()(progress_info const& info) const {
        return call_ == nullptr || call_->call(info);
    }

private:
    struct caller {
        virtual ~caller() = default;
        virtual bool call(progress_info const&) = 0;
    };
    template <class F>
    struct holder final : caller {
        explicit holder(F f) : function(std::move(f)) {}
        bool call(progress_info const& info) override {
            if constexpr (std::is_void_v<decltype(function(info))>) {
                function(info);
                return true;
            } else {
                return static_cast<bool>(function(info));
            }
        }
        F function;
    };

    std::shared_ptr<caller> call_;
};

/// How to open a database; every member has a default.
struct options {
    open_mode mode = open_mode::open_or_create;
    numstore::durability durability = numstore::durability::full;
    /// Bytes of leaves kept in memory: clean ones that the device cannot show
    /// in place, and changed ones before a checkpoint or spill writes them.
    /// Inner nodes, one or two hundredths of the data that they lead to, come on
    /// top; where all of them take more than a quarter of this, a checkpoint
    /// drops those of changed arrays.
    std::uint64_t cache_bytes = std::uint64_t{256} << 20;
    /// A checkpoint starts when the log has grown by this many bytes.
    std::uint64_t log_bytes = std::uint64_t{64} << 20;
    /// Checkpoints that are due are written by a thread of the database's own,
    /// rather than by the commit that finds them due.
    bool background = false;
    /// That thread also compacts the file when so many percent of it are
    /// unused, more than the last time left, and snapshots keep little; 0 for
    /// never.
    unsigned compact_percent = 0;
    /// Past this the oldest open transaction gets errc::transaction_too_old.
    std::uint64_t max_log_bytes = std::uint64_t{1} << 30;
    /// Snapshots that keep more bytes of pages than this, replaced since they
    /// began, are revoked: reads from them throw errc::snapshot_expired, and
    /// the pages come free, those below a view or chunks made from it when
    /// these go. Looked at in each commit and checkpoint. 0: no bound.
    std::uint64_t snapshot_max_bytes = 0;
    /// The same for snapshots that are older than this, whatever they keep.
    /// Looked at also by the thread of `background`, when it is due.
    std::chrono::nanoseconds snapshot_max_age{0};
    /// How long a write waits for another transaction: errc::timed_out.
    std::chrono::milliseconds lock_timeout{10'000};
    /// Called by long calls with their progress: recovery, verify, backup,
    /// compact, copy, and changes of 8 MiB of leaves and more (insert, append,
    /// assign, resize, write, scatter, strided erase, extract) every 4 MiB. It
    /// may cancel them. Calls that do less never ask it, and cost nothing.
    progress_callback progress{};
    /// With open_mode::read_only: also while another program writes the file,
    /// of which this one sees what was committed when it opened it, until it
    /// opens it again. The file keeps what that needs, and grows meanwhile.
    bool beside_writer = false;
    /// Network file systems often break locks and syncs; refused by default.
    bool allow_network_fs = false;

    bool bounds_snapshots() const noexcept {
        return snapshot_max_bytes != 0 || snapshot_max_age.count() > 0;
    }
};

} // namespace numstore
