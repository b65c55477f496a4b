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
/// middle between its neighbours'. A place is found by its share of the key
/// space, for nothing in such a store counts elements: finding the chunk of
/// an exact position would cost more. Edits go to the nearest chunk border;
/// fewer elements than a chunk go into the middle of one, which is rewritten.
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
            if (v.size() < chunk)
                insert_inside(n, v);
            else
                insert_between(n, v);
        });
    }
    /// As many chunks as hold so many elements when they are whole.
    void erase(std::uint64_t at, std::uint64_t count) override {
        change([&] {
            for (std::uint64_t i = 0; i < count; i += chunk)
                remove(around_place(at).right);
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
    void insert_between(neighbours const& n, std::span<float const> v) {
        key_type const step =
            (n.right - n.left) / ((v.size() + chunk - 1) / chunk + 1);
        check(step != 0, "finding a key between two others");
        key_type key = n.left;
        for (; !v.empty(); v = v.subspan(std::min(chunk, v.size())))
            put(key += step, v.first(std::min(chunk, v.size())));
    }
    void insert_inside(neighbours const& n, std::span<float const> v) {
        std::vector<float> grown = get(n.right);
        auto const half = [&] {
            return grown.begin()
                   + static_cast<std::ptrdiff_t>(grown.size() / 2);
        };
        grown.insert(half(), v.begin(), v.end());
        if (grown.size() > 2 * chunk) {
            insert_between(n, {grown.begin(), half()});
            grown.erase(grown.begin(), half());
        }
        put(n.right, grown);
    }

    std::uint64_t elements_;
    key_type spacing_;
    key_type next_ = 0;
    bool open_ = false;
};

} // namespace bench
