// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace numstore::detail {

/// A `T` for each thread that asks, its own until it ends or has used many
/// other objects of this class; then another thread gets the same one. Those
/// who look at all of them need no lock. What a thread has of an object that
/// another one destroys goes as late. Thread-safe.
template <class T>
class thread_owned {
public:
    thread_owned() : all_(std::make_shared<list>()) {}
    thread_owned(thread_owned const&) = delete;
    thread_owned& operator=(thread_owned const&) = delete;
    ~thread_owned() {
        if (recent_.holds && !recent_.ended)
            of_thread().forget(id_);
    }

    /// Null where there is no memory, and while the thread ends. May be in use
    /// by the thread itself, further up. O(1) for who was the last to ask.
    T* of_this_thread() const noexcept {
        recent const& r = recent_;
        return r.list == id_ ? r.value : find();
    }

    template <class F>
    void each(F&& f) const {
        for (node const* n = all_->first.load(std::memory_order_acquire);
             n != nullptr; n = n->next)
            f(n->value);
    }

private:
    struct node {
        T value{};
        std::atomic<bool> taken{true};
        node* next = nullptr;
    };

    /// Outlives the object while a thread holds one of its nodes.
    struct list {
        std::atomic<node*> first{nullptr};

        list() = default;
        list(list const&) = delete;
        list& operator=(list const&) = delete;
        ~list() {
            for (node* n = first.load(std::memory_order_relaxed); n;)
                delete std::exchange(n, n->next);
        }

        /// Throws bad_alloc.
        node* take() {
            for (node* n = first.load(std::memory_order_acquire); n;
                 n = n->next)
                if (!n->taken.exchange(true, std::memory_order_acquire))
                    return n;
            node* const fresh = new node;
            fresh->next = first.load(std::memory_order_relaxed);
            while (!first.compare_exchange_weak(fresh->next, fresh,
                                                std::memory_order_seq_cst)) {
            }
            return fresh;
        }
    };

    /// What a thread holds, the list that it asked last in front.
    struct holdings {
        static constexpr std::size_t most = 8;
        struct holding {
            std::uint64_t id = 0;
            std::shared_ptr<list> from{};
            node* held = nullptr;
        };
        std::array<holding, most> all;

        holdings() = default;
        holdings(holdings const&) = delete;
        holdings& operator=(holdings const&) = delete;
        ~holdings() {
            recent_ = {0, nullptr, true, true};
            for (holding& h : all)
                let_go(h);
        }

        static void let_go(holding& h) noexcept {
            if (h.held != nullptr)
                h.held->taken.store(false, std::memory_order_release);
            h = {};
        }

        void forget(std::uint64_t id) noexcept {
            if (recent_.list == id)
                recent_ = {0, nullptr, true, false};
            for (holding& h : all)
                if (h.id == id)
                    let_go(h);
        }

        /// The oldest goes. Throws bad_alloc.
        T& of(std::uint64_t id, std::shared_ptr<list> const& from) {
            std::size_t i = 0;
            while (i + 1 != most && all[i].id != id)
                ++i;
            if (all[i].id != id) {
                let_go(all[i]);
                all[i] = {id, from, from->take()};
            }
            for (; i != 0; --i)
                std::swap(all[i], all[i - 1]);
            return all[0].held->value;
        }
    };

    /// Beside `holdings`, for it is found without looking whether it has been
    /// made yet.
    struct recent {
        std::uint64_t list = 0;
        T* value = nullptr;
        bool holds = false; ///< something, or did
        bool ended = false;
    };
    static inline thread_local constinit recent recent_{};

    static holdings& of_thread() noexcept {
        static thread_local holdings mine;
        return mine;
    }

    T* find() const noexcept {
        if (recent_.ended)
            return nullptr;
        try {
            T& value = of_thread().of(id_, all_);
            recent_ = {id_, &value, true, false};
            return &value;
        } catch (std::bad_alloc const&) {
            return nullptr;
        }
    }

    static std::uint64_t next_id() noexcept {
        static std::atomic<std::uint64_t> next{1};
        return next.fetch_add(1, std::memory_order_relaxed);
    }

    std::shared_ptr<list> all_;
    std::uint64_t const id_ = next_id();
};

} // namespace numstore::detail
