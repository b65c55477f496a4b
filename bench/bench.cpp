// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// numstore beside the same work on a raw file or a std::vector, in one run.
// A line for each result: name, unit, numstore, peer, ratio (medians of
// repeats that take turns).
//
//   bench [MiB of the array] [repeats]
#include <numstore/numstore.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

namespace {

namespace ns = numstore;

double now() {
    return std::chrono::duration<double>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

template <class F>
double rate(double amount, F&& work) {
    double const start = now();
    work();
    return amount / (now() - start);
}

double median(std::vector<double> v) {
    std::nth_element(v.begin(),
                     v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2),
                     v.end());
    return v[v.size() / 2];
}

template <class Ours, class Peer>
void compare(char const* name, char const* unit, int repeats, Ours&& ours,
             Peer&& peer) {
    std::vector<double> a;
    std::vector<double> b;
    std::vector<double> ratio;
    for (int i = 0; i != repeats; ++i) {
        a.push_back(ours());
        b.push_back(peer());
        ratio.push_back(a.back() / b.back());
    }
    std::printf("name=%s unit=%s numstore=%.4g peer=%.4g ratio=%.3f\n", name,
                unit, median(a), median(b), median(ratio));
    std::fflush(stdout);
}

void check(bool good) {
    if (good)
        return;
    std::perror("bench");
    std::exit(1);
}

/// The peer: a file written and read by system calls.
class raw_file {
public:
    raw_file() : fd_(::open("bench.raw", O_RDWR | O_CREAT | O_TRUNC, 0644)) {
        check(fd_ >= 0);
    }
    ~raw_file() {
        ::close(fd_);
        ::unlink("bench.raw");
    }
    void write(void const* data, std::size_t n, std::uint64_t at) const {
        check(::pwrite(fd_, data, n, static_cast<off_t>(at))
              == static_cast<ssize_t>(n));
    }
    void read(void* data, std::size_t n, std::uint64_t at) const {
        check(::pread(fd_, data, n, static_cast<off_t>(at))
              == static_cast<ssize_t>(n));
    }
    void sync() const { check(::fdatasync(fd_) == 0); }

private:
    int fd_;
};

} // namespace

int main(int count, char** arguments) {
    std::uint64_t const mib =
        count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 256;
    int const repeats = count > 2 ? std::atoi(arguments[2]) : 5;
    std::uint64_t const elements = mib << 18;
    double const bytes = static_cast<double>(mib << 20);
    std::vector<float> piece(1 << 18);
    std::iota(piece.begin(), piece.end(), 0.0F);
    std::vector<float> block(1024, 1.0F);
    std::vector<float> buffer(elements, 1.0F);
    std::mt19937_64 random(1);
    double sink = 0;

    auto const fresh = [] {
        ::unlink("bench.ns");
        return std::make_unique<ns::database>("bench.ns");
    };
    auto db = fresh();
    auto a = db->create<float>("a");
    raw_file raw;

    for (bool const each : {false, true})
        compare(each ? "append_1MiB_durable_each" : "append_1MiB_one_commit",
                "bytes/s", repeats,
                [&] {
                    db->close();
                    db = fresh();
                    a = db->create<float>("a");
                    return rate(bytes, [&] {
                        auto tx = db->begin();
                        for (std::uint64_t i = 0; i != mib; ++i)
                            each ? a.append(piece) : a.in(tx).append(piece);
                        tx.commit();
                    });
                },
                [&] {
                    return rate(bytes, [&] {
                        for (std::uint64_t i = 0; i != mib; ++i) {
                            raw.write(piece.data(), 1 << 20, i << 20);
                            if (each)
                                raw.sync();
                        }
                        raw.sync();
                    });
                });
    std::printf("name=append_bytes_written unit=per_user_byte numstore=%.4f\n",
                static_cast<double>(db->stats().bytes_written) / bytes);

    compare("scan_chunks", "bytes/s", repeats,
            [&] {
                return rate(bytes, [&] {
                    for (auto const run : a.chunks())
                        sink += static_cast<double>(std::accumulate(
                            run.begin(), run.end(), 0.0F));
                });
            },
            [&] {
                return rate(bytes, [&] {
                    sink += static_cast<double>(std::accumulate(
                        buffer.begin(), buffer.end(), 0.0F));
                });
            });
    compare("read_all", "bytes/s", repeats,
            [&] { return rate(bytes, [&] { a.read(0, buffer); }); },
            [&] {
                return rate(bytes, [&] {
                    for (std::uint64_t i = 0; i != mib; ++i)
                        raw.read(buffer.data() + (i << 18), 1 << 20, i << 20);
                });
            });
    compare("random_element", "1/s", repeats,
            [&] {
                return rate(300000, [&] {
                    for (int i = 0; i != 300000; ++i)
                        sink += static_cast<double>(a[random() % elements]);
                });
            },
            [&] {
                return rate(300000, [&] {
                    for (int i = 0; i != 300000; ++i) {
                        float v = 0;
                        raw.read(&v, 4, random() % elements * 4);
                        sink += static_cast<double>(v);
                    }
                });
            });
    std::uint64_t const last = elements - block.size();
    compare("random_read_4KiB", "1/s", repeats,
            [&] {
                return rate(100000, [&] {
                    for (int i = 0; i != 100000; ++i)
                        a.read(random() % last, block);
                });
            },
            [&] {
                return rate(100000, [&] {
                    for (int i = 0; i != 100000; ++i)
                        raw.read(block.data(), 4096, random() % last * 4);
                });
            });
    compare("every_8th", "1/s", repeats,
            [&] {
                return rate(static_cast<double>(elements / 8), [&] {
                    for (float const v : a.view(ns::every<8>{}))
                        sink += static_cast<double>(v);
                });
            },
            [&] {
                return rate(static_cast<double>(elements / 8), [&] {
                    for (std::uint64_t i = 0; i < elements; i += 8)
                        sink += static_cast<double>(buffer[i]);
                });
            });
    compare("overwrite_4KiB_durable", "1/s", repeats,
            [&] {
                return rate(500, [&] {
                    for (int i = 0; i != 500; ++i)
                        a.write(random() % last, block);
                });
            },
            [&] {
                return rate(500, [&] {
                    for (int i = 0; i != 500; ++i) {
                        raw.write(block.data(), 4096, random() % last * 4);
                        raw.sync();
                    }
                });
            });
    // The peer has to move everything behind the place.
    auto const move_tail = [&](std::int64_t by) {
        std::uint64_t const at = random() % last * 4;
        std::uint64_t const tail = (elements * 4) - at;
        raw.read(buffer.data(), tail, at);
        std::uint64_t const to =
            by < 0 && at >= 4096 ? at - 4096 : at + (by > 0 ? 4096U : 0U);
        raw.write(buffer.data(), tail, to);
        raw.sync();
    };
    compare("insert_4KiB_durable", "1/s", repeats,
            [&] {
                return rate(300, [&] {
                    for (int i = 0; i != 300; ++i)
                        a.insert(random() % elements, block);
                });
            },
            [&] { return rate(1, [&] { move_tail(1); }); });
    compare("erase_4KiB_durable", "1/s", repeats,
            [&] {
                return rate(300, [&] {
                    for (int i = 0; i != 300; ++i)
                        a.erase(random() % last, 1024);
                });
            },
            [&] { return rate(1, [&] { move_tail(-1); }); });
    compare("insert_4KiB_1000_per_commit", "1/s", repeats,
            [&] {
                return rate(1000, [&] {
                    db->transact([&](ns::transaction& tx) {
                        for (int i = 0; i != 1000; ++i)
                            a.in(tx).insert(random() % elements, block);
                    });
                });
            },
            [&] { return rate(1, [&] { move_tail(1); }); });
    std::fprintf(stderr, "checksum %g\n", sink);
    db->close();
    ::unlink("bench.ns");
    return 0;
}
