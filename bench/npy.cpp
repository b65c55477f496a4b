// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Our half of the comparison with NumPy, which npy.py drives. Reads commands,
// answers each with a line:
//
//   npy FOLDER
//   import ARRAY FILE             of .npy, into both databases
//   export DATABASE ARRAY FILE
//   DATABASE ARRAY OPERATION VALUE    the seconds that it took
//   verify DATABASE
//
// DATABASE is `full` or `none`, its durability. Positions of rows are those of
// the file `rows`, 64-bit integers, which both sides read before their clocks
// start.
#include <numstore/io/files.hpp>
#include <numstore/numstore.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace ns = numstore;
constexpr std::uint64_t width = 10;
using table = ns::extents<ns::dynamic, width>;
using array = ns::nd_array<float, table, ns::default_policies>;

template <class F>
double seconds(F&& f) {
    auto const start = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now()
                                         - start)
        .count();
}

std::vector<std::uint64_t> load_rows() {
    std::ifstream file("rows", std::ios::binary | std::ios::ate);
    std::vector<std::uint64_t> rows(static_cast<std::size_t>(file.tellg())
                                    / sizeof(std::uint64_t));
    file.seekg(0);
    file.read(
        reinterpret_cast<char*>(rows.data()),
        static_cast<std::streamsize>(rows.size() * sizeof(std::uint64_t)));
    return rows;
}

/// One database, and what is done to its arrays.
class store {
public:
    explicit store(ns::durability d)
        : path_(d == ns::durability::full ? "full.ns" : "none.ns"),
          durability_(d) {
        ::unlink(path_.c_str());
        open();
    }

    ns::database& db() { return *db_; }
    array at(std::string const& name) {
        return db_->open_nd<float, table>(name);
    }

    double run(std::string const& name, std::string const& operation,
               float value) {
        rows_ = load_rows();
        new_.assign(rows_.size() * width, value);
        if (operation == "load_cold")
            return load_cold(name);
        if (operation == "open")
            return open_often(name);
        array x = at(name);
        buffer_.resize(static_cast<std::size_t>(x.size()));
        out_.resize(rows_.size() * width);
        return seconds([&] { change(x, operation, value); });
    }

private:
    void open() { db_.emplace(path_, ns::options{.durability = durability_}); }

    void change(array& x, std::string const& operation, float value) {
        if (operation == "load")
            x.read(buffer_);
        else if (operation == "sum_in_place")
            sum_ += sum_of(x);
        else if (operation == "replace")
            x.replace_rows(rows_.front(), new_);
        else if (operation == "replace_scattered")
            x.replace_rows(rows_, new_);
        else if (operation == "append")
            x.append(new_);
        else if (operation == "read_rows")
            x.gather_rows(rows_, out_);
        else if (operation == "insert")
            x.insert_rows(rows_.front(), new_);
        else if (operation == "remove")
            x.erase(0, rows_.front(), rows_.size());
        else if (operation == "drop")
            x.erase_rows(rows_);
        else if (operation == "scale_each")
            scale(x, value);
        else if (operation == "scale_together")
            db_->transact([&](ns::transaction& tx) {
                auto inside = x.in(tx);
                scale(inside, value);
            });
        else
            throw std::runtime_error("no operation " + operation);
    }

    static double sum_of(array const& x) {
        double sum = 0;
        auto const run = x.view().run();
        for (std::size_t i = 0; i < run.size(); i += 1024) {
            auto const part = run.span().subspan(
                i, std::min<std::size_t>(1024, run.size() - i));
            sum += std::accumulate(part.begin(), part.end(), 0.F);
        }
        return sum;
    }

    /// Ten rows from each position on.
    static constexpr std::int64_t scaled = 10;
    void scale(array& x, float by) {
        std::vector<float> some(static_cast<std::size_t>(scaled) * width);
        for (std::uint64_t const row : rows_) {
            auto const at = static_cast<std::int64_t>(row);
            x.read(some, ns::slice{.start = at, .stop = at + scaled}, ns::all);
            for (float& v : some)
                v *= by;
            x.replace_rows(row, some);
        }
    }

    double open_often(std::string const& name) {
        constexpr int times = 1000;
        std::uint64_t size = 0;
        double const all = seconds([&] {
            for (int i = 0; i != times; ++i)
                size += at(name).extent(0);
        });
        if (size == 0)
            throw std::runtime_error("nothing was opened");
        return all / times;
    }

    /// From a file that no cache has: the database is opened too.
    double load_cold(std::string const& name) {
        buffer_.resize(static_cast<std::size_t>(at(name).size()));
        db_->close();
        db_.reset();
        int const fd = ::open(path_.c_str(), O_RDONLY);
        ::fsync(fd);
        ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        ::close(fd);
        return seconds([&] {
            open();
            at(name).read(buffer_);
        });
    }

    std::string path_;
    ns::durability durability_;
    std::optional<ns::database> db_;
    std::vector<std::uint64_t> rows_;
    std::vector<float> new_;
    std::vector<float> buffer_;
    std::vector<float> out_;
    double sum_ = 0;
};

void serve() {
    std::map<std::string, store> stores;
    stores.try_emplace("full", ns::durability::full);
    stores.try_emplace("none", ns::durability::none);
    for (std::string word; std::cin >> word;) {
        std::string name;
        std::string what;
        if (word == "import") {
            std::cin >> name >> what;
            for (auto& [key, s] : stores) {
                ns::io::import_npy_nd(s.db(), name, what);
                s.db().checkpoint();
            }
            std::cout << "done" << std::endl;
        } else if (word == "export") {
            std::cin >> word >> name >> what;
            ns::io::export_npy(stores.at(word).at(name), what);
            std::cout << "done" << std::endl;
        } else if (word == "verify") {
            std::cin >> word;
            bool const ok = stores.at(word).db().verify().ok();
            std::cout << (ok ? "done" : "damaged") << std::endl;
        } else {
            float value = 0;
            std::cin >> name >> what >> value;
            std::cout << stores.at(word).run(name, what, value) << std::endl;
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2 || ::chdir(argv[1]) != 0) {
        std::cerr << "npy FOLDER\n";
        return 2;
    }
    try {
        serve();
    } catch (std::exception const& e) {
        std::cerr << e.what() << '\n';
        return 1;
    }
    return 0;
}
