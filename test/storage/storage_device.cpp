// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "support.hpp"

#include <numstore/error.hpp>
#include <numstore/storage/file_storage.hpp>
#include <numstore/storage/mapped_storage.hpp>
#include <numstore/storage/memory_storage.hpp>
#include <numstore/storage/storage_device.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(storage_storage_device)

namespace ns = numstore;
using namespace ns::testing;

namespace {

template <class S>
struct fresh {
    S device;
};

template <ns::file_device S>
struct fresh<S> {
    temporary_directory directory;
    S device = make();

    S make() const {
        std::error_code ec;
        S result = S::create(directory / "device", false, ec);
        if (!ec)
            result.publish(ec);
        BOOST_REQUIRE_EQUAL(ec, std::error_code());
        return result;
    }
};

template <class S>
void resize(S& device, std::uint64_t bytes) {
    std::error_code ec = ns::errc::failed;
    device.resize(bytes, ec);
    BOOST_REQUIRE_EQUAL(ec, std::error_code());
    BOOST_REQUIRE_EQUAL(device.size(ec), bytes);
}

using all_devices = std::tuple<ns::memory_storage, ns::file_storage,
                               ns::mapped_storage, simulated_storage>;
using viewable_devices = std::tuple<ns::memory_storage, ns::mapped_storage>;

bool is_zero(std::vector<std::byte> const& bytes) {
    return std::count(bytes.begin(), bytes.end(), std::byte{})
           == std::ssize(bytes);
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(starts_empty, S, all_devices) {
    fresh<S> f;
    std::error_code ec = ns::errc::failed;
    BOOST_TEST(f.device.size(ec) == 0u);
    BOOST_TEST(!ec);
    BOOST_TEST(!f.device.name().empty());
    BOOST_TEST(std::has_single_bit(f.device.block_size()));
    ec = ns::errc::failed;
    f.device.sync(ec);
    BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(growth_is_zero_also_after_shrinking, S,
                              all_devices) {
    fresh<S> f;
    std::error_code ec;
    for (std::size_t low : {0u, 1u, 4095u, 4096u, 5000u, 70000u}) {
        resize(f.device, 100000);
        f.device.write(0, filled(100000, 7), ec);
        BOOST_TEST(!ec);
        resize(f.device, low);
        BOOST_TEST((content(f.device) == filled(low, 7)));
        resize(f.device, 3000000);
        auto const all = content(f.device);
        BOOST_TEST(is_zero({all.begin() + std::ptrdiff_t(low), all.end()}));
        resize(f.device, 0);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ranges_past_the_end_are_errors, S, all_devices) {
    constexpr auto top = std::numeric_limits<std::uint64_t>::max();
    fresh<S> f;
    resize(f.device, 1000);
    auto bytes = filled(16, 1);
    for (std::uint64_t offset :
         {std::uint64_t{985}, std::uint64_t{1000}, std::uint64_t{1} << 62,
          std::uint64_t{1} << 63, top - 15, top}) {
        std::error_code ec;
        f.device.read(offset, bytes, ec);
        BOOST_TEST((ec == ns::errc::io));
        ec.clear();
        f.device.write(offset, bytes, ec);
        BOOST_TEST((ec == ns::errc::io));
        ec.clear();
        f.device.write_durable(offset, bytes, ec);
        BOOST_TEST((ec == ns::errc::io));
        if constexpr (ns::viewable_device<S>)
            BOOST_TEST((f.device.view(offset, 16) == nullptr));
    }
    std::error_code ec = ns::errc::failed;
    BOOST_TEST(f.device.size(ec) == 1000u);
    f.device.write(984, bytes, ec);
    BOOST_TEST(!ec);
    f.device.read(1000, {}, ec);
    BOOST_TEST(!ec);
    f.device.write_durable(1000, {}, ec);
    BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(behaves_as_a_vector, S, all_devices) {
    auto const s = seed();
    BOOST_TEST_MESSAGE("NUMSTORE_SEED=" << s);
    BOOST_TEST_CONTEXT("NUMSTORE_SEED=" << s) {
        std::mt19937_64 random(s);
        fresh<S> f;
        std::vector<std::byte> model;
        for (int step = 0; step < 400; ++step) {
            std::error_code ec = ns::errc::failed;
            auto const offset = random() % (model.size() + 1);
            auto const n = random() % (model.size() - offset + 1);
            switch (random() % 8) {
            case 0:
                model.resize(random() % 200000);
                resize(f.device, model.size());
                continue;
            case 1: f.device.sync(ec); break;
            case 2:
            case 3: {
                std::vector<std::byte> out(n);
                f.device.read(offset, out, ec);
                BOOST_TEST(std::equal(out.begin(), out.end(),
                                      model.begin() + std::ptrdiff_t(offset)));
                break;
            }
            default: {
                auto const in = random_bytes(n, random);
                std::copy(in.begin(), in.end(),
                          model.begin() + std::ptrdiff_t(offset));
                if (random() % 3 == 0)
                    f.device.write_durable(offset, in, ec);
                else
                    f.device.write(offset, in, ec);
            }
            }
            BOOST_REQUIRE_EQUAL(ec, std::error_code());
        }
        BOOST_TEST((content(f.device) == model));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(moves_with_its_content, S, all_devices) {
    fresh<S> f;
    std::error_code ec;
    resize(f.device, 5000);
    f.device.write(10, bytes_of("moved"), ec);
    auto const before = content(f.device);
    S other = std::move(f.device);
    BOOST_TEST((content(other) == before));
    fresh<S> g;
    resize(g.device, 30);
    g.device = std::move(other);
    BOOST_TEST((content(g.device) == before));
    resize(g.device, 6000);
    BOOST_TEST(content(g.device).size() == 6000u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refused_growth_changes_nothing, S,
                              all_devices) {
    fresh<S> f;
    if constexpr (std::same_as<S, simulated_storage>)
        f.device.set_capacity(std::uint64_t{1} << 40);
    resize(f.device, 4096);
    for (int bits : {60, 62, 63}) {
        std::error_code ec;
        f.device.resize(std::uint64_t{1} << bits, ec);
        BOOST_TEST(!!ec);
        BOOST_TEST(f.device.size(ec) == 4096u);
    }
    std::error_code ec;
    f.device.resize(std::numeric_limits<std::uint64_t>::max(), ec);
    BOOST_TEST(!!ec);
    BOOST_TEST(content(f.device).size() == 4096u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(views_stay_and_show_later_writes, S,
                              viewable_devices) {
    fresh<S> f;
    std::error_code ec;
    BOOST_TEST((f.device.view(0, 1) == nullptr));
    resize(f.device, 10000);
    std::byte const* const view = f.device.view(5000, 5000);
    BOOST_REQUIRE(view != nullptr);
    BOOST_TEST((view[0] == std::byte{}));
    f.device.write(5000, filled(5000, 3), ec);
    BOOST_TEST((view[4999] == std::byte{3}));
    resize(f.device, 50'000'000);
    f.device.write(49'999'999, filled(1, 4), ec);
    BOOST_TEST((f.device.view(5000, 5000) == view));
    BOOST_TEST((view[4999] == std::byte{3}));
    BOOST_TEST((*f.device.view(49'999'999, 1) == std::byte{4}));
    BOOST_TEST((f.device.view(0, 50'000'000) + 5000 == view));
    S other = std::move(f.device);
    BOOST_TEST((other.view(5000, 5000) == view));
    f.device = S();
    BOOST_TEST((f.device.view(5000, 1) == nullptr));
    BOOST_TEST((view[1] == std::byte{3}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(readers_run_beside_growth, S, all_devices) {
    constexpr std::uint64_t step = 8192;
    constexpr std::uint64_t end = 400 * step;
    fresh<S> f;
    std::atomic<std::uint64_t> ready = 0;
    auto const wrong_blocks = [&] {
        std::uint64_t wrong = 0;
        for (std::uint64_t at = 0; at < end;) {
            std::uint64_t const known = ready.load(std::memory_order_acquire);
            for (; at < known; at += step) {
                std::uint64_t value = 0;
                std::error_code ec;
                f.device.read(at, std::as_writable_bytes(std::span(&value, 1)),
                              ec);
                wrong += ec || value != at;
                if constexpr (ns::viewable_device<S>) {
                    auto const* view = f.device.view(at, sizeof value);
                    if (view)
                        std::memcpy(&value, view, sizeof value);
                    wrong += !view || value != at;
                }
            }
            std::error_code ec;
            wrong += f.device.size(ec) < at;
        }
        return wrong;
    };
    std::uint64_t results[2] = {1, 1};
    std::thread first([&] { results[0] = wrong_blocks(); });
    std::thread second([&] { results[1] = wrong_blocks(); });
    bool failed = false;
    for (std::uint64_t at = 0; at < end; at += step) {
        std::error_code ec;
        f.device.resize(at + step, ec);
        failed |= !!ec;
        f.device.write(at, std::as_bytes(std::span(&at, 1)), ec);
        failed |= !!ec;
        ready.store(at + step, std::memory_order_release);
    }
    first.join();
    second.join();
    BOOST_TEST(!failed);
    BOOST_TEST(results[0] == 0u);
    BOOST_TEST(results[1] == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
