// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/background.hpp>
#include <numstore/database/engine.hpp>
#include <numstore/database/options.hpp>
#include <numstore/database/recovery.hpp>
#include <numstore/error.hpp>
#include <numstore/policies.hpp>
#include <numstore/storage/storage_device.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace numstore::detail {

/// Begins the use of a database, as the options say.
template <class Policies>
class opening {
    using engine_type = engine<Policies>;
    using engine_ptr = std::shared_ptr<engine_type>;
    using storage = typename Policies::storage;

public:
    explicit opening(options const& o) noexcept : o_(&o) {}

    /// See `basic_database`.
    [[gnu::cold]] engine_ptr file(std::string const& path) const
        requires file_device<storage>;

    /// An empty one becomes a database.
    [[gnu::cold]] engine_ptr device(storage device) const;

private:
    [[gnu::cold]] engine_ptr existing_file(std::string const& path) const
        requires file_device<storage>
    {
        return o_->beside_writer ? beside([&] { return file_once(path); })
                                 : file_once(path);
    }

    /// f(), again where a writer has changed the file while it was read.
    template <class F>
    static auto beside(F&& f) {
        for (int left = 50;; --left) {
            try {
                return f();
            } catch (error const& e) {
                if ((e.code() != errc::corrupt && e.code() != errc::io)
                    || left == 0)
                    throw;
            }
            yield<typename Policies::threading>();
        }
    }

    storage open_storage(std::string const& path, std::error_code& ec) const
        requires file_device<storage>
    {
        if constexpr (shared_device<storage>)
            if (o_->beside_writer)
                return storage::open_beside(path, o_->allow_network_fs, ec);
        return storage::open(path, o_->mode == open_mode::read_only,
                             o_->allow_network_fs, ec);
    }

    /// Throws invalid_argument.
    void check_options() const {
        if (!o_->beside_writer)
            return;
        if (o_->mode != open_mode::read_only)
            raise(errc::invalid_argument, "options::beside_writer is for "
                                          "open_mode::read_only");
        if (!shared_device<storage>)
            raise(errc::invalid_argument,
                  "options::beside_writer: such storage cannot be "
                  "read while it is written");
    }

    /// None if there is no such file.
    [[gnu::cold]] engine_ptr file_once(std::string const& path) const
        requires file_device<storage>
    {
        std::error_code ec;
        storage device = open_storage(path, ec);
        if (ec == errc::not_found && o_->mode != open_mode::read_only
            && o_->mode != open_mode::open_existing)
            return nullptr;
        if (ec)
            raise_device(ec, path + ": " + open_failure(ec));
        auto e = std::make_shared<engine_type>(std::move(device), *o_);
        e->read_only = o_->mode == open_mode::read_only;
        recovery<Policies>(*e).open();
        background<Policies>::start(*e);
        return e;
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

    /// None if somebody else made the file meanwhile.
    [[gnu::cold]] engine_ptr new_file(std::string const& path) const
        requires file_device<storage>
    {
        std::error_code ec;
        storage device = storage::create(path, o_->allow_network_fs, ec);
        if (ec)
            raise_device(ec, path + ": cannot make it");
        auto e = std::make_shared<engine_type>(std::move(device), *o_);
        recovery<Policies>(*e).create();
        e->pages->device().publish(ec);
        if (ec == errc::already_exists) {
            if (o_->mode == open_mode::create_new)
                raise(errc::already_exists, path + ": there is such a file");
            return nullptr;
        }
        if (ec)
            raise_device(ec, path + ": cannot name it");
        background<Policies>::start(*e);
        return e;
    }

    [[gnu::cold]] engine_ptr device_once(storage device) const {
        std::error_code ec;
        bool const empty = device.size(ec) == 0;
        if (ec)
            raise_device(ec, device.name() + ": cannot tell the size");
        if (empty && (o_->mode == open_mode::open_existing
                      || o_->mode == open_mode::read_only))
            raise(errc::not_found, device.name() + ": is empty");
        if (!empty && o_->mode == open_mode::create_new)
            raise(errc::already_exists, device.name() + ": is not empty");
        auto e = std::make_shared<engine_type>(std::move(device), *o_);
        e->read_only = o_->mode == open_mode::read_only;
        recovery<Policies> r(*e);
        if (empty)
            r.create();
        else
            r.open();
        background<Policies>::start(*e);
        return e;
    }

    options const* o_;
};

template <class Policies>
auto opening<Policies>::file(std::string const& path) const -> engine_ptr
    requires file_device<storage>
{
    if (path.empty())
        raise(errc::invalid_argument, "an empty path");
    check_options();
    for (;;) {
        if (o_->mode != open_mode::create_new)
            if (engine_ptr e = existing_file(path))
                return e;
        if (o_->mode == open_mode::open_existing
            || o_->mode == open_mode::read_only)
            raise(errc::not_found, path + ": there is no file");
        if (engine_ptr e = new_file(path))
            return e;
    }
}

template <class Policies>
auto opening<Policies>::device(storage device) const -> engine_ptr {
    check_options();
    if constexpr (shared_device<storage> && std::copyable<storage>)
        if (o_->beside_writer)
            return beside([&] { return device_once(device); });
    return device_once(std::move(device));
}

} // namespace numstore::detail
