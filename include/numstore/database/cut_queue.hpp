// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/version_chain.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>

namespace numstore::detail {

/// Versions that have a successor, in publishing order: freed once no reader
/// is older than the successor. Not thread-safe.
class cut_queue {
public:
    /// Makes sure that the next `n` pushes do not allocate.
    void prepare(std::size_t n) {
        if (spare_.size() < n)
            spare_.resize(n);
    }

    /// `newer` was published on top of others. `owner` keeps its chain.
    template <class T>
    void push(std::shared_ptr<void const> owner,
              typename version_chain<T>::node* newer) {
        prepare(1);
        spare_.front() = {newer->sequence, std::move(owner), newer,
                          [](void* n) noexcept {
                              version_chain<T>::cut(
                                  static_cast<
                                      typename version_chain<T>::node*>(n));
                          }};
        waiting_.splice(waiting_.end(), spare_, spare_.begin());
    }

    /// No reader is older than `oldest` any more.
    void cut(std::uint64_t oldest) noexcept {
        while (!waiting_.empty() && waiting_.front().sequence <= oldest) {
            item const& i = waiting_.front();
            i.cut(i.node);
            waiting_.pop_front();
        }
    }

    void clear() noexcept { waiting_.clear(); }

private:
    struct item {
        std::uint64_t sequence = 0;
        std::shared_ptr<void const> owner{};
        void* node = nullptr;
        void (*cut)(void*) noexcept = nullptr;
    };
    std::list<item> waiting_;
    std::list<item> spare_;
};

} // namespace numstore::detail
