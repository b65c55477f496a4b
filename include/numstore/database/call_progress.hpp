// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/database/options.hpp>
#include <numstore/error.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace numstore::detail {

/// How far one call has come, told to options::progress every
/// `interval_bytes` of work and at the end. A call that has little to do is
/// not reported. `total` is in bytes of elements, or 0 where nobody knows it
/// before the end; what the work is measured in may be another number of
/// bytes, `work`, as leaves are where few elements of each are touched.
class call_progress {
public:
    static constexpr std::uint64_t interval_bytes = std::uint64_t{4} << 20;
    /// Less work than this is little.
    static constexpr std::uint64_t least_bytes = 2 * interval_bytes;

    /// Reports nothing.
    call_progress() = default;
    call_progress(progress_callback const& to, std::string_view what,
                  std::uint64_t total, std::uint64_t work)
        : to_(to && (total == 0 || work >= least_bytes) ? &to : nullptr),
          what_(what), total_(total), work_(work),
          next_(total == 0 ? least_bytes : interval_bytes) {}
    call_progress(progress_callback const& to, std::string_view what,
                  std::uint64_t total)
        : call_progress(to, what, total, total) {}

    bool is_reported() const noexcept { return to_ != nullptr; }
    /// The callback has ended the call.
    bool has_ended() const noexcept { return ended_; }

    /// The work begins, perhaps again: what was reported stays.
    void begin() noexcept { done_ = 0; }

    /// So much more of the work is done. Throws cancelled, and what the
    /// callback throws.
    void operator()(std::uint64_t bytes) {
        done_ += bytes;
        if (to_ == nullptr || done_ < next_)
            return;
        next_ = done_ + interval_bytes;
        if (total_ == 0)
            tell(done_, 0);
        else if (done_ < work_)
            tell(share(), total_);
    }

    /// All of it is. Where nobody knew the total, that is what was done.
    void finish() {
        if (to_ == nullptr)
            return;
        if (total_ != 0)
            tell(total_, total_);
        else if (told_)
            tell(done_, done_);
    }

private:
    std::uint64_t share() const noexcept {
        if (work_ == total_)
            return done_;
        double const part =
            static_cast<double>(done_) / static_cast<double>(work_);
        return std::min(total_, static_cast<std::uint64_t>(
                                    part * static_cast<double>(total_)));
    }

    void tell(std::uint64_t done, std::uint64_t total) {
        told_ = true;
        ended_ = true;
        if (!(*to_)({done, total, what_}))
            raise(errc::cancelled, std::string(what_) + ": cancelled at "
                                       + std::to_string(done));
        ended_ = false;
    }

    progress_callback const* to_ = nullptr;
    std::string_view what_{};
    std::uint64_t total_ = 0;
    std::uint64_t work_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t next_ = 0;
    bool told_ = false;
    bool ended_ = false;
};

} // namespace numstore::detail
