// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../harness/check.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bench {

/// How a store is opened.
struct store_setup {
    std::string path; ///< a folder of its own, or a file in it
    bool fresh = false;
    /// Of the array that is there or will be: for places that grow.
    std::uint64_t elements = 0;
    std::uint64_t log_bytes = 0;
    std::uint64_t cache_bytes = 0;
};

/// A float32 array, as users of some system would keep it. Loops are inside
/// the calls, so that no row pays for the interface. Between begin and commit
/// changes are one durable commit; outside each change is one of its own.
/// What a system has no way to do throws `unsupported`.
class store {
public:
    store() = default;
    store(store const&) = delete;
    store& operator=(store const&) = delete;
    virtual ~store() = default;

    virtual void begin() { refuse("a commit of many changes"); }
    virtual void commit() { refuse("a commit of many changes"); }
    virtual void append(std::span<float const>) { refuse("append"); }
    /// Overwrites.
    virtual void write(std::uint64_t, std::span<float const>) {
        refuse("overwriting");
    }
    virtual void insert(std::uint64_t, std::span<float const>) {
        refuse("insertion");
    }
    virtual void erase(std::uint64_t, std::uint64_t) { refuse("erasing"); }

    /// The whole array into memory.
    virtual void read(std::uint64_t, std::span<float>) { refuse("reading"); }
    /// Each a read of its own, copied into `block`; the sum of first elements.
    virtual double read_each(std::span<std::uint64_t const>,
                             std::span<float>) {
        refuse("reading");
    }
    /// Single elements by position; their sum.
    virtual double elements(std::span<std::uint64_t const>) {
        refuse("reading elements");
    }
    /// Of all elements, in place where the system can show them.
    virtual double sum() { refuse("scanning"); }

    virtual std::uint64_t size() { refuse("a size"); }
    /// Reads all elements once: what a system does with pages, and memory,
    /// that it has not used since it was opened is done. Changes nothing.
    virtual void warm() {
        std::vector<float> piece(std::size_t{1} << 18);
        for (std::uint64_t at = 0; at < size(); at += piece.size())
            read(at, std::span(piece).first(static_cast<std::size_t>(
                         std::min<std::uint64_t>(piece.size(), size() - at))));
    }
    /// Housekeeping that is put off and comes again and again: checkpoints,
    /// flushes. How often until now; a system without any gives `no_cycles`.
    static constexpr std::uint64_t no_cycles = ~std::uint64_t{0};
    virtual std::uint64_t cycles() { return no_cycles; }
    /// All that was put off is done.
    virtual void settle() {}
    /// As the system counts; -1 if it does not.
    virtual double bytes_written() { return -1; }

protected:
    [[noreturn]] static void refuse(char const* what) {
        throw unsupported(std::string("no ") + what);
    }
};

/// A system that rows can name.
struct peer {
    std::string name;
    std::function<std::unique_ptr<store>(store_setup const&)> open;
};

} // namespace bench
