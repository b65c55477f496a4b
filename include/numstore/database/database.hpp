// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/background.hpp>
#include <numstore/database/backup.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/closing.hpp>
#include <numstore/database/compactor.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/name_face.hpp>
#include <numstore/database/options.hpp>
#include <numstore/database/recovery.hpp>
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
    explicit basic_database(Path const& path, options o = {}) {
        detail::reporting_no_memory(
            [&] { open_file(text_of(path), std::move(o)); });
    }

    /// A database in memory, which goes with it.
    explicit basic_database(options o = {})
        requires(!file_device<storage> && std::default_initializable<storage>)
    {
        detail::reporting_no_memory(
            [&] { open_device(storage(), o); });
    }

    /// Opens what is on a device; an empty device becomes a database.
    explicit basic_database(storage device, options o = {})
        requires(!file_device<storage>)
    {
        detail::reporting_no_memory(
            [&] { open_device(std::move(device), o); });
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

    void open_file(std::string const& path, options o)
        requires file_device<storage>
    {
        if (path.empty())
            detail::raise(errc::invalid_argument, "an empty path");
        check_options(o);
        for (;;) {
            if (o.mode != open_mode::create_new && open_existing(path, o))
                return;
            if (o.mode == open_mode::open_existing
                || o.mode == open_mode::read_only)
                detail::raise(errc::not_found, path + ": there is no file");
            if (create_file(path, o))
                return;
        }
    }

    /// False if there is no such file.
    bool open_existing(std::string const& path, options const& o)
        requires file_device<storage>
    {
        return o.beside_writer ? open_beside([&] { return open_once(path, o); })
                               : open_once(path, o);
    }

    /// f(), again where a writer has changed the file while it was read.
    template <class F>
    static auto open_beside(F&& f) {
        for (int left = 50;; --left) {
            try {
                return f();
            } catch (error const& e) {
                if ((e.code() != errc::corrupt && e.code() != errc::io)
                    || left == 0)
                    throw;
            }
            detail::yield<typename Policies::threading>();
        }
    }

    static storage open_storage(std::string const& path, options const& o,
                                std::error_code& ec)
        requires file_device<storage>
    {
        if constexpr (shared_device<storage>)
            if (o.beside_writer)
                return storage::open_beside(path, o.allow_network_fs, ec);
        return storage::open(path, o.mode == open_mode::read_only,
                             o.allow_network_fs, ec);
    }

    /// Throws invalid_argument.
    static void check_options(options const& o) {
        if (!o.beside_writer)
            return;
        if (o.mode != open_mode::read_only)
            detail::raise(errc::invalid_argument,
                          "options::beside_writer is for "
                          "open_mode::read_only");
        if (!shared_device<storage>)
            detail::raise(errc::invalid_argument,
                          "options::beside_writer: such storage cannot be "
                          "read while it is written");
    }

    bool open_once(std::string const& path, options const& o)
        requires file_device<storage>
    {
        std::error_code ec;
        storage device = open_storage(path, o, ec);
        if (ec == errc::not_found && o.mode != open_mode::read_only
            && o.mode != open_mode::open_existing)
            return false;
        if (ec)
            detail::raise_device(ec, path + ": " + open_failure(ec));
        auto e = std::make_shared<engine_type>(std::move(device), o);
        e->read_only = o.mode == open_mode::read_only;
        detail::recovery<Policies>(*e).open();
        detail::background<Policies>::start(*e);
        engine_ = std::move(e);
        return true;
    }

    static char const* open_failure(std::error_code const& ec) {
        if (ec == errc::locked)
            return "another program or database object has it open";
        if (ec == errc::busy)
            return "views of a database that was closed still use it";
        if (ec == errc::not_found)
            return "there is no file";
        if (ec == errc::read_only)
            return "it may only be read; open it with open_mode::read_only";
        if (ec == errc::invalid_argument)
            return "it is on a network file system, which "
                   "options::allow_network_fs would allow";
        if (ec == errc::not_a_database)
            return "it is not a regular file";
        return "cannot open it";
    }

    /// False if somebody else made the file meanwhile.
    bool create_file(std::string const& path, options const& o)
        requires file_device<storage>
    {
        std::error_code ec;
        storage device = storage::create(path, o.allow_network_fs, ec);
        if (ec)
            detail::raise_device(ec, path + ": cannot make it");
        auto e = std::make_shared<engine_type>(std::move(device), o);
        detail::recovery<Policies>(*e).create();
        e->pages->device().publish(ec);
        if (ec == errc::already_exists) {
            if (o.mode == open_mode::create_new)
                detail::raise(errc::already_exists,
                              path + ": there is such a file");
            return false;
        }
        if (ec)
            detail::raise_device(ec, path + ": cannot name it");
        detail::background<Policies>::start(*e);
        engine_ = std::move(e);
        return true;
    }

    void open_device(storage device, options const& o) {
        check_options(o);
        if constexpr (shared_device<storage> && std::copyable<storage>)
            if (o.beside_writer)
                return open_beside([&] { open_device_once(device, o); });
        open_device_once(std::move(device), o);
    }

    void open_device_once(storage device, options const& o) {
        std::error_code ec;
        bool const empty = device.size(ec) == 0;
        if (ec)
            detail::raise_device(ec, device.name() + ": cannot tell the size");
        if (empty && (o.mode == open_mode::open_existing
                      || o.mode == open_mode::read_only))
            detail::raise(errc::not_found, device.name() + ": is empty");
        if (!empty && o.mode == open_mode::create_new)
            detail::raise(errc::already_exists,
                          device.name() + ": is not empty");
        auto e = std::make_shared<engine_type>(std::move(device), o);
        e->read_only = o.mode == open_mode::read_only;
        detail::recovery<Policies> r(*e);
        if (empty)
            r.create();
        else
            r.open();
        detail::background<Policies>::start(*e);
        engine_ = std::move(e);
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
