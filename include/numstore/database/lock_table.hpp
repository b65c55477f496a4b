// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/policies.hpp>
#include <numstore/types.hpp>

#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace numstore::detail {

/// What a transaction locks: an array, a name whether there is such an array
/// or not, or all names. Names stand as hashes: two that share one lock only
/// wait for each other more often.
struct lock_key {
    enum class subject : std::uint8_t { all_names, name, array };

    static lock_key all_names() noexcept { return {subject::all_names, 0}; }
    static lock_key name(std::string_view n) noexcept {
        return {subject::name, XXH3_64bits(n.data(), n.size())};
    }
    static lock_key array(std::uint64_t id) noexcept {
        return {subject::array, id};
    }

    friend bool operator==(lock_key const&, lock_key const&) = default;

    struct hash {
        std::size_t operator()(lock_key const& k) const noexcept {
            return static_cast<std::size_t>(
                (k.number + static_cast<std::uint64_t>(k.what))
                * 0x9E3779B97F4A7C15u);
        }
    };

    subject what;
    std::uint64_t number;
};

/// The intents are for all names, by who locks single ones.
enum class lock_mode : std::uint8_t {
    intent_shared,
    intent_exclusive,
    shared,
    exclusive
};

struct lock_wish {
    lock_key key{lock_key::subject::all_names, 0};
    lock_mode mode = lock_mode::shared;
    bool is_set = false;
};

constexpr bool may_meet(lock_mode a, lock_mode b) noexcept {
    if (a == lock_mode::exclusive || b == lock_mode::exclusive)
        return false;
    return a == b || a == lock_mode::intent_shared
           || b == lock_mode::intent_shared;
}

/// The weakest mode that is as good as both.
constexpr lock_mode both(lock_mode a, lock_mode b) noexcept {
    if (a == b || b == lock_mode::intent_shared)
        return a;
    return a == lock_mode::intent_shared ? b : lock_mode::exclusive;
}

/// The locks of write transactions, held until they end. Who must wait does
/// so in order of arrival; who wants more of what it has goes first. A wait
/// that would never end is told at once. Thread-safe; its mutex is the last
/// in the order of locks.
template <class Policies>
class lock_table {
    using threading = typename Policies::threading;
    using mutex = typename threading::mutex;
    using thread_id = typename threading::thread_id;
    struct request;

public:
    /// A transaction, as the table knows it. Belongs to it, not to a thread;
    /// the thread that used it last is kept to tell a wait for oneself.
    class owner {
    public:
        owner() = default;
        owner(owner const&) = delete;
        owner& operator=(owner const&) = delete;

        /// By its own transaction.
        bool has_locks() const noexcept { return !held_.empty(); }

        /// By its own transaction: the lock that it got last, if this thread
        /// was the last to ask for one. Others may have ended it since.
        bool has_just_got(lock_key const& key, lock_mode mode) const noexcept {
            return newest_ == key && both(newest_mode_, mode) == newest_mode_
                   && thread_ == threading::this_thread();
        }

        /// What it was refused when it became the victim of a deadlock.
        lock_wish refused{};

    private:
        friend lock_table;
        std::vector<lock_key> held_;
        std::size_t names_ = 0;
        lock_key newest_{lock_key::subject::all_names, 0};
        lock_mode newest_mode_ = lock_mode::intent_shared;
        request* waiting_ = nullptr;
        thread_id thread_{};
        std::uint64_t search_ = 0; ///< that has met it
        bool ended_ = false;
        bool interrupted_ = false;
    };

    /// Above so many names a transaction locks all of them.
    static constexpr std::size_t most_names = 1000;

    /// A name, and what that needs of all names.
    void acquire_name(owner& o, std::string_view name, lock_mode mode,
                      std::chrono::milliseconds timeout);

    /// Waits at most `timeout`. True if that is a lock more than before; does
    /// nothing for an owner that has ended, or ends meanwhile. Throws
    /// deadlock; would_deadlock where the wait is, in the end, for what its
    /// own thread holds; timed_out; closed after `interrupt`.
    bool acquire(owner& o, lock_key key, lock_mode mode,
                 std::chrono::milliseconds timeout);

    /// All locks of a transaction go, and it gets no more.
    void release_all(owner& o) noexcept;

    /// It waits no more, but keeps what it has.
    void interrupt(owner& o) noexcept {
        std::scoped_lock lock(guard_);
        o.interrupted_ = true;
        if (o.waiting_ != nullptr)
            o.waiting_->ready.notify_one();
    }

    /// Locks held now.
    std::size_t size() const {
        std::scoped_lock lock(guard_);
        std::size_t n = 0;
        for (auto const& [key, r] : resources_)
            n += r.holders.size();
        return n;
    }

private:
    struct resource;

    struct holder {
        owner* by;
        lock_mode mode;
    };

    /// Lives on the stack of the thread that waits.
    struct request {
        owner* by;
        resource* at;
        lock_key key;
        lock_mode mode;
        bool upgrade; ///< holds a weaker lock already
        bool granted = false;
        typename threading::condition_variable ready{};
    };

    struct resource {
        std::vector<holder> holders;
        std::vector<request*> queue;

        bool unused() const noexcept {
            return holders.empty() && queue.empty();
        }
        holder* find(owner const& o) noexcept {
            auto const i = std::find_if(
                holders.begin(), holders.end(),
                [&](holder const& h) { return h.by == &o; });
            return i == holders.end() ? nullptr : &*i;
        }
        void drop(owner const& o) noexcept {
            std::erase_if(holders,
                          [&](holder const& h) { return h.by == &o; });
        }
        bool meets_holders(request const& q) const noexcept {
            return std::all_of(holders.begin(), holders.end(),
                               [&](holder const& h) {
                                   return h.by == q.by
                                          || may_meet(h.mode, q.mode);
                               });
        }
        bool may_grant(request const& q) const noexcept {
            return (queue.empty() || q.upgrade) && meets_holders(q);
        }
    };

    static void note_newest(owner& o, lock_key key, lock_mode mode) noexcept {
        o.newest_ = key;
        o.newest_mode_ = mode;
    }

    /// There is room for it already.
    void grant(request& q) noexcept {
        q.granted = true;
        if (q.by->waiting_ == &q)
            stop_waiting(q);
        if (holder* const h = q.at->find(*q.by)) {
            h->mode = q.mode;
            return;
        }
        q.at->holders.push_back({q.by, q.mode});
        q.by->held_.push_back(q.key);
    }

    void grant_waiting(resource& r) noexcept {
        while (!r.queue.empty() && r.meets_holders(*r.queue.front())) {
            request& q = *r.queue.front();
            r.queue.erase(r.queue.begin());
            grant(q);
            q.ready.notify_one();
        }
    }

    void enqueue(request& q) {
        reserve_more(waiting_, 1);
        auto& queue = q.at->queue;
        auto at = queue.end();
        if (q.upgrade)
            at = std::find_if(queue.begin(), queue.end(),
                              [](request* r) { return !r->upgrade; });
        queue.insert(at, &q);
        waiting_.push_back(q.by);
        q.by->waiting_ = &q;
    }

    /// It is not granted, and waits no more.
    void leave(request& q) noexcept {
        stop_waiting(q);
        std::erase(q.at->queue, &q);
        grant_waiting(*q.at);
        forget_if_unused(q.key);
    }

    void stop_waiting(request& q) noexcept {
        q.by->waiting_ = nullptr;
        std::erase(waiting_, q.by);
    }

    /// Memory for granting it, whoever does that.
    static void prepare(request const& q) {
        reserve_more(q.by->held_, 1);
        reserve_more(q.at->holders, q.at->queue.size() + 1);
    }

    void wait(std::unique_lock<mutex>& lock, request& q,
              std::chrono::milliseconds timeout) {
        q.ready.wait_for(lock, timeout, [&] {
            return q.granted || q.by->ended_ || q.by->interrupted_;
        });
        if (q.granted || q.by->ended_)
            return;
        leave(q);
        require_uninterrupted(*q.by);
        raise(errc::timed_out, "others have held the lock for "
                                   + std::to_string(timeout.count())
                                   + " ms");
    }

    static void require_uninterrupted(owner const& o) {
        if (o.interrupted_)
            raise(errc::closed, "the database is being closed");
    }

    void forget_if_unused(lock_key const& key) noexcept {
        if (auto const i = resources_.find(key); i->second.unused())
            resources_.erase(i);
    }

    // deadlocks

    /// Calls f(owner) for all that must go on before `q` can be granted.
    template <class F>
    static void each_blocker(request const& q, F&& f) {
        for (holder const& h : q.at->holders)
            if (h.by != q.by && !may_meet(h.mode, q.mode))
                f(*h.by);
        for (request const* const before : q.at->queue) {
            if (before == &q)
                return;
            f(*before->by);
        }
    }

    /// Follows who waits for whom, from a request in its queue on. A
    /// transaction that waits for nothing is held up all the same where its
    /// thread waits in another one.
    void require_end_of_wait(request const& first) {
        seen_.clear();
        ++searches_;
        auto const follow = [&](owner& o) {
            if (&o == first.by) {
                first.by->refused = {first.key, first.mode, true};
                raise(errc::deadlock,
                      "transactions wait for each other; this one has been "
                      "rolled back");
            }
            if (o.waiting_ == nullptr && o.thread_ == first.by->thread_)
                raise(errc::would_deadlock,
                      "an open transaction of this thread holds the lock that "
                      "this call would wait for; write through that "
                      "transaction");
            if (std::exchange(o.search_, searches_) != searches_)
                seen_.push_back(&o);
        };
        each_blocker(first, follow);
        for (std::size_t i = 0; i != seen_.size(); ++i) {
            owner const& o = *seen_[i];
            if (o.waiting_ != nullptr) {
                each_blocker(*o.waiting_, follow);
                continue;
            }
            for (owner* const w : waiting_)
                if (w->thread_ == o.thread_)
                    follow(*w);
        }
    }

    mutable mutex guard_;
    std::unordered_map<lock_key, resource, lock_key::hash> resources_;
    std::vector<owner*> waiting_;
    std::vector<owner*> seen_; ///< scratch space of the search
    std::uint64_t searches_ = 0;
};

template <class Policies>
bool lock_table<Policies>::acquire(owner& o, lock_key key, lock_mode mode,
                                   std::chrono::milliseconds timeout) {
    std::unique_lock lock(guard_);
    require_uninterrupted(o);
    if (o.ended_)
        return false;
    o.thread_ = threading::this_thread();
    resource& r = resources_[key];
    holder* const mine = r.find(o);
    if (mine != nullptr && both(mine->mode, mode) == mine->mode) {
        note_newest(o, key, mine->mode);
        return false;
    }
    request wanted{&o, &r, key,
                   mine == nullptr ? mode : both(mine->mode, mode),
                   mine != nullptr};
    try {
        prepare(wanted);
        if (r.may_grant(wanted)) {
            grant(wanted);
            note_newest(o, key, wanted.mode);
            return !wanted.upgrade;
        }
        enqueue(wanted);
    } catch (...) {
        forget_if_unused(key);
        throw;
    }
    try {
        require_end_of_wait(wanted);
    } catch (...) {
        leave(wanted);
        throw;
    }
    wait(lock, wanted, timeout);
    return wanted.granted && !wanted.upgrade;
}

template <class Policies>
void lock_table<Policies>::acquire_name(owner& o, std::string_view name,
    lock_mode mode, std::chrono::milliseconds timeout) {
    bool const many = o.names_ >= most_names;
    acquire(o, lock_key::all_names(),
            many                        ? mode
            : mode == lock_mode::shared ? lock_mode::intent_shared
                                        : lock_mode::intent_exclusive,
            timeout);
    if (many)
        return;
    if (acquire(o, lock_key::name(name), mode, timeout))
        ++o.names_;
}

template <class Policies>
void lock_table<Policies>::release_all(owner& o) noexcept {
    std::scoped_lock lock(guard_);
    o.ended_ = true;
    if (request* const r = o.waiting_) {
        leave(*r); // or it might be granted yet
        r->ready.notify_one();
    }
    for (lock_key const& key : o.held_) {
        auto const i = resources_.find(key);
        i->second.drop(o);
        grant_waiting(i->second);
        if (i->second.unused())
            resources_.erase(i);
    }
    o.held_.clear();
}

} // namespace numstore::detail
