// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Arrays with axes beside the file operations that others need for the same.
// A line for each result: name, unit, numstore, peer, ratio of the peer's
// time, or bytes, to ours.
//
//   axes [rows of the grid] [points]
//
// Cells: the peer keeps each row in a file and opens, seeks, reads or writes,
// and closes it for a point; with four axes it does so five times, once for
// each axis' index and once for the value. A streamed point is one read.
//
// Tiles: the peer is the same array stored in order.
#include <numstore/numstore.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

namespace ns = numstore;
constexpr std::uint64_t columns = 1000;

double now() {
    return std::chrono::duration<double>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}
template <class F>
double seconds(F&& f) {
    double const start = now();
    f();
    return now() - start;
}

void line(std::string const& name, char const* unit, double ours,
          double peer) {
    std::printf("name=%s unit=%s numstore=%.4g peer=%.4g ratio=%.3g\n",
                name.c_str(), unit, ours, peer, peer / ours);
}

/// What a file that is written anew costs.
double rewrite(std::vector<float> const& v) {
    return seconds([&] {
        int const fd = ::open("peer.bin", O_CREAT | O_TRUNC | O_WRONLY, 0600);
        auto const* at = reinterpret_cast<char const*>(v.data());
        std::size_t left = v.size() * sizeof(float);
        while (left != 0) {
            auto const n = ::write(fd, at, left);
            if (n <= 0)
                std::abort();
            at += n;
            left -= static_cast<std::size_t>(n);
        }
        ::fsync(fd);
        ::close(fd);
    });
}

/// A change and the checkpoint after it: time, and bytes written.
template <class F>
void growth(ns::database& db, std::string const& name, F&& f,
            std::uint64_t all_bytes, double peer) {
    db.checkpoint();
    std::uint64_t const before = db.stats().bytes_written;
    double committed = 0;
    double const time = seconds([&] {
        committed = seconds(f);
        db.checkpoint();
    });
    line(name + "_commit", "s", committed, peer);
    line(name, "s", time, peer);
    line(name + "_bytes", "MB",
         static_cast<double>(db.stats().bytes_written - before) / 1e6,
         static_cast<double>(all_bytes) / 1e6);
}

void grid(char const* name, std::uint64_t rows, std::uint64_t width) {
    ::unlink("axes.ns");
    ns::database db("axes.ns");
    std::vector<float> all(static_cast<std::size_t>(rows * width));
    std::iota(all.begin(), all.end(), 0.f);
    auto g = db.create_nd<float>("grid", ns::dextents<2>{0u, width});
    g.append(all);
    double const peer = rewrite(all);
    std::vector<float> const column(static_cast<std::size_t>(rows), 1.f);
    std::uint64_t const bytes = all.size() * sizeof(float);
    std::string const n = name;
    growth(db, n + "_insert_column",
           [&] { g.insert(1, width / 2, column); }, bytes, peer);
    growth(db, n + "_insert_column_again",
           [&] { g.insert(1, width / 2, column); }, bytes, peer);
    growth(db, n + "_erase_column", [&] { g.erase(1, width / 2, 2); }, bytes,
           peer);
    growth(db, n + "_write_column",
           [&] { g.write(column, ns::all, 3); }, bytes, peer);
    growth(db, n + "_insert_rows",
           [&] {
               g.insert(0, rows / 2,
                        std::vector<float>(
                            static_cast<std::size_t>(10 * width)));
           },
           bytes, peer);
    std::vector<float> out(static_cast<std::size_t>(rows + 10));
    line(n + "_read_column", "s",
         seconds([&] { g.read(out, ns::all, width / 2); }), peer);
}

void peer_call(int flags, std::uint64_t at, double& value) {
    int const fd = ::open("peer.bin", flags);
    ::lseek(fd, static_cast<off_t>(at * sizeof(double)), SEEK_SET);
    auto const n = flags == O_RDONLY ? ::read(fd, &value, sizeof value)
                                     : ::write(fd, &value, sizeof value);
    if (n != sizeof value)
        std::abort();
    ::close(fd);
}

template <std::size_t Rank>
struct cells {
    ns::database db;
    ns::nd_array<double, ns::dextents<Rank>> a;
    std::vector<std::array<std::uint64_t, Rank>> at;
    int calls;

    cells(char const* path, std::size_t points, std::uint64_t extent)
        : db((::unlink(path), path)),
          a(db.create_nd<double>("cells", ns::dextents<Rank>(filled(extent)))),
          at(points), calls(Rank == 1 ? 1 : int{Rank} + 1) {
        std::mt19937_64 random(1);
        for (auto& i : at)
            for (auto& k : i)
                k = random() % extent;
    }
    static std::array<std::uint64_t, Rank> filled(std::uint64_t extent) {
        std::array<std::uint64_t, Rank> e{};
        e.fill(extent);
        return e;
    }

    void run() {
        auto const n = static_cast<double>(at.size()) / 1e9; // ns per point
        std::string const name = "cells_" + std::to_string(Rank) + "d_";
        double value = 1;
        double const peer_write = seconds([&] {
            for (auto const& i : at)
                for (int c = 0; c != calls; ++c)
                    peer_call(O_WRONLY, i[0] % 1000, value);
        });
        line(name + "write_in_one_transaction", "ns", seconds([&] {
                 auto tx = db.begin();
                 auto inside = a.in(tx);
                 for (auto const& i : at)
                     inside.set(i, 2.);
                 tx.commit();
             }) / n,
             peer_write / n);
        line(name + "update", "ns", seconds([&] {
                 a.update([&](auto& cell) {
                     for (auto const& i : at)
                         cell.set(i, 2.);
                 });
             }) / n,
             peer_write / n);
        double sum = 0;
        double const peer_read = seconds([&] {
            for (auto const& i : at)
                for (int c = 0; c != calls; ++c) {
                    peer_call(O_RDONLY, i[0] % 1000, value);
                    sum += value;
                }
        });
        line(name + "read", "ns", seconds([&] {
                 for (auto const& i : at)
                     sum += a.at(i);
             }) / n,
             peer_read / n);
        line(name + "read_by_reader", "ns", seconds([&] {
                 auto reader = a.reader();
                 for (auto const& i : at)
                     sum += reader.at(i);
             }) / n,
             peer_read / n);
        if (sum < 0)
            std::abort();
        std::size_t const few = 200;
        line(name + "write_durable", "us", seconds([&] {
                 for (std::size_t i = 0; i != few; ++i)
                     a.set(at[i], 3.);
             }) / few * 1e6,
             peer_write / static_cast<double>(at.size()) * 1e6);
        std::printf("name=%sspace unit=MB numstore=%.4g capacity=%.4g\n",
                    name.c_str(),
                    static_cast<double>(db.stats().file_bytes) / 1e6,
                    static_cast<double>(a.size()) * 8e-6);
    }
};

void streamed(std::size_t points) {
    ::unlink("cells.ns");
    ns::database db("cells.ns");
    auto a = db.create_nd<double>("s", ns::dextents<2>{4u, points});
    std::vector<double> v(points, 1.5);
    a.write(v, 2, ns::all);
    db.checkpoint();
    {
        int const fd = ::open("peer.bin", O_CREAT | O_TRUNC | O_WRONLY, 0600);
        if (::write(fd, v.data(), points * 8) < 0)
            std::abort();
        ::close(fd);
    }
    double sum = 0;
    double const peer = seconds([&] {
        int const fd = ::open("peer.bin", O_RDONLY);
        double value = 0;
        for (std::size_t i = 0; i != points; ++i) {
            if (::read(fd, &value, 8) != 8)
                std::abort();
            sum += value;
        }
        ::close(fd);
    });
    double const ours = seconds([&] {
        std::vector<double> part(4096);
        for (std::size_t i = 0; i < points; i += part.size()) {
            std::span const to(part.data(),
                               std::min(part.size(), points - i));
            a.read_from({2, i}, to);
            for (double const x : to)
                sum -= x;
        }
    });
    if (sum != 0)
        std::abort();
    auto const n = static_cast<double>(points) / 1e9;
    line("cells_streamed", "ns", ours / n, peer / n);
}

/// A square grid, appended 64 rows at a time.
struct square {
    static constexpr std::uint64_t side = 4096;
    static constexpr std::uint64_t window = 64;
    using array = ns::nd_array<float, ns::dextents<2>>;

    ns::database db;
    array a;
    std::vector<float> out{};
    double append_time = 0;

    square(char const* path, std::optional<ns::tiling> const& tile)
        : db((::unlink(path), path)), a(make(db, tile)) {
        std::vector<float> rows(static_cast<std::size_t>(window * side));
        std::iota(rows.begin(), rows.end(), 0.f);
        append_time = seconds([&] {
            for (std::uint64_t i = 0; i != side; i += window)
                a.append(rows);
            db.checkpoint();
        });
        out.resize(static_cast<std::size_t>(side * side));
    }

    static array make(ns::database& db, std::optional<ns::tiling> const& tile) {
        ns::dextents<2> const none{0u, side};
        return tile ? db.create_nd<float>("a", none, 0.f, *tile)
                    : db.create_nd<float>("a", none);
    }

    template <class... S>
    double read(S const&... s) {
        return seconds([&] { a.read(std::span(out), s...); });
    }
    /// The best of some, after one that verifies what it reads.
    template <class F>
    static double best(F&& f) {
        double least = f();
        for (int i = 0; i != 7; ++i)
            least = std::min(least, f());
        return least;
    }

    double scan() {
        return best([&] { return read(); });
    }
    double row() {
        return best([&] { return read(side / 2 + 7, ns::all); });
    }
    double column() {
        return best([&] { return read(ns::all, side / 2 + 7); });
    }
    double columns_64() {
        return best([&] { return read(ns::all, part(side / 2)); });
    }
    double square_window() {
        return best(
            [&] { return read(part(side / 2 + 7), part(side / 4 + 7)); });
    }
    double append_row() {
        std::vector<float> const one(static_cast<std::size_t>(side), 1.f);
        return seconds([&] { a.append(one); });
    }

private:
    static ns::slice part(std::uint64_t from) {
        auto const start = static_cast<std::int64_t>(from);
        return {.start = start,
                .stop = start + static_cast<std::int64_t>(window)};
    }
};

void tiles() {
    square in_order("axes.ns", std::nullopt);
    square tiled("tiles.ns", ns::tiling{64, 64});
    auto const both = [&](char const* name, double (square::*f)()) {
        double const ours = (tiled.*f)();
        line(std::string("tiles_") + name, "us", ours * 1e6,
             (in_order.*f)() * 1e6);
    };
    line("tiles_append_64_rows_each", "s", tiled.append_time,
         in_order.append_time);
    both("scan", &square::scan);
    both("read_row", &square::row);
    both("read_column", &square::column);
    both("read_64_columns", &square::columns_64);
    both("read_window_64x64", &square::square_window);
    both("append_one_row", &square::append_row);
}

} // namespace

int main(int argc, char** argv) {
    std::uint64_t const rows =
        argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000;
    std::size_t const points =
        argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 200000;
    grid("narrow", rows, columns);
    grid("wide", std::max<std::uint64_t>(1, rows / 250), columns * 250);
    tiles();
    ::unlink("tiles.ns");
    ::unlink("axes.ns");
    rewrite(std::vector<float>(4000));
    cells<1>("cells.ns", points, 1000000).run();
    cells<4>("cells.ns", points, 32).run();
    streamed(points * 5);
    ::unlink("cells.ns");
    ::unlink("peer.bin");
    return 0;
}
