// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_type.hpp>
#include <numstore/io/array_transfer.hpp>
#include <numstore/io/csv.hpp>
#include <numstore/io/csv_inference.hpp>
#include <numstore/io/file.hpp>
#include <numstore/io/nd_transfer.hpp>
#include <numstore/io/npy.hpp>
#include <numstore/io/raw.hpp>
#include <numstore/io/transfer.hpp>
#include <numstore/io/wav.hpp>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Files into arrays and back. `To` is a database, where an import is one
// transaction, durable as its options say, or a transaction, where a failed
// import is undone and nothing else. Those that end in _nd make an array with
// the axes of the file, 1 to 32 of them, the others one of a single axis.
// `array` is any handle of an array, or a view of one with axes; an
// export sees the version that the handle sees when it begins, and its file
// appears whole, in place of what had its name, or not at all. Imports throw
// already_exists, invalid_argument (the array's name), not_found (the file);
// exports no_space, read_only; all of them cancelled, io and corrupt.

namespace numstore::io {

/// f(file, sink) for one new array.
template <class To, class F>
void import_file(To& to, std::string_view name, std::string const& path,
                 F&& f) {
    detail::reporting_no_memory([&] {
        input_file const file(path);
        import_array(to, name, [&](auto& sink) { f(file, sink); });
    });
}
/// The same for one with axes.
template <class To, class F>
void import_file_nd(To& to, std::string_view name, std::string const& path,
                    F&& f) {
    detail::reporting_no_memory([&] {
        input_file const file(path);
        import_nd(to, name, [&](auto& sink) { f(file, sink); });
    });
}

/// See read_npy.
template <class To>
void import_npy(To& to, std::string_view name, std::string const& path,
                transfer_options const& options = {}) {
    import_file(to, name, path, [&](auto const& file, auto& sink) {
        read_npy(file, sink, options);
    });
}
template <class To>
void import_npy_nd(To& to, std::string_view name, std::string const& path,
                   transfer_options const& options = {}) {
    import_file_nd(to, name, path, [&](auto const& file, auto& sink) {
        read_npy(file, sink, options);
    });
}

/// See write_npy.
template <exportable Array>
void export_npy(Array const& array, std::string const& path,
                transfer_options const& options = {}) {
    export_array(array, [&](auto& source) {
        output_file file(path);
        write_npy(source, file, options);
        file.publish();
    });
}

/// See read_csv; an element of the array for each record.
template <class To>
void import_csv(To& to, std::string_view name, std::string const& path,
                element_type const& element, csv_format const& format = {},
                transfer_options const& options = {}) {
    import_file(to, name, path, [&](auto const& file, auto& sink) {
        read_csv(file, element, sink, format, options);
    });
}

/// The same with the element type that infer_csv finds.
template <class To>
void import_csv(To& to, std::string_view name, std::string const& path,
                csv_format const& format = {},
                transfer_options const& options = {}) {
    csv_format by_place = format;
    by_place.by_name = false;
    import_file(to, name, path, [&](auto const& file, auto& sink) {
        read_csv(file, infer_csv(file, format), sink, by_place, options);
    });
}

/// An element for each value, of the one type that all columns have: axes are
/// records and columns.
template <class To>
void import_csv_nd(To& to, std::string_view name, std::string const& path,
                   element_type const& element, csv_format const& format = {},
                   transfer_options const& options = {}) {
    import_file_nd(to, name, path, [&](auto const& file, auto& sink) {
        auto const row =
            element_type::array_of(csv_columns(file, format), element);
        table_sink table(sink);
        read_csv(file, row, table, format, options);
    });
}

/// See write_csv; a record for each row.
template <exportable Array>
void export_csv(Array const& array, std::string const& path,
                csv_format const& format = {},
                transfer_options const& options = {}) {
    export_array(array, [&](auto& source) {
        row_source rows(source);
        output_file file(path);
        write_csv(rows, file, format, options);
        file.publish();
    });
}

/// See read_wav.
template <class To>
void import_wav(To& to, std::string_view name, std::string const& path,
                transfer_options const& options = {}) {
    import_file(to, name, path, [&](auto const& file, auto& sink) {
        read_wav(file, sink, options);
    });
}
/// Axes are frames and channels.
template <class To>
void import_wav_nd(To& to, std::string_view name, std::string const& path,
                   transfer_options const& options = {}) {
    import_file_nd(to, name, path, [&](auto const& file, auto& sink) {
        table_sink table(sink);
        read_wav(file, table, options);
    });
}

/// See write_wav. Without a rate, that of the attribute `sample_rate`.
template <exportable Array>
void export_wav(Array const& array, std::string const& path,
                std::uint32_t rate = 0, transfer_options const& options = {}) {
    export_array(array, [&](auto& source) {
        row_source frames(source);
        output_file file(path);
        write_wav(frames, file, rate, options);
        file.publish();
    });
}

/// See read_raw.
template <class To>
void import_raw(To& to, std::string_view name, std::string const& path,
                raw_format const& format,
                transfer_options const& options = {}) {
    import_file(to, name, path, [&](auto const& file, auto& sink) {
        read_raw(file, format, sink, options);
    });
}

/// Of this shape. Throws corrupt if the file is too short for it,
/// invalid_argument unless `format` leaves the count to the shape.
template <class To>
void import_raw_nd(To& to, std::string_view name, std::string const& path,
                   raw_format format, std::vector<std::uint64_t> const& shape,
                   transfer_options const& options = {}) {
    if (format.count != unknown_count)
        detail::raise(errc::invalid_argument, "a count besides a shape");
    format.count = element_count(shape);
    import_file_nd(to, name, path, [&](auto const& file, auto& sink) {
        shaped_sink shaped(sink, shape);
        read_raw(file, format, shaped, options);
    });
}

/// See write_raw.
template <exportable Array>
void export_raw(Array const& array, std::string const& path,
                std::endian order = std::endian::little,
                transfer_options const& options = {}) {
    export_array(array, [&](auto& source) {
        output_file file(path);
        write_raw(source, file, order, options);
        file.publish();
    });
}

} // namespace numstore::io
