// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bench {

/// A file of elements and nothing else: pread, pwrite, fdatasync. Not atomic.
/// Insertion and erasing move everything behind the place.
class raw_file : public store {
public:
    explicit raw_file(store_setup const& s)
        : fd_(::open((s.path + "/array.raw").c_str(),
                     O_RDWR | O_CLOEXEC | (s.fresh ? O_CREAT : 0), 0644)) {
        check_errno(fd_ >= 0, "open");
        size_ = static_cast<std::uint64_t>(::lseek(fd_, 0, SEEK_END)) / 4;
    }
    ~raw_file() override { ::close(fd_); }

    void begin() override { open_ = true; }
    void commit() override {
        open_ = false;
        changed();
    }
    void append(std::span<float const> v) override {
        put(size_, v);
        changed();
    }
    void write(std::uint64_t at, std::span<float const> v) override {
        put(at, v);
        changed();
    }
    void insert(std::uint64_t at, std::span<float const> v) override {
        move_tail(at, at + v.size());
        put(at, v);
        changed();
    }
    void erase(std::uint64_t at, std::uint64_t n) override {
        move_tail(at + n, at);
        cut(size_ - n);
        changed();
    }

    void read(std::uint64_t at, std::span<float> out) override {
        while (!out.empty()) {
            ssize_t const n = ::pread(fd_, out.data(), out.size_bytes(),
                                      static_cast<off_t>(at * 4));
            check_errno(n > 0, "pread");
            at += static_cast<std::uint64_t>(n) / 4;
            out = out.subspan(static_cast<std::size_t>(n) / 4);
        }
    }
    double read_each(std::span<std::uint64_t const> places,
                     std::span<float> block) override {
        double sum = 0;
        for (std::uint64_t const at : places) {
            raw_file::read(at, block);
            sum += static_cast<double>(block[0]);
        }
        return sum;
    }
    double elements(std::span<std::uint64_t const> places) override {
        float v = 0;
        return read_each(places, {&v, 1});
    }
    std::uint64_t size() override { return size_; }

protected:
    int fd() const { return fd_; }
    void grown(std::uint64_t n) { size_ += n; }

    void put(std::uint64_t at, std::span<float const> v) {
        while (!v.empty()) {
            ssize_t const n = ::pwrite(fd_, v.data(), v.size_bytes(),
                                       static_cast<off_t>(at * 4));
            check_errno(n > 0, "pwrite");
            at += static_cast<std::uint64_t>(n) / 4;
            v = v.subspan(static_cast<std::size_t>(n) / 4);
        }
        size_ = std::max(size_, at);
    }
    void cut(std::uint64_t size) {
        check_errno(::ftruncate(fd_, static_cast<off_t>(size * 4)) == 0,
                    "ftruncate");
        size_ = size;
    }
    void changed() {
        if (!open_)
            check_errno(::fdatasync(fd_) == 0, "fdatasync");
    }

private:
    void move_tail(std::uint64_t from, std::uint64_t to) {
        tail_.resize(static_cast<std::size_t>(size_ - from));
        read(from, tail_);
        put(to, tail_);
    }

    int fd_;
    bool open_ = false;
    std::uint64_t size_ = 0;
    std::vector<float> tail_;
};

/// The same on a file system that can move extents (ext4, XFS): in whole
/// blocks, so places are rounded down.
class range_file final : public raw_file {
public:
    using raw_file::raw_file;

    void insert(std::uint64_t at, std::span<float const> v) override {
        std::uint64_t const block = at / per_block * per_block;
        shift(FALLOC_FL_INSERT_RANGE, block, v.size());
        grown(v.size());
        put(block, v);
        changed();
    }
    void erase(std::uint64_t at, std::uint64_t n) override {
        shift(FALLOC_FL_COLLAPSE_RANGE, at / per_block * per_block, n);
        grown(std::uint64_t{0} - n);
        changed();
    }

private:
    static constexpr std::uint64_t per_block = 1024;

    void shift(int mode, std::uint64_t at, std::uint64_t n) {
        if (n % per_block != 0)
            refuse("moving of less than a block");
        if (::fallocate(fd(), mode, static_cast<off_t>(at * 4),
                        static_cast<off_t>(n * 4))
            == 0)
            return;
        if (errno == EOPNOTSUPP)
            refuse("moving of extents on this file system");
        check_errno(false, "fallocate");
    }
};

inline peer raw_file_peer(std::string name = "raw file") {
    return {std::move(name), [](store_setup const& s) {
                return std::make_unique<raw_file>(s);
            }};
}
inline peer range_file_peer() {
    return {"insert range", [](store_setup const& s) {
                return std::make_unique<range_file>(s);
            }};
}

} // namespace bench
