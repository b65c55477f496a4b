// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/storage/storage_device.hpp>
#include <numstore/testing/simulated_storage.hpp>
#include <numstore/types.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>
#include <vector>

namespace numstore::testing {

/// A simulated device that notes which syncs are begun early, or fails there.
class eager_storage : public simulated_storage {
public:
    struct range {
        std::uint64_t offset;
        std::uint64_t length;
        friend bool operator==(range const&, range const&) = default;
    };

    using simulated_storage::simulated_storage;

    void start_sync(std::uint64_t offset, std::size_t length,
                    std::error_code& ec) noexcept {
        ec = plan_->error;
        plan_->started.push_back({offset, length});
    }

    std::vector<range> const& started() const { return plan_->started; }
    void fail_start_sync(std::error_code const& with) { plan_->error = with; }

private:
    struct plan {
        std::vector<range> started{};
        std::error_code error{};
    };
    std::shared_ptr<plan> plan_ = std::make_shared<plan>();
};

static_assert(eager_device<eager_storage>);

} // namespace numstore::testing
