// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "world.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// What the threads of a world do.
namespace concurrency {

/// f(), until it is not told that it was in the way of another transaction.
template <class F>
void retrying(world& w, F&& f) {
    for (int left = 1000; left != 0; --left) {
        try {
            return f();
        } catch (ns::error const& e) {
            if (e.code() == ns::errc::deadlock)
                ++w.deadlocks;
            else if (e.code() == ns::errc::timed_out)
                ++w.timeouts;
            else
                throw;
        }
    }
    w.require(false, "a transaction is told to try again for ever");
}

/// Takes an element out of the round and puts it in elsewhere.
inline void relink(array ring, random_source& choose) {
    auto const next = [&](std::size_t i) {
        return static_cast<std::size_t>(number(ring[i]));
    };
    std::size_t const before = choose.below(ring_size);
    std::size_t const moved = next(before);
    std::size_t const after = next(moved);
    ring.set(before, number(after));
    std::size_t place = choose.below(ring_size);
    place = place == moved ? after : place;
    std::size_t const behind = next(place);
    ring.scatter(std::vector{moved, place},
                 values{number(behind), number(moved)});
}

/// An amount, or elements, from one account to another.
inline void move_money(array from, array to, random_source& choose) {
    if (from.size() < 20 || to.size() < 20)
        return;
    auto const at = choose.below(from.size() - 10);
    if (choose.percent(60)) {
        auto const amount = static_cast<number>(choose.below(50));
        from.set(at, from[at] - amount);
        auto const there = choose.below(to.size());
        to.set(there, to[there] + amount);
        return;
    }
    auto const moved = from.extract(
        ns::slice{.start = static_cast<number>(at),
                  .stop = static_cast<number>(at + 1 + choose.below(9)),
                  .step = static_cast<number>(1 + choose.below(2))});
    to.insert(choose.below(to.size() + 1), moved);
}

/// Writes of writer `i`, in transactions that each keep all that must hold.
/// They take the accounts in any order.
class writer {
public:
    writer(world& w, std::size_t i, std::uint64_t seed)
        : w_(&w), i_(i), choose_(seed * 31 + i) {}

    void run(int commits) {
        number const last = w_->writers[i_].acknowledged + commits;
        while (w_->writers[i_].acknowledged != last)
            retrying(*w_, [&] { once(); });
    }

private:
    void once() {
        progress& mine = w_->writers[i_];
        transaction tx = w_->db.begin();
        move(tx);
        if (choose_.percent(30))
            undo_some(tx);
        if (choose_.percent(40))
            relink(tx.open<number>("ring"), choose_);
        number const k = mine.acknowledged + 1;
        own_edit(k, tx.open<number>(own(i_)));
        tx.open<number>("commits").set(i_, k);
        if (choose_.percent(10))
            return tx.rollback();
        mine.attempted = k;
        tx.commit();
        mine.acknowledged = k;
        see_it();
    }

    void move(transaction& tx) {
        auto const a = choose_.below(accounts);
        auto const b = (a + 1 + choose_.below(accounts - 1)) % accounts;
        move_money(tx.open<number>(account(a)), tx.open<number>(account(b)),
                   choose_);
    }

    void undo_some(transaction& tx) {
        auto const mark = tx.savepoint();
        auto ring = tx.open<number>("ring");
        ring.erase(choose_.below(ring_size / 2), ring_size / 2);
        move(tx);
        tx.rollback_to(mark);
    }

    /// What was acknowledged is seen by a plain read.
    void see_it() {
        auto const k = w_->db.open<number>("commits").to_vector()[i_];
        w_->require(k == w_->writers[i_].acknowledged,
                    "writer " + std::to_string(i_) + " does not see commit "
                        + std::to_string(w_->writers[i_].acknowledged) + " but "
                        + std::to_string(k));
    }

    world* w_;
    std::size_t i_;
    random_source choose_;
};

/// All bytes that a snapshot shows.
inline std::uint64_t hash_of(snapshot const& s) {
    std::uint64_t hash = 0;
    for (auto const& a : s.list()) {
        auto const v = s.open<number>(a.name).to_vector();
        hash = hash * 31 + ns::xxh3_64::of(std::as_bytes(std::span(a.name)))
               + ns::xxh3_64::of(std::as_bytes(std::span(v)));
    }
    return hash;
}

/// Opens snapshots, keeps them for a while, and looks at them again.
inline void read_snapshots(world& w, int times) {
    for (int n = 0; n != times; ++n) {
        snapshot const s = w.db.snapshot();
        w.show(s.open<number>("commits").to_vector());
        auto const before = hash_of(s);
        w.check(s, "snapshot");
        for (int wait = 0; wait != 3; ++wait)
            scheduled_threading::yield();
        w.require(hash_of(s) == before, "a snapshot has changed");
    }
}

/// Opens the device again and again as another process would, looks at all of
/// it, and after a while once more.
inline void read_beside(world& w, int times) {
    for (int n = 0; n != times; ++n) {
        auto const least = w.writers;
        database other(w.device.beside(),
                       {.mode = ns::open_mode::read_only,
                        .beside_writer = true});
        auto const commits = other.open<number>("commits").to_vector();
        for (std::size_t i = 0; i != most_writers; ++i)
            w.require(commits[i] >= least[i].acknowledged
                          && commits[i] <= w.writers[i].attempted,
                      "another process sees another commit than it may");
        auto const before = hash_of(other.snapshot());
        w.check(other, "another process");
        for (int wait = 0; wait != 20; ++wait)
            scheduled_threading::yield();
        w.require(hash_of(other.snapshot()) == before,
                  "what another process reads has changed");
    }
}

/// f(), unless the snapshot has been revoked. False then.
template <class F>
bool unless_expired(F&& f) {
    try {
        f();
        return true;
    } catch (ns::error const& e) {
        if (e.code() != ns::errc::snapshot_expired)
            throw;
        return false;
    }
}

/// Snapshots that may be revoked: each read is right or refused, and from
/// then on all are; what was made from one before stays.
inline void read_while_not_revoked(world& w, int times) {
    for (int n = 0; n != times; ++n) {
        snapshot const s = w.db.snapshot();
        std::vector<ns::array_view<number, ns::every<1>, policies>> views;
        values before;
        bool expired = !unless_expired([&] {
            auto const ring = s.open<number>("ring");
            before = ring.to_vector();
            w.require(is_ring(before), "a snapshot of half a ring");
            views.push_back(ring.view());
        });
        for (int look = 0; look != 6; ++look) {
            scheduled_threading::yield();
            bool const now = !unless_expired([&] {
                auto const again = s.open<number>("ring").to_vector();
                w.require(before.empty() || again == before,
                          "a snapshot has changed");
            });
            w.require(now || !expired, "a revoked snapshot comes back");
            expired = now;
        }
        w.revoked += expired;
        for (auto const& v : views)
            w.require(v.to_vector() == before,
                      "a view of a snapshot has changed");
    }
}

/// Plain reads: each sees one version, none older than the one before, nor
/// than what was acknowledged.
inline void read_plainly(world& w, int times) {
    auto const ring = w.db.open<number>("ring");
    auto const commits = w.db.open<number>("commits");
    values last(most_writers, 0);
    for (int n = 0; n != times; ++n) {
        auto const least = w.writers;
        auto const now = commits.to_vector();
        w.show(now);
        for (std::size_t i = 0; i != most_writers; ++i)
            w.require(now[i] >= last[i] && now[i] >= least[i].acknowledged,
                      "a plain read goes back");
        last = now;
        w.require(is_ring(ring.to_vector()), "a plain read of half a ring");
        auto const view = ring.view();
        values const seen(view.begin(), view.end());
        w.require(is_ring(seen), "a view of half a ring");
        values runs;
        for (auto const run : ring.chunks()) {
            scheduled_threading::yield();
            runs.insert(runs.end(), run.begin(), run.end());
        }
        w.require(is_ring(runs), "chunks of half a ring");
    }
}

inline void copy_ring(world& w) {
    transaction tx = w.db.begin();
    if (tx.contains("other"))
        tx.drop("other");
    tx.clone("ring", "twin");
    tx.rename("twin", "other");
    tx.commit();
    w.require(is_ring(w.db.open<number>("other").to_vector()),
              "a clone of half a ring");
}

/// Checkpoints, compaction, clones, drops and renames beside.
inline void look_after(world& w, std::uint64_t seed, int times) {
    random_source choose(seed);
    for (int n = 0; n != times; ++n)
        retrying(w, [&] {
            switch (choose.below(5)) {
            case 0:
            case 1: return w.db.checkpoint();
            case 2: return w.db.compact();
            case 3: return copy_ring(w);
            default:
                if (w.db.contains("other"))
                    w.db.drop("other");
            }
        });
}

/// Many short readings of what is committed and written out all the time.
inline void glance(world& w, int times) {
    auto const commits = w.db.open<number>("commits");
    number last = 0;
    for (int n = 0; n != times; ++n) {
        auto const least = w.writers[0].acknowledged;
        snapshot const s = w.db.snapshot();
        auto const then = commits.in(s);
        number const k = then[0];
        w.require(k >= last && k >= least && k <= w.writers[0].attempted,
                  "a reading shows another commit than it may");
        last = std::max(k, number(commits[0]));
        w.require(then[0] == k, "a snapshot goes on to another version");
    }
}

inline void commit_and_write_out(world& w, int times) {
    for (int n = 1; n <= times; ++n)
        retrying(w, [&] {
            w.writers[0].attempted = n;
            w.db.open<number>("commits").set(0, n);
            w.writers[0].acknowledged = n;
            w.db.checkpoint();
        });
}

/// Commits that fill the log, and everything written out, so that its
/// segments come to be used again.
inline void fill_the_log(world& w, int times) {
    for (int n = 1; n <= times; ++n) {
        w.db.transact([&](transaction& tx) {
            w.writers[0].attempted = n;
            tx.open<number>("own 0").assign(values(110, n));
            tx.open<number>("commits").set(0, n);
        });
        w.writers[0].acknowledged = n;
        if (n % 5 == 0)
            w.db.checkpoint();
    }
}

/// What another process sees that opens the device.
inline void glance_beside(world& w, int times) {
    for (int n = 0; n != times; ++n) {
        auto const least = w.writers[0].acknowledged;
        database other(w.device.beside(),
                       {.mode = ns::open_mode::read_only,
                        .beside_writer = true});
        number const k = other.open<number>("commits")[0];
        w.require(k == 0
                      || other.open<number>("own 0").to_vector()
                             == values(110, k),
                  "another process sees half of a commit");
        w.require(k >= least && k <= w.writers[0].attempted,
                  "another process sees another commit than it may");
    }
}

/// Who takes part.
struct cast {
    std::size_t writers = 2;
    int commits = 4;
    int snapshots = 0;
    int revocable = 0;
    int plain_reads = 0;
    int chores = 0;
    int readers_beside = 0;
};

/// What goes wrong after power has gone is no fault; it ends the thread.
template <class F>
void while_powered(world& w, F&& f) {
    try {
        f();
    } catch (ns::error const& e) {
        w.require(!w.device.powered(), e.what());
    }
}

inline schedule_trace play(world& w, std::uint64_t seed, cast const& c) {
    schedule s(schedule_options::varied(seed));
    auto const add = [&](std::string name, auto work) {
        s.spawn(std::move(name), [&w, work] { while_powered(w, work); });
    };
    for (std::size_t i = 0; i != c.writers; ++i)
        add("writer " + std::to_string(i),
            [&w, &c, i, seed] { writer(w, i, seed).run(c.commits); });
    if (c.snapshots != 0)
        add("snapshots", [&w, &c] { read_snapshots(w, c.snapshots); });
    for (int i = 0; c.revocable != 0 && i != 2; ++i)
        add("revocable snapshots",
            [&w, &c] { read_while_not_revoked(w, c.revocable); });
    if (c.plain_reads != 0)
        add("plain reads", [&w, &c] { read_plainly(w, c.plain_reads); });
    if (c.readers_beside != 0)
        add("reading beside",
            [&w, &c] { read_beside(w, c.readers_beside); });
    if (c.chores != 0)
        add("chores", [&w, &c, seed] { look_after(w, seed, c.chores); });
    return s.run();
}

} // namespace concurrency
