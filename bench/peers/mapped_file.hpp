// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../harness/sum.hpp"
#include "store.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bench {

/// A file of elements that is mapped for reading and writing; msync makes
/// changes durable. Not atomic, and of one size.
class mapped_file final : public store {
public:
    explicit mapped_file(store_setup const& s)
        : fd_(::open((s.path + "/array.raw").c_str(),
                     O_RDWR | O_CLOEXEC | (s.fresh ? O_CREAT : 0), 0644)),
          bytes_(static_cast<std::size_t>(s.elements * sizeof(float))) {
        check_errno(fd_ >= 0, "open");
        if (s.fresh)
            check_errno(::posix_fallocate(fd_, 0, static_cast<off_t>(bytes_))
                            == 0,
                        "posix_fallocate");
        void* const p = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                               MAP_SHARED, fd_, 0);
        check_errno(p != MAP_FAILED, "mmap");
        data_ = static_cast<float*>(p);
    }
    ~mapped_file() override {
        ::munmap(data_, bytes_);
        ::close(fd_);
    }

    void begin() override { open_ = true; }
    void commit() override {
        open_ = false;
        for (range const& r : changed_)
            sync(r);
        changed_.clear();
    }
    void append(std::span<float const> v) override {
        write(size_, v);
        size_ += v.size();
    }
    void write(std::uint64_t at, std::span<float const> v) override {
        std::copy(v.begin(), v.end(), data_ + at);
        range const r{at, v.size()};
        if (open_)
            changed_.push_back(r);
        else
            sync(r);
    }

    void read(std::uint64_t at, std::span<float> out) override {
        std::copy_n(data_ + at, out.size(), out.data());
    }
    double read_each(std::span<std::uint64_t const> places,
                     std::span<float> block) override {
        double sum = 0;
        for (std::uint64_t const at : places) {
            std::copy_n(data_ + at, block.size(), block.data());
            sum += static_cast<double>(block[0]);
        }
        return sum;
    }
    double elements(std::span<std::uint64_t const> places) override {
        double sum = 0;
        for (std::uint64_t const at : places)
            sum += static_cast<double>(data_[at]);
        return sum;
    }
    double sum() override {
        return sum_in_place({data_, bytes_ / sizeof(float)});
    }
    std::uint64_t size() override { return bytes_ / sizeof(float); }

private:
    struct range {
        std::uint64_t at;
        std::size_t count;
    };

    void sync(range const& r) const {
        std::uint64_t const begin = r.at * 4 / 4096 * 4096;
        std::uint64_t const end = (r.at + r.count) * 4;
        check_errno(::msync(reinterpret_cast<char*>(data_) + begin,
                            static_cast<std::size_t>(end - begin), MS_SYNC)
                        == 0,
                    "msync");
    }

    int fd_;
    std::size_t bytes_;
    float* data_;
    bool open_ = false;
    std::uint64_t size_ = 0;
    std::vector<range> changed_;
};

inline peer mapped_file_peer() {
    return {"mmap", [](store_setup const& s) {
                return std::make_unique<mapped_file>(s);
            }};
}

} // namespace bench
