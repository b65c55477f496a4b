// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/backup.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/closing.hpp>
#include <numstore/database/compactor.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/name_face.hpp>
#include <numstore/database/opening.hpp>
#include <numstore/database/options.hpp>
#include <numstore/database/snapshot.hpp>
#include <numstore/database/statistics.hpp>
#include <numstore/database/transaction.hpp>
#include <numstore/database/verifier.hpp>
#include <numstore/error.hpp>
#include <numstore/fwd.hpp>
#include <numstore/storage/storage_device.hpp>

#include <atomic>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace numstore {

namespace detail {

/// A std::filesystem::path, without its header.
template <class T>
concept filesystem_path = requires(T const& p) {
    { p.string() } -> std::convertible_to<std::string>;
    p.extension();
};

} // namespace detail

/// Something that names a file.
template <class T>
concept path_like = std::convertible_to<T const&, std::string_view>
                    || detail::filesystem_path<T>;

/// Typed arrays in one crash-safe file. Locks the file: one program writes,
/// or many only read; with options::beside_writer they also read while one
/// writes. Any number of threads at once; handles, snapshots and
/// views may outlive it.
template <class Policies>
class basic_database
    : public detail::name_face<basic_database<Policies>, Policies> {
    using engine_type = detail::engine<Policies>;
    using opening = detail::opening<Policies>;
    using storage = typename Policies::storage;

public:
    using policies = Policies;

    /// Opens the file, recovering it if a program that wrote it died; makes
    /// it if there is none (`options::mode`). Opening a file that was closed
    /// reads a few pages and writes none. Throws already_exists, not_found,
    /// locked, busy, not_a_database, unsupported_version,
    /// incompatible_policies, corrupt, read_only, no_space, io.
    template <path_like Path>
        requires file_device<storage>
    explicit basic_database(Path const& path, options const& o = {}) {
        detail::reporting_no_memory(
            [&] { engine_ = opening(o).file(text_of(path)); });
    }

    /// A database in memory, which goes with it.
    explicit basic_database(options const& o = {})
        requires(!file_device<storage> && std::default_initializable<storage>)
    {
        detail::reporting_no_memory(
            [&] { engine_ = opening(o).device(storage()); });
    }

    /// Opens what is on a device; an empty device becomes a database.
    explicit basic_database(storage device, options const& o = {})
        requires(!file_device<storage>)
    {
        detail::reporting_no_memory(
            [&] { engine_ = opening(o).device(std::move(device)); });
    }

    basic_database(basic_database&&) noexcept = default;
    basic_database& operator=(basic_database&& other) noexcept {
        if (this != &other) {
            close_quietly();
            engine_ = std::move(other.engine_);
        }
        return *this;
    }
    /// Closes; never throws.
    ~basic_database() { close_quietly(); }

    bool is_open() const noexcept {
        return engine_ != nullptr
               && !engine_->closed.load(std::memory_order_acquire);
    }

    /// As it was given, or what the device calls itself.
    std::string path() const { return engine().name; }

    /// Rolls open transactions back, writes a checkpoint and gives up the
    /// file, unless views or snapshots still need it. Throws io, no_space;
    /// closed all the same, and nothing committed is lost. A second call
    /// does nothing.
    void close() {
        if (engine_ != nullptr)
            detail::reporting_no_memory(
                [&] { detail::closing<Policies>(*engine_).run(); });
    }

    /// Starts a transaction; costs nothing until it is used. Throws closed,
    /// read_only, failed, forked.
    basic_transaction<Policies> begin() {
        return basic_transaction<Policies>(shared_engine());
    }

    /// f(transaction) and commit; rolled back if f throws. After
    /// errc::deadlock f is called again with a new transaction, which has
    /// locked first what the other one was refused.
    template <class F>
    void transact(F&& f) {
        detail::lock_wish refused;
        for (;;) {
            basic_transaction<Policies> tx = begin();
            auto& locks = tx.shared_state()->locks;
            try {
                if (refused.is_set) // or two might be victims in turns
                    detail::committer<Policies>(engine()).lock(
                        *tx.shared_state(), refused.key, refused.mode);
                f(tx);
                if (tx.is_active())
                    tx.commit();
                return;
            } catch (error const& e) {
                if (e.code() != errc::deadlock)
                    throw;
                refused = locks.refused;
            }
        }
    }

    /// The newest durable version of all arrays. O(1); never waits.
    basic_snapshot<Policies> snapshot() const {
        return basic_snapshot<Policies>(shared_engine());
    }

    /// Writes what has changed to its pages and shortens the log. Others go
    /// on reading. Costs two syncs, or nothing if nothing has changed.
    /// Throws no_space, io, failed.
    void checkpoint() {
        detail::reporting_no_memory(
            [&] { detail::committer<Policies>(engine()).checkpoint(); });
    }

    /// Gives space back: makes leaves full and those of each array
    /// neighbours, moves all to the front of the file, and cuts the file. Works
    /// in ranges of some MiB, each a transaction of its own, while others read
    /// and write; in between it may need as much space again as the data. What
    /// a snapshot can see, and pages that clones share, stay where they are.
    /// O(bytes of all arrays). Throws cancelled (options::progress), timed_out
    /// (another transaction holds on), no_space, io, failed; what was done
    /// until then stays.
    void compact() {
        detail::reporting_no_memory(
            [&] { detail::compactor<Policies>(engine()).run(); });
    }

    /// Writes all arrays, as they are now, to a new file while others read and
    /// write: compact, verified, and there under this name only once it is
    /// whole and durable. `Other` may be other policies than these:
    /// `db.backup<other_policies>("copy.ns")`. Pages that clones share are
    /// written for each. O(bytes of all arrays), in pieces of some MiB. Throws
    /// already_exists, cancelled (options::progress), invalid_argument (an
    /// element is too large for the page size of `Other`), no_space, io,
    /// corrupt.
    template <class Other = Policies, path_like Path>
        requires file_device<typename Other::storage>
    void backup(Path const& path) const {
        detail::reporting_no_memory([&] {
            detail::backup<Policies, Other>(shared_engine())
                .to_file(text_of(path));
        });
    }

    /// The same of all arrays as a snapshot of this database has them. Throws
    /// also snapshot_expired, invalid_argument (a snapshot of another one).
    template <class Other = Policies, path_like Path>
        requires file_device<typename Other::storage>
    void backup(Path const& path, basic_snapshot<Policies> const& of) const {
        detail::reporting_no_memory([&] {
            detail::backup<Policies, Other>(shared_engine(), of.pin())
                .to_file(text_of(path));
        });
    }

    /// Copies all arrays, as they are now, into another database beside what
    /// it has, in one transaction there. Throws as above, and already_exists
    /// for a name that `target` has.
    template <class Other>
    void backup(basic_database<Other>& target) const {
        detail::reporting_no_memory([&] {
            detail::backup<Policies, Other>(shared_engine())
                .into(target.shared_engine());
        });
    }

    /// The same of all arrays as a snapshot of this database has them.
    template <class Other>
    void backup(basic_database<Other>& target,
                basic_snapshot<Policies> const& of) const {
        detail::reporting_no_memory([&] {
            detail::backup<Policies, Other>(shared_engine(), of.pin())
                .into(target.shared_engine());
        });
    }

    /// Reads every page in use and checks all invariants of the file.
    /// Throws cancelled (options::progress), and else only where the database
    /// cannot be used at all.
    verify_report verify() const {
        return detail::reporting_no_memory([&] {
            return detail::verifier<Policies>(*shared_engine()).run();
        });
    }

    statistics stats() const {
        return detail::reporting_no_memory(
            [&] { return detail::collect_statistics(*shared_engine()); });
    }

private:
    friend detail::name_face<basic_database, Policies>;
    template <class>
    friend class basic_database;

    detail::names<Policies> names() const { return {shared_engine()}; }

    template <path_like Path>
    static std::string text_of(Path const& path) {
        if constexpr (detail::filesystem_path<Path>)
            return path.string();
        else
            return std::string(std::string_view(path));
    }

    engine_type& engine() const {
        if (engine_ == nullptr)
            detail::raise(errc::closed, "a database that was moved from");
        return *engine_;
    }
    std::shared_ptr<engine_type> shared_engine() const {
        engine().require_open();
        return engine_;
    }

    void close_quietly() noexcept {
        try {
            close();
        } catch (...) { // NOLINT: what is committed is in the log
        }
    }

    std::shared_ptr<engine_type> engine_;
};

/// Free functions for generic code.
template <class T, class Policies>
array<T, Policies> open(basic_database<Policies>& db, std::string_view name) {
    return db.template open<T>(name);
}
template <class T, class Policies>
array<T, Policies> create(basic_database<Policies>& db,
                          std::string_view name) {
    return db.template create<T>(name);
}

} // namespace numstore
