// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/simulated_4096.hpp"
#include "../bags/simulated_512.hpp"
#include "../bags/simulated_512_no_log.hpp"
#include "../bags/simulated_64_kib.hpp"

#include <numstore/numstore.hpp>
#include <numstore/testing/simulated_storage.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

BOOST_AUTO_TEST_SUITE(crash_disk_full)

namespace ns = numstore;
using ns::testing::power_loss;
using ns::testing::simulated_storage;

namespace {

using logged = bags::simulated_512;
using unlogged = bags::simulated_512_no_log;
using large_pages = bags::simulated_4096;
using larger_pages = bags::simulated_64_kib;

/// Seven pages of 512 bytes are a leaf of these, where one is for an int.
using wide = std::array<std::int32_t, 7>;

/// Fills a device of limited size, and goes on when it is full.
template <class Policies, class Element = int>
class full_disk {
    using database = ns::basic_database<Policies>;
    using values = std::vector<Element>;
    using model = std::map<std::string, values>;

public:
    full_disk(std::uint64_t capacity, unsigned seed, std::size_t block = 512)
        : random_(seed), capacity_(capacity), device_(block) {
        device_.record(ns::testing::recording::off);
        device_.set_capacity(capacity);
        options_.cache_bytes = std::uint64_t{1} << (15 + seed % 4);
        options_.log_bytes = std::uint64_t{1} << (15 + seed % 3);
        open();
    }

    int full = 0;      ///< steps that found no room
    int no_erase = 0;  ///< steps that removed something and found no room
    int no_open = 0;   ///< recoveries that found no room

    void run(int steps) {
        for (int i = 0; i != steps; ++i) {
            if (!step() && full % 3 == 0)
                shrink();
            if (below(40) == 0)
                reopen();
            if (below(20) == 0)
                check();
        }
        check();
        while (!model_.empty())
            remove(model_.begin()->first);
        check();
        // All comes back, once the disk is what it was.
        device_.set_capacity(capacity_);
        for (int i = 0; i != 4; ++i)
            db_->checkpoint();
        std::string const name = "new";
        db_->template create<Element>(name).append(numbers(500));
        db_->drop(name);
    }

private:
    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    values numbers(std::size_t n) {
        values v(n);
        int next = static_cast<int>(below(1000));
        for (Element& e : v)
            if constexpr (std::is_same_v<Element, int>)
                e = next++;
            else
                e.fill(next++);
        return v;
    }

    void open() { db_ = std::make_unique<database>(device_, options_); }

    /// True if there was room for it; if not, nothing has changed.
    template <class F>
    bool attempt(F&& f) {
        try {
            f();
            return true;
        } catch (ns::error const& e) {
            BOOST_TEST_REQUIRE(e.code() == ns::errc::no_space, e.what());
            return false;
        }
    }

    bool step() {
        model after = model_;
        std::string const name(1, static_cast<char>('a' + below(6)));
        std::size_t const n = below(8) == 0 ? 5000 : below(400);
        values const some = numbers(n);
        bool const done = attempt([&] {
            auto tx = db_->begin();
            auto a = tx.template open_or_create<Element>(name);
            values& m = after[name];
            std::size_t const at = below(m.size() + 1);
            if (below(4) == 0 && m.size() > 10) {
                values const other = numbers(m.size() / 3);
                a.write(ns::slice{.start = 0,
                                  .stop = static_cast<std::int64_t>(
                                      3 * other.size()),
                                  .step = 3},
                        other);
                for (std::size_t i = 0; i != other.size(); ++i)
                    m[3 * i] = other[i];
            }
            a.insert(at, some);
            m.insert(m.begin() + static_cast<std::ptrdiff_t>(at),
                     some.begin(), some.end());
            tx.commit();
        });
        if (done)
            model_ = std::move(after);
        else
            ++full;
        return done;
    }

    /// Erases a part, or drops an array: that goes on.
    void shrink() {
        if (model_.empty())
            return;
        auto i = model_.begin();
        std::advance(i, static_cast<std::ptrdiff_t>(below(model_.size())));
        if (below(3) == 0)
            return remove(std::string(i->first));
        values& m = i->second;
        std::size_t const n = m.size() / 2;
        std::size_t const at = below(m.size() - n + 1);
        if (attempt([&] {
                db_->template open<Element>(i->first).erase(at, n);
            }))
            m.erase(m.begin() + static_cast<std::ptrdiff_t>(at),
                    m.begin() + static_cast<std::ptrdiff_t>(at + n));
        else
            ++no_erase;
    }

    void remove(std::string const& name) {
        if (attempt([&] { db_->drop(name); }))
            model_.erase(name);
        else
            BOOST_FAIL("drop found no room");
    }

    void reopen() {
        if constexpr (Policies::logging::id == ns::no_log::id) {
            db_->close();
        } else if (below(2) == 0) {
            attempt([&] { db_->close(); });
        } else {
            db_.reset();
        }
        if (below(2) == 0) {
            std::error_code ec;
            device_.set_capacity(device_.size(ec));
        }
        device_ = device_.after_power_loss(power_loss::random(random_()));
        if (!attempt([&] { open(); })) {
            ++no_open;
            BOOST_FAIL("recovery found no room");
        }
        check();
    }

    void check() {
        model found;
        for (auto const& info : db_->list())
            found[info.name] =
                db_->template open<Element>(info.name).to_vector();
        BOOST_REQUIRE(found == model_);
        auto const report = db_->verify();
        for (auto const& p : report.problems)
            BOOST_TEST_MESSAGE(p.page << " " << p.array << ": " << p.what);
        BOOST_TEST_REQUIRE(report.ok());
    }

    std::mt19937_64 random_;
    std::uint64_t capacity_;
    simulated_storage device_;
    ns::options options_;
    std::unique_ptr<database> db_;
    model model_;
};

template <class Policies, class Element = int>
void fill_devices(std::uint64_t first, std::uint64_t last,
                 std::uint64_t step) {
    int full = 0;
    int no_erase = 0;
    unsigned seed = 0;
    for (std::uint64_t capacity = first; capacity <= last; capacity += step) {
        ++seed;
#ifdef NUMSTORE_TEST_THINNED
        if (seed % 3 != 0)
            continue;
#endif
        BOOST_TEST_CONTEXT("capacity " << capacity << ", seed " << seed) {
            full_disk<Policies, Element> disk(capacity, seed);
            disk.run(150);
            full += disk.full;
            no_erase += disk.no_erase;
        }
    }
    BOOST_TEST_MESSAGE(full << " times full, " << no_erase
                            << " times without room to erase");
    BOOST_TEST(full > 100);
    BOOST_TEST(no_erase == 0);
}

} // namespace

BOOST_AUTO_TEST_CASE(with_a_log) {
    fill_devices<logged>(200 << 10, 400 << 10, 5 << 10);
}
/// What is free is in pieces, and a leaf wants several pages in one.
BOOST_AUTO_TEST_CASE(with_leaves_of_several_pages) {
    fill_devices<logged, wide>(800 << 10, 1600 << 10, 40 << 10);
}
/// Nor may lists and log want more neighbouring pages than are left.
BOOST_AUTO_TEST_CASE(where_only_single_pages_are_free) {
    struct script {
        std::uint64_t capacity;
        unsigned seed;
    };
    for (script const& s :
         {script{409600, 16}, {409600, 21}, {327680, 20}, {389120, 21},
          {399360, 37}, {215040, 202}})
        BOOST_TEST_CONTEXT("capacity " << s.capacity << ", seed " << s.seed) {
            full_disk<logged>(s.capacity, s.seed).run(150);
        }
}
BOOST_AUTO_TEST_CASE(without_a_log) {
    fill_devices<unlogged>(200 << 10, 400 << 10, 5 << 10);
}
BOOST_AUTO_TEST_CASE(with_large_pages) {
    fill_devices<large_pages>(600 << 10, 1600 << 10, 50 << 10);
    fill_devices<larger_pages>(4 << 20, 6 << 20, 256 << 10);
}

/// A free run of nine pages holds one leaf of five, not nine fifths.
BOOST_AUTO_TEST_CASE(with_leaves_of_several_lengths) {
    using longer = std::array<std::int32_t, 9>;
    using shorter = std::array<std::int32_t, 5>;
    constexpr int arrays = 300;
    constexpr int leaves = 300;
    constexpr int in_leaf = 128;
    simulated_storage device(512);
    device.record(ns::testing::recording::off);
    ns::options const large{.cache_bytes = 1 << 24, .log_bytes = 1 << 24};
    ns::basic_database<logged> db(device, large);
    auto const name = [](int i) { return "a" + std::to_string(i); };
    auto a = db.create<shorter>("short");
    a.append(std::vector<shorter>(leaves * in_leaf));
    for (int i = 0; i != arrays; ++i) {
        db.create<longer>(name(i)).append(std::vector<longer>(120));
        if (i % 8 == 0)
            db.checkpoint();
    }
    std::error_code ec;
    device.set_capacity(device.size(ec));
    auto fill = db.create<int>("fill");
    BOOST_CHECK_THROW(
        for (;;) fill.append(std::vector<int>(1000, 1)), ns::error);
    for (int i = 0; i < arrays; i += 2)
        db.drop(name(i));
    for (int i = 0; i != 4; ++i)
        db.checkpoint();
    int committed = 0;
    try {
        for (; committed != leaves; ++committed)
            a.write(committed * in_leaf, std::vector<shorter>(1));
    } catch (ns::error const& e) {
        BOOST_TEST_REQUIRE(e.code() == ns::errc::no_space);
    }
    BOOST_TEST(committed > 100);
    auto other = device.after_power_loss(power_loss::keep_all());
    other.set_capacity(other.size(ec));
    BOOST_CHECK_NO_THROW(ns::basic_database<logged>(other, large));
    BOOST_CHECK_NO_THROW(db.checkpoint());
}

/// Pages in a block that is in use cannot be taken, free or not.
BOOST_AUTO_TEST_CASE(with_blocks_of_several_pages) {
    unsigned seed = 0;
    int full = 0;
    for (std::uint64_t capacity = 1200 << 10; capacity < 1500 << 10;
         capacity += 24 << 10)
        BOOST_TEST_CONTEXT("capacity " << capacity << ", seed " << seed) {
            full_disk<logged> disk(capacity, ++seed, 4096);
            disk.run(100);
            full += disk.full;
        }
    BOOST_TEST(full > 100);
}

/// Arrays that lived in the catalogue get leaves of their own: a commit of
/// many of them finds no room, or else the checkpoint and recovery do.
BOOST_AUTO_TEST_CASE(small_arrays_that_grow) {
    using values = std::vector<int>;
    int committed = 0;
    int refused = 0;
    for (std::uint64_t room = 4 << 10; room <= 400 << 10; room += 24 << 10)
        for (int arrays : {20, 40, 80})
            BOOST_TEST_CONTEXT("room " << room << ", arrays " << arrays) {
                auto const name = [](int i) { return "a" + std::to_string(i); };
                simulated_storage device(512);
                {
                    ns::basic_database<logged> db(device);
                    auto tx = db.begin();
                    for (int i = 0; i != arrays; ++i)
                        tx.create<wide>(name(i)).append(
                            std::vector<wide>(3));
                    tx.commit();
                    db.create<int>("large").append(values(5000));
                }
                std::error_code ec;
                device.set_capacity(device.size(ec) + room);
                ns::basic_database<logged> db(device);
                auto large = db.open<int>("large");
                try {
                    for (;;)
                        large.append(values(300));
                } catch (ns::error const& e) {
                    BOOST_TEST_REQUIRE(e.code() == ns::errc::no_space);
                }
                try {
                    large.erase(0, large.size() / 2);
                    auto tx = db.begin();
                    for (int i = 0; i != arrays; ++i)
                        tx.open<wide>(name(i)).resize(1000);
                    tx.commit();
                    ++committed;
                } catch (ns::error const& e) {
                    BOOST_TEST_REQUIRE(e.code() == ns::errc::no_space);
                    ++refused;
                    continue;
                }
                ns::basic_database<logged> again(
                    device.after_power_loss(power_loss::keep_all()));
                BOOST_TEST(again.open<wide>(name(0)).size() == 1000U);
                BOOST_CHECK_NO_THROW(db.checkpoint());
            }
    BOOST_TEST_MESSAGE(committed << " committed, " << refused << " refused");
}

namespace {

/// Changes of some arrays with large attributes, and of others, on a device
/// that is nearly full. What is committed can be written, also by recovery.
template <class Policies>
class large_attributes {
    using database = ns::basic_database<Policies>;
    static constexpr std::size_t page = Policies::page_size;

public:
    explicit large_attributes(std::uint64_t seed, std::size_t block = page)
        : random_(seed), device_(block) {
        device_.record(ns::testing::recording::off);
        db_.emplace(device_, large_);
        for (std::uint64_t i = 0; i != described_ + 8; ++i) {
            auto a = db_->template create<int>(name(i));
            a.append(std::vector<int>(300));
            if (i < described_)
                a.attributes().set(
                    "text", std::string(2 * page + below(118 * page), 'x'));
        }
        db_->checkpoint();
        std::error_code ec;
        device_.set_capacity(device_.size(ec) + below(250) * page);
    }

    int committed = 0;
    int refused = 0; ///< for want of space

    void run(int steps) {
        for (int i = 0; i != steps; ++i)
            try {
                step();
                ++committed;
            } catch (ns::error const& e) {
                BOOST_TEST_REQUIRE(e.code() == ns::errc::no_space, e.what());
                ++refused;
            }
        auto other = device_.after_power_loss(power_loss::keep_all());
        std::error_code ec;
        other.set_capacity(other.size(ec));
        BOOST_CHECK_NO_THROW(BOOST_TEST(database(other, large_).verify().ok()));
        BOOST_CHECK_NO_THROW(db_->checkpoint());
        BOOST_TEST(db_->verify().ok());
    }

private:
    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    static std::string name(std::uint64_t i) { return "a" + std::to_string(i); }

    void step() {
        auto a = db_->template open<int>(name(below(described_ + 8)));
        switch (below(8)) {
        case 0: a.append(std::vector<int>(below(20 * page))); break;
        case 1:
            a.attributes().set("more", std::string(below(10 * page), 'y'));
            break;
        default: a.write(below(300), std::vector<int>(1));
        }
    }

    ns::options large_{.cache_bytes = 1 << 24, .log_bytes = 1 << 24};
    std::mt19937_64 random_;
    std::uint64_t described_ = 2 + below(5);
    simulated_storage device_;
    std::optional<database> db_;
};

/// How often there was no room.
template <class Policies>
int change_described_arrays(std::size_t block) {
    int committed = 0;
    int refused = 0;
#ifdef NUMSTORE_TEST_THINNED
    constexpr std::uint64_t seeds = 10;
#else
    constexpr std::uint64_t seeds = 40;
#endif
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
        BOOST_TEST_CONTEXT("seed " << seed) {
            large_attributes<Policies> disk(seed, block);
            disk.run(40);
            committed += disk.committed;
            refused += disk.refused;
        }
    BOOST_TEST_MESSAGE(committed << " committed, " << refused << " refused");
    BOOST_TEST(committed > 20 * static_cast<int>(seeds));
    return refused;
}

} // namespace

BOOST_AUTO_TEST_CASE(with_large_attributes) {
    int const refused = change_described_arrays<logged>(512)
                        + change_described_arrays<logged>(4096)
                        + change_described_arrays<large_pages>(4096);
    BOOST_TEST(refused > 10);
}

/// What is refused takes nothing from the reserve, though the snapshot keeps
/// what checkpoints replace meanwhile; and with the snapshot all comes back.
BOOST_AUTO_TEST_CASE(refused_beside_a_snapshot) {
    using values = std::vector<int>;
    simulated_storage device(512);
    device.record(ns::testing::recording::off);
    ns::basic_database<logged> db(device);
    auto const name = [](int i) { return "a" + std::to_string(i); };
    constexpr int arrays = 10;
    for (int i = 0; i != arrays; ++i)
        db.create<int>(name(i)).append(values(3000, i));
    db.checkpoint();
    std::error_code ec;
    device.set_capacity(device.size(ec));
    auto a = db.open<int>(name(0));
    {
        auto const before = db.snapshot();
        int refused = 0;
        std::uint64_t settled = 0;
        for (int i = 0; i != 300; ++i) {
            try {
                a.append(values(1000, i));
            } catch (ns::error const& e) {
                BOOST_TEST_REQUIRE(e.code() == ns::errc::no_space);
                if (++refused == 10)
                    settled = db.stats().free_pages;
            }
        }
        BOOST_TEST(refused > 250);
        BOOST_TEST(db.stats().free_pages + 16 >= settled);
        BOOST_CHECK_NO_THROW(db.checkpoint());
        BOOST_CHECK_NO_THROW(db.drop(name(1)));
        BOOST_CHECK_NO_THROW(db.checkpoint());
        auto other = device.after_power_loss(power_loss::keep_all());
        other.set_capacity(other.size(ec));
        BOOST_CHECK_NO_THROW(ns::basic_database<logged>{other});
        BOOST_TEST((before.open<int>(name(1)).to_vector() == values(3000, 1)));
        BOOST_TEST(db.verify().ok());
        // Erasing takes of the reserve what the snapshot keeps.
        BOOST_CHECK_THROW(
            for (int i = 2; i != arrays; ++i)
                for (int n = 0; n != 200; ++n)
                    db.open<int>(name(i)).erase(7 * n, 1),
            ns::error);
    }
    BOOST_CHECK_NO_THROW(db.drop(name(2)));
    BOOST_CHECK_NO_THROW(db.checkpoint());
    BOOST_CHECK_NO_THROW(db.open<int>(name(3)).append(values(1000)));
}

BOOST_AUTO_TEST_SUITE_END()
