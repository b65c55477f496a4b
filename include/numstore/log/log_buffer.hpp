// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>

namespace numstore::detail {

/// Growing bytes at an address that direct I/O accepts. Only `reserve`
/// allocates (std::bad_alloc, nothing changed), so that what follows it
/// cannot fail.
class log_buffer {
public:
    static constexpr std::size_t alignment = 4096;

    std::byte* data() noexcept { return bytes_.get(); }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }
    std::span<std::byte> bytes() noexcept { return {bytes_.get(), size_}; }
    std::span<std::byte const> bytes() const noexcept {
        return {bytes_.get(), size_};
    }

    void reserve(std::size_t wanted) {
        if (wanted <= capacity_)
            return;
        std::size_t const grown = capacity_ + capacity_ / 2;
        std::size_t const capacity = wanted > grown ? wanted : grown;
        owner fresh(static_cast<std::byte*>(
            ::operator new(capacity, std::align_val_t{alignment})));
        if (size_ != 0)
            std::memcpy(fresh.get(), bytes_.get(), size_);
        bytes_ = std::move(fresh);
        capacity_ = capacity;
    }

    /// Precondition: the capacity suffices.
    void append(std::span<std::byte const> more) noexcept {
        assert(more.size() <= capacity_ - size_);
        if (!more.empty())
            std::memcpy(bytes_.get() + size_, more.data(), more.size());
        size_ += more.size();
    }

    /// Empty again, with the memory that it has.
    void clear() noexcept { size_ = 0; }

    /// Makes the size `wanted`; new bytes are zero. Precondition: the
    /// capacity suffices.
    void resize(std::size_t wanted) noexcept {
        assert(wanted <= capacity_);
        if (wanted > size_)
            std::memset(bytes_.get() + size_, 0, wanted - size_);
        size_ = wanted;
    }

private:
    struct release {
        void operator()(std::byte* p) const noexcept {
            ::operator delete(p, std::align_val_t{alignment});
        }
    };
    using owner = std::unique_ptr<std::byte, release>;

    owner bytes_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace numstore::detail
