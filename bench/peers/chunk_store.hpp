// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bench {

/// An array that can be edited in the middle, in a store of sorted keys: 4 KiB
/// chunks under 64-bit keys with gaps, and a new chunk gets a key in the
/// middle between its neighbours'. A chunk is found by its share of the key
/// space, for nothing in such a store counts elements: finding the chunk of
/// an exact position would cost more. Inside of the chunk an edit is exact, as
/// in every other system: an insertion splits a chunk of more than two, what
/// is erased leaves the rest of the first and the last chunk that it touches.
class chunk_store : public store {
public:
    using key_type = std::uint64_t;
    static constexpr std::size_t chunk = 1024; ///< elements, when appended

    void append(std::span<float const> v) override {
        change([&] {
            for (; !v.empty(); v = v.subspan(std::min(chunk, v.size())))
                put(next_ += spacing_, v.first(std::min(chunk, v.size())));
        });
    }
    void insert(std::uint64_t at, std::span<float const> v) override {
        change([&] {
            neighbours const n = around_place(at);
            std::vector<float> grown = get(n.right);
            grown.insert(grown.begin() + offset_in(grown, at), v.begin(),
                         v.end());
            std::span<float const> rest(grown);
            if (rest.size() > 2 * chunk) {
                std::size_t const more = rest.size() / (chunk + chunk / 2);
                std::size_t const each = rest.size() / (more + 1);
                key_type const step = (n.right - n.left) / (more + 1);
                check(step != 0, "finding a key between two others");
                for (std::size_t i = 1; i <= more; ++i) {
                    put(n.left + i * step, rest.first(each));
                    rest = rest.subspan(each);
                }
            }
            put(n.right, rest);
        });
    }
    void erase(std::uint64_t at, std::uint64_t count) override {
        change([&] {
            key_type key = around_place(at).right;
            std::vector<float> values = get(key);
            auto from = offset_in(values, at);
            for (;;) {
                auto const n = std::min<std::uint64_t>(
                    count, values.size() - static_cast<std::size_t>(from));
                count -= n;
                if (n == values.size())
                    remove(key);
                else if (n != 0) {
                    values.erase(values.begin() + from,
                                 values.begin() + from
                                     + static_cast<std::ptrdiff_t>(n));
                    put(key, values);
                }
                key_type const next =
                    count == 0 ? key : around(key + 1).right;
                if (next <= key)
                    return; // done, or at the end
                key = next;
                values = get(key);
                from = 0;
            }
        });
    }

    void warm() override {
        change([&] {
            double sum = 0;
            for (key_type key = 0;;) {
                key_type const next = around(key + 1).right;
                if (next <= key)
                    break;
                for (float const x : get(key = next))
                    sum += static_cast<double>(x);
            }
            check(sum != 1, "reading what was written");
        });
    }

    void begin() override {
        open_ = true;
        start();
    }
    void commit() override {
        open_ = false;
        finish();
    }

protected:
    static constexpr key_type last_key = key_type{1} << 62;

    struct neighbours {
        key_type left;
        key_type right;
    };

    explicit chunk_store(store_setup const& s)
        : elements_(s.elements), spacing_(last_key / (s.elements / chunk + 2)) {
    }

    virtual void start() = 0;
    virtual void finish() = 0;
    virtual void put(key_type, std::span<float const>) = 0;
    virtual void remove(key_type) = 0;
    virtual std::vector<float> get(key_type) = 0;
    /// The last key below this one, or 0; and the first one from it on, or
    /// the last of all.
    virtual neighbours around(key_type) = 0;

private:
    template <class F>
    void change(F&& f) {
        if (open_)
            return f();
        start();
        f();
        finish();
    }

    key_type key_of(std::uint64_t at) const {
        double const share = static_cast<double>(at % elements_)
                             / static_cast<double>(elements_);
        return spacing_ + static_cast<key_type>(share * 0x1p62);
    }
    neighbours around_place(std::uint64_t at) {
        neighbours const n = around(key_of(at));
        return n.left == n.right ? around(n.right) : n; // behind all
    }
    static std::ptrdiff_t offset_in(std::vector<float> const& values,
                                    std::uint64_t at) noexcept {
        return static_cast<std::ptrdiff_t>(
            std::min<std::uint64_t>(at % chunk, values.size()));
    }

    std::uint64_t elements_;
    key_type spacing_;
    key_type next_ = 0;
    bool open_ = false;
};

} // namespace bench
