// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/version_chain.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

namespace numstore::detail {

/// Versions that have a successor, in publishing order: freed once no reader
/// is older than the successor. Not thread-safe.
class cut_queue {
public:
    /// `newer` was published on top of others. `owner` keeps its chain.
    template <class T>
    void push(std::shared_ptr<void const> owner,
              typename version_chain<T>::node* newer) {
        waiting_.push_back({newer->sequence, std::move(owner), newer,
                            [](void* n) noexcept {
                                version_chain<T>::cut(
                                    static_cast<typename version_chain<
                                        T>::node*>(n));
                            }});
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
        std::uint64_t sequence;
        std::shared_ptr<void const> owner;
        void* node;
        void (*cut)(void*) noexcept;
    };
    std::deque<item> waiting_;
};

} // namespace numstore::detail
