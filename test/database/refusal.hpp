// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/numstore.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <source_location>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

/// What tests of bad input have in common: calls that must be refused, and
/// the proof that a refused call has changed nothing.
namespace refusal {

namespace ns = numstore;

/// A fresh directory below the system's, which goes with it.
class directory {
public:
    directory() {
        std::random_device random;
        do
            path_ = std::filesystem::temp_directory_path()
                    / ("numstore-" + std::to_string(random()));
        while (!std::filesystem::create_directory(path_));
    }
    directory(directory const&) = delete;
    directory& operator=(directory const&) = delete;
    ~directory() {
        std::error_code ec;
        std::filesystem::remove_all(path_, ec);
    }

    std::string at(std::string const& name) const {
        return (path_ / name).string();
    }
    std::string path() const { return path_.string(); }

    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (auto const& e : std::filesystem::directory_iterator(path_))
            all.push_back(e.path().filename().string());
        std::sort(all.begin(), all.end());
        return all;
    }

private:
    std::filesystem::path path_;
};

inline std::string slurp(std::string const& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void spill(std::string const& path, std::string_view bytes) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// The code that `f` throws, or 0.
template <class F>
int code_of(F&& f) {
    try {
        f();
    } catch (ns::error const& e) {
        return e.code().value();
    }
    return 0;
}

template <class F>
bool throws(ns::errc code, F&& f) {
    return code_of(f) == static_cast<int>(code);
}

/// `f` throws `code`, and says `word`.
template <class F>
void check_refused(ns::errc code, std::string_view word, F&& f,
                   std::source_location at = std::source_location::current()) {
    BOOST_TEST_CONTEXT("the call at line " << at.line()) {
        try {
            f();
            BOOST_ERROR("nothing was thrown, instead of "
                        << make_error_code(code).message());
        } catch (ns::error const& e) {
            std::string const text = e.what();
            BOOST_TEST(e.code() == code,
                       "code " << e.code().message() << ", what: " << text);
            BOOST_TEST(text.find(word) != std::string::npos,
                       "'" << word << "' is not in: " << text);
        } catch (std::exception const& e) {
            BOOST_ERROR("another exception: " << e.what());
        }
    }
}

/// All that can be read of a database or transaction.
template <class Names>
auto content_of(Names& db) {
    using entry =
        std::tuple<std::string, std::string, std::vector<std::byte>,
                   std::vector<std::pair<std::string, ns::attribute_value>>>;
    std::vector<entry> all;
    for (ns::array_info const& a : db.list()) {
        auto const x = db.open_any(a.name);
        all.push_back({a.name, a.element.to_string(), x.read(),
                       x.attributes().list()});
    }
    return all;
}

/// What a call that changes nothing leaves as it is: content, commits, and
/// what was written to the file.
template <class Database>
auto state_of(Database& db) {
    auto const s = db.stats();
    return std::tuple(content_of(db), s.commits, s.checkpoints, s.file_bytes,
                      s.bytes_written, s.syncs);
}

/// It is sound, and takes a write.
template <class Database>
void check_works(Database& db) {
    auto const report = db.verify();
    for (auto const& p : report.problems)
        BOOST_ERROR("page " << p.page << " of '" << p.array
                            << "': " << p.what);
    auto probe = db.template open_or_create<std::uint64_t>("probe");
    probe.push_back(1U);
    BOOST_TEST(probe.back() == 1U);
    db.drop("probe");
    BOOST_TEST(!db.contains("probe"));
    BOOST_TEST(db.verify().ok());
}

/// What `f` answers in a forked child; 98 if it throws, 99 if it dies.
template <class F>
int in_child(F&& f) {
    pid_t const child = ::fork();
    if (child == 0) {
        int answer = 98;
        try {
            answer = f();
        } catch (...) { // NOLINT: 98 tells
        }
        ::_exit(answer);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child
        || !WIFEXITED(status))
        return 99;
    return WEXITSTATUS(status);
}

} // namespace refusal
