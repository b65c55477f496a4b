// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace numstore {

/// Every way in which a call can fail. The values are stable.
enum class errc {
    already_exists = 1,
    not_found,
    type_mismatch,
    out_of_range,
    invalid_argument,
    size_mismatch,
    closed,
    transaction_ended,
    transaction_too_old,
    locked,
    read_only,
    busy,
    forked,
    would_deadlock,
    deadlock,
    timed_out,
    snapshot_expired,
    no_space,
    io,
    failed,
    corrupt,
    not_a_database,
    unsupported_version,
    incompatible_policies,
    cancelled,
    no_memory
};

namespace detail {

class error_category_type final : public std::error_category {
public:
    char const* name() const noexcept override { return "numstore"; }

    std::string message(int value) const override {
        return text_of(static_cast<errc>(value));
    }

private:
    static constexpr char const* text_of(errc e) noexcept {
        switch (e) {
        case errc::already_exists: return "already exists";
        case errc::not_found: return "not found";
        case errc::type_mismatch: return "element type mismatch";
        case errc::out_of_range: return "position out of range";
        case errc::invalid_argument: return "invalid argument";
        case errc::size_mismatch: return "size mismatch";
        case errc::closed: return "database is closed";
        case errc::transaction_ended: return "transaction has ended";
        case errc::transaction_too_old: return "transaction is too old";
        case errc::locked: return "database is locked by another user";
        case errc::read_only: return "database is read-only";
        case errc::busy: return "database is still in use";
        case errc::forked: return "database belongs to the parent process";
        case errc::would_deadlock: return "call would wait for itself";
        case errc::deadlock: return "deadlock";
        case errc::timed_out: return "timed out";
        case errc::snapshot_expired: return "snapshot has expired";
        case errc::no_space: return "no space left";
        case errc::io: return "input/output error";
        case errc::failed: return "database failed; open it again";
        case errc::corrupt: return "file is damaged";
        case errc::not_a_database: return "not a numstore database";
        case errc::unsupported_version: return "unsupported format version";
        case errc::incompatible_policies: return "incompatible policies";
        case errc::cancelled: return "cancelled";
        case errc::no_memory: return "out of memory";
        }
        return "unknown error";
    }
};

} // namespace detail

/// The category of `errc`. Thread-safe.
inline std::error_category const& error_category() noexcept {
    static detail::error_category_type const category;
    return category;
}

/// Found by `std::error_code{errc::...}`.
inline std::error_code make_error_code(errc e) noexcept {
    return {static_cast<int>(e), error_category()};
}

/// What numstore throws: `code()` is an `errc`, `what()` names the file, the
/// array, the page or the argument, and `os_error()` is errno where the
/// operating system refused, else 0.
class error : public std::system_error {
public:
    error(errc e, std::string const& what, int os_error = 0)
        : std::system_error(make_error_code(e), what), os_error_(os_error) {}

    int os_error() const noexcept { return os_error_; }

private:
    int os_error_;
};

namespace detail {

/// The one place that throws, so that call sites stay small.
[[noreturn, gnu::cold]]
inline void raise(errc e, std::string const& what, int os_error = 0) {
    throw error(e, what, os_error);
}

/// Made before they are needed, for making an error takes memory, and copying
/// one does not.
inline error const out_of_memory(errc::no_memory, "there is no memory left");
inline error const uncertain_commit(
    errc::failed, "the commit may or may not have happened; open the database "
                  "again to find out");

[[noreturn, gnu::cold, gnu::noinline]]
inline void raise_no_memory() {
    throw error(out_of_memory);
}

/// f(), as the public calls promise: where memory runs out errc::no_memory.
template <class F>
decltype(auto) reporting_no_memory(F&& f) {
    try {
        return f();
    } catch (std::bad_alloc const&) {
        raise_no_memory();
    }
}

/// Maps what a device reported to an `errc`: an `errc` stays itself, "no
/// space" errors become `no_space`, all else is `io`.
inline errc errc_of(std::error_code const& ec) noexcept {
    if (ec.category() == error_category())
        return static_cast<errc>(ec.value());
    if (ec == std::errc::no_space_on_device || ec == std::errc::file_too_large
        || ec.value() == 122 /* EDQUOT has no std::errc */)
        return errc::no_space;
    if (ec == std::errc::not_enough_memory)
        return errc::no_memory;
    return errc::io;
}

/// Throws for a device error; `what` says which file and which action.
[[noreturn, gnu::cold]]
inline void raise_device(std::error_code const& ec, std::string const& what) {
    bool const own = ec.category() == error_category();
    raise(errc_of(ec), own ? what : what + ": " + ec.message(),
          own ? 0 : ec.value());
}

} // namespace detail
} // namespace numstore

template <>
struct std::is_error_code_enum<numstore::errc> : std::true_type {};
