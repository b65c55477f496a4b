// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

/// Archives of .npy files. Needs zlib: link with numstore::npz. Not part of
/// numstore.hpp.

#include <numstore/error.hpp>
#include <numstore/io/array_transfer.hpp>
#include <numstore/io/file.hpp>
#include <numstore/io/nd_transfer.hpp>
#include <numstore/io/npy.hpp>
#include <numstore/io/spool.hpp>
#include <numstore/io/transfer.hpp>
#include <numstore/io/zip_reader.hpp>
#include <numstore/io/zip_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace numstore {

namespace detail {

/// "a" of "a.npy"; nothing for other names.
inline std::string_view npz_member(std::string_view name) noexcept {
    constexpr std::string_view ending = ".npy";
    return name.ends_with(ending) && name.size() > ending.size()
               ? name.substr(0, name.size() - ending.size())
               : std::string_view();
}

/// It has to be read out of order.
template <io::byte_source Source>
bool in_fortran_order(Source const& npy) {
    npy_header const h = read_npy_header(npy);
    return h.fortran_order && h.shape.size() > 1;
}

} // namespace detail

namespace io {

/// Names of the arrays in an archive. Throws as read_npz does.
template <byte_source Source>
std::vector<std::string> npz_names(Source const& file) {
    return detail::reporting_no_memory([&] {
        std::vector<std::string> names;
        for (auto const& e : detail::zip_directory<Source>(file).read())
            if (auto const name = detail::npz_member(e.name); !name.empty())
                names.emplace_back(name);
        return names;
    });
}

/// Reads each array of a .npz archive, stored or deflated: for each
/// `sink_for(name, read)` is called, and `read(sink)` reads it as read_npy
/// does. Memory is bounded; an array that is both deflated and in Fortran
/// order goes through a temporary file. Throws corrupt
/// (also where a checksum does not match), invalid_argument (encrypted; other
/// methods), and what read_npy throws.
template <byte_source Source, class SinkFor>
void read_npz(Source const& file, SinkFor&& sink_for,
              transfer_options const& options = {}) {
    detail::zip_directory<Source> directory(file);
    for (auto const& e : directory.read()) {
        auto const name = detail::npz_member(e.name);
        if (name.empty())
            continue;
        detail::zip_source member(directory.packed(e), e);
        sink_for(std::string(name), [&](auto& sink) {
            if (e.deflated && detail::in_fortran_order(member))
                read_npy(spooled_source(member), sink, options);
            else
                read_npy(member, sink, options);
            member.finish();
        });
    }
}

/// import_one(transaction, name, read) for each array of an archive.
template <class To, class F>
void import_archive(To& to, std::string_view prefix, std::string const& path,
                    transfer_options const& options, F&& import_one) {
    detail::reporting_no_memory([&] {
        input_file const file(path);
        import_arrays(to, [&](auto& tx) {
            read_npz(
                file,
                [&](std::string const& name, auto const& read) {
                    import_one(tx, std::string(prefix) + name, read);
                },
                options);
        });
    });
}

/// Each array of the archive as one of the name `prefix` + its name. All of
/// them in one transaction, or nothing: see files.hpp.
template <class To>
void import_npz(To& to, std::string_view prefix, std::string const& path,
                transfer_options const& options = {}) {
    import_archive(to, prefix, path, options,
                   [](auto& tx, std::string const& name, auto const& read) {
                       import_array(tx, name, read);
                   });
}

/// The same, with the axes of each.
template <class To>
void import_npz_nd(To& to, std::string_view prefix, std::string const& path,
                   transfer_options const& options = {}) {
    import_archive(to, prefix, path, options,
                   [](auto& tx, std::string const& name, auto const& read) {
                       import_nd(tx, name, read);
                   });
}

/// Writes arrays to a .npz archive, which appears whole, or, where `publish`
/// is not called, not at all.
class npz_writer {
public:
    npz_writer(std::string path, bool compressed)
        : zip_(std::move(path), compressed) {}

    /// Any handle of an array, or a view of one with axes, as it sees it now.
    /// Throws as export_npy.
    template <exportable Array>
    void add(std::string_view name, Array const& array,
             transfer_options const& options = {}) {
        constexpr std::size_t most = 65000;
        if (name.empty() || name.size() > most)
            detail::raise(errc::invalid_argument,
                          "the name of an array in an archive");
        export_array(array, [&](auto& source) {
            zip_.begin(std::string(name) + ".npy");
            write_npy(source, zip_, options);
            zip_.end();
        });
    }

    void publish() {
        detail::reporting_no_memory([&] { zip_.publish(); });
    }

private:
    detail::zip_writer zip_;
};

} // namespace io
} // namespace numstore
