// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/array_copy.hpp>
#include <numstore/database/checkpointer.hpp>
#include <numstore/database/closing.hpp>
#include <numstore/database/committer.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/names.hpp>
#include <numstore/database/options.hpp>
#include <numstore/database/read_pin.hpp>
#include <numstore/database/recovery.hpp>
#include <numstore/database/verifier.hpp>
#include <numstore/error.hpp>
#include <numstore/storage/storage_device.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace numstore::detail {

/// Copies all arrays of one version, which is pinned meanwhile.
template <class From, class To>
class backup {
    using storage = typename To::storage;

public:
    /// Of what is visible.
    explicit backup(std::shared_ptr<engine<From>> const& e)
        : backup(e, std::make_shared<read_pin<From> const>(e)) {}
    /// Of what a snapshot has. Throws snapshot_expired, invalid_argument.
    backup(std::shared_ptr<engine<From>> e, read_pin_ptr<From> const& from)
        : e_(std::move(e)), pin_(for_good(from)), names_(e_, {}, pin_) {
        if (&pin_->owner() != e_.get())
            raise(errc::invalid_argument,
                  e_->name + ": a backup of a snapshot of another database");
        names_.list("*", [&](format::catalogue_entry const& entry,
                             std::uint64_t size) {
            arrays_.push_back(entry.name);
            add_to(total_, size * entry.element_size);
        });
    }

    /// Into a new file, which has no name before it is whole, durable and
    /// verified. Throws already_exists.
    void to_file(std::string const& path)
        requires file_device<storage>
    {
        require_unused(path);
        std::error_code ec;
        storage device = storage::create(path, e_->opt.allow_network_fs, ec);
        if (ec)
            raise_device(ec, path + ": cannot make it");
        auto const target =
            std::make_shared<engine<To>>(std::move(device), target_options());
        recovery<To>(*target).create();
        copy_all(names<To>(target));
        finish(*target);
        target->pages->device().publish(ec);
        if (ec == errc::already_exists)
            raise_used(path);
        if (ec)
            raise_device(ec, path + ": cannot name it");
        closing<To>(*target).run();
    }

    /// Beside what is in another database, in one transaction there.
    void into(std::shared_ptr<engine<To>> target) {
        names<To>(std::move(target))
            .in_one_transaction(
                [&](names<To> const& inside) { copy_all(inside); });
    }

private:
    static constexpr std::uint64_t cache_bytes = std::uint64_t{32} << 20;

    /// A backup is not revoked half way.
    static read_pin_ptr<From> for_good(read_pin_ptr<From> const& from) {
        return from->is_revocable()
                   ? std::make_shared<read_pin<From> const>(from)
                   : from;
    }

    /// A file without a name need not survive.
    options target_options() const {
        options o;
        o.durability = durability::none;
        o.cache_bytes = std::min(e_->opt.cache_bytes, cache_bytes);
        o.allow_network_fs = e_->opt.allow_network_fs;
        return o;
    }

    [[noreturn]] static void raise_used(std::string const& path) {
        raise(errc::already_exists, path + ": there is such a file");
    }

    static void require_unused(std::string const& path) {
        std::error_code ec;
        storage const old = storage::open(path, true, true, ec);
        if (errc_of(ec) == errc::no_memory)
            raise_device(ec, path + ": cannot look for it");
        if (ec != errc::not_found && ec != errc::invalid_argument)
            raise_used(path);
    }

    static void add_to(std::uint64_t& sum, std::uint64_t more) noexcept {
        sum += std::min(more, std::numeric_limits<std::uint64_t>::max() - sum);
    }

    void copy_all(names<To> const& to) {
        for (std::string const& name : arrays_)
            array_copy<From, To>(names_.open(name, {}))
                .run(to, name, [&](std::uint64_t bytes) {
                    add_to(done_, bytes);
                    report();
                });
    }

    void report() const {
        if (!e_->opt.progress({std::min(done_, total_), total_,
                               "backup: bytes of arrays"}))
            raise(errc::cancelled, e_->name + ": backup was cancelled");
    }

    static void finish(engine<To>& target) {
        {
            typename engine<To>::work_lock lock(target.work);
            checkpointer<To>(target).run(lock, {.clean = true});
        }
        auto const found = verifier<To>(target).run();
        if (!found.ok())
            raise(errc::corrupt, target.name + ": the copy is damaged: "
                                     + found.problems.front().what);
    }

    std::shared_ptr<engine<From>> e_;
    read_pin_ptr<From> pin_;
    names<From> names_;
    std::vector<std::string> arrays_;
    std::uint64_t total_ = 0;
    std::uint64_t done_ = 0;
};

} // namespace numstore::detail
