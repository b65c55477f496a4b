// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/format/element_parser.hpp>
#include <numstore/io/file.hpp>
#include <numstore/io/transfer.hpp>

#include <boost/test/unit_test.hpp>

#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace io_test {

namespace ns = numstore;
namespace io = numstore::io;
using ns::errc;

/// A folder that is gone with this object.
class folder {
public:
    folder() {
        auto const base =
            (std::filesystem::temp_directory_path() / "numstore-XXXXXX")
                .string();
        std::string name = base;
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("no folder for test files");
        path_ = name;
    }
    folder(folder const&) = delete;
    ~folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string operator/(std::string const& name) const {
        return (path_ / name).string();
    }
    std::string path() const { return path_.string(); }
    std::size_t files() const {
        std::size_t n = 0;
        for ([[maybe_unused]] auto const& e :
             std::filesystem::directory_iterator(path_))
            ++n;
        return n;
    }

private:
    std::filesystem::path path_;
};

/// Runs numpy_files.py; false where it fails.
inline bool run_numpy(std::string const& what, std::string const& where) {
    std::string const command = std::string(NUMSTORE_TEST_PYTHON) + " "
                                + NUMSTORE_TEST_SOURCES + "/io/numpy_files.py "
                                + what + " " + where;
    return std::system(command.c_str()) == 0;
}

/// What NumPy wrote, once for all tests of a program.
inline folder const& numpy_files() {
    static folder const files;
    static bool const written = run_numpy("write", files.path());
    if (!written)
        throw std::runtime_error("these tests need NumPy: package "
                                 "python3-numpy of Debian, cmake/setup.sh");
    return files;
}

/// Collects what a reader finds.
struct collector {
    io::description what{};
    std::vector<std::byte> bytes{};
    std::vector<std::size_t> pieces{};

    void begin(io::description const& d) { what = d; }
    void write(std::span<std::byte const> piece) {
        pieces.push_back(piece.size());
        bytes.insert(bytes.end(), piece.begin(), piece.end());
    }
    template <class T>
    std::vector<T> as() const {
        std::vector<T> values(bytes.size() / sizeof(T));
        if (!values.empty())
            std::memcpy(static_cast<void*>(values.data()), bytes.data(),
                        values.size() * sizeof(T));
        return values;
    }
};
static_assert(io::element_sink<collector>);

/// Gives elements that lie in memory.
struct provider {
    io::description what{};
    std::vector<std::byte> bytes{};
    std::size_t at = 0;

    provider() = default;
    explicit provider(collector const& c) : what(c.what), bytes(c.bytes) {}
    template <class T>
    provider(std::string const& element, std::vector<T> const& values)
        : what{ns::element_type::parse(element), {values.size()}, {}} {
        auto const stored = std::as_bytes(std::span(values));
        bytes.assign(stored.begin(), stored.end());
    }

    io::description const& describe() const { return what; }
    void read(std::span<std::byte> piece) {
        std::memcpy(piece.data(), bytes.data() + at, piece.size());
        at += piece.size();
    }
};
static_assert(io::element_source<provider>);

template <class Call>
bool fails(errc expected, Call call) {
    try {
        call();
    } catch (ns::error const& e) {
        if (e.code() == expected)
            return true;
        BOOST_TEST_MESSAGE("another error: " << e.what());
    }
    return false;
}

/// What the error says; empty if there is none.
template <class Call>
std::string fault(Call call) {
    try {
        call();
    } catch (ns::error const& e) {
        return e.what();
    }
    return {};
}

inline std::mt19937_64 random_source() {
    char const* const given = std::getenv("NUMSTORE_SEED");
    auto const seed =
        given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << seed);
    return std::mt19937_64(seed);
}

inline std::vector<std::byte> bytes_of(std::string const& text) {
    auto const b = std::as_bytes(std::span(text));
    return {b.begin(), b.end()};
}

inline std::vector<std::byte> load(std::string const& path) {
    io::input_file const file(path);
    std::vector<std::byte> all(static_cast<std::size_t>(file.size()));
    file.read_at(0, all);
    return all;
}

/// Changes a few bytes, or cuts the end off.
inline void mutate(std::vector<std::byte>& bytes, std::size_t head,
                   std::mt19937_64& random) {
    if (random() % 8 == 0)
        bytes.resize(random() % bytes.size());
    for (auto n = random() % 4; n != 0 && !bytes.empty(); --n) {
        auto& b = bytes[random() % std::min(bytes.size(), head)];
        constexpr char likely[] = "0123456789()[]{}',:<>|=bifcSUV ";
        b = random() % 2 == 0
                ? static_cast<std::byte>(random())
                : static_cast<std::byte>(likely[random() % sizeof likely]);
    }
}

} // namespace io_test
