// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/io/files.hpp>
#include <numstore/numstore.hpp>

#include <mdspan>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace ns = numstore;

namespace {

void require(bool holds, char const* what) {
    if (holds)
        return;
    std::cerr << "not so: " << what << '\n';
    std::exit(1);
}

struct in_memory : ns::default_policies {
    using storage = ns::memory_storage;
};

void spans_with_axes(ns::basic_database<in_memory>& db) {
    std::vector<float> numbers(5 * 4 * 3);
    std::iota(numbers.begin(), numbers.end(), 0.0f);
    auto images =
        db.create_nd<float>("images", ns::extents<ns::dynamic, 4, 3>{5});
    images.write(numbers);

    auto const one = images.view(2, ns::all, ns::all).run();
    auto const image = one.mdspan();
    static_assert(image.rank() == 2);
    static_assert(image.static_extent(0) == 4 && image.static_extent(1) == 3);
    require(one.is_zero_copy(), "an image lies in one run");
    require(image[1, 2] == 29, "the element of an image");

    auto const some = images.view(ns::every<2>{}, ns::all, 1).run();
    auto const columns = some.mdspan();
    require(columns.extent(0) == 3 && columns.extent(1) == 4, "extents");
    require(columns[1, 2] == 31, "the element of a copy");
}

/// This library reads no floating point itself.
void numbers_as_text(ns::basic_database<in_memory>& db) {
    std::string const path =
        (std::filesystem::temp_directory_path()
         / ("numstore_libcxx_" + std::to_string(::getpid()) + ".csv"))
            .string();
    auto const import = [&](char const* text) {
        std::ofstream(path) << text;
        ns::io::csv_format format;
        format.header = false;
        ns::io::import_csv_nd(db, "numbers", path,
                              ns::element_type::parse("f64"), format);
    };
    import("1.5,-2\n1e-3,0.1\n");
    auto const numbers = db.open_nd<double, ns::dextents<2>>("numbers");
    require(numbers.to_vector() == std::vector{1.5, -2.0, 1e-3, 0.1},
            "numbers of a text");
    db.drop("numbers");
    try {
        import("1.5,-2\n1e-3,0x10\n");
        require(false, "a hexadecimal number is refused");
    } catch (ns::error const& e) {
        require(std::string_view(e.what()).find(":2:") != std::string::npos,
                "the place of a number that is none");
    }
    std::filesystem::remove(path);
}

} // namespace

int main() {
    ns::basic_database<in_memory> db;
    spans_with_axes(db);
    numbers_as_text(db);
    require(db.verify().ok(), "verify");
}
