// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/error.hpp>
#include <numstore/fwd.hpp>
#include <numstore/storage/storage_device.hpp>
#include <numstore/testing/simulated_call.hpp>
#include <numstore/testing/simulated_content.hpp>
#include <numstore/testing/simulated_power_loss.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace numstore::testing {

/// A device for tests that remembers what it was asked to do, fails on demand
/// and loses power. It is a handle: copies are the same device, so that a test
/// keeps one while a database owns another. Thread-safe.
///
/// After a power loss the content is what was durable (all before the last
/// successful sync, and the ranges of later completed durable writes) plus
/// what `power_loss` takes of the rest.
class simulated_storage {
public:
    explicit simulated_storage(std::size_t block_size = 512)
        : simulated_storage(detail::simulated_content(block_size),
                            no_capacity_limit) {}

    std::size_t block_size() const noexcept { return device_->block_size; }
    std::string name() const { return "simulated"; }

    std::uint64_t size(std::error_code& ec) const noexcept {
        std::lock_guard const lock(device_->mutex);
        ec = device_->powered ? std::error_code() : power_is_off();
        return device_->content.size();
    }

    void read(std::uint64_t offset, std::span<std::byte> bytes,
              std::error_code& ec) const noexcept {
        call({0, call_kind::read, offset, bytes.size(), {}, {}}, ec,
             [&](device& d, call_record& c, fault const* f) {
                 if (!f && contains(d, c))
                     d.content.read(offset, bytes);
             });
    }

    void write(std::uint64_t offset, std::span<std::byte const> bytes,
               std::error_code& ec) noexcept {
        call({0, call_kind::write, offset, bytes.size(), {}, {}}, ec,
             [&](device& d, call_record& c, fault const* f) {
                 if (!contains(d, c))
                     return;
                 c.data = detail::share(bytes);
                 if (!f || f->cut_power)
                     d.content.write(offset, c.data);
                 else if (auto const part = bytes.first(std::min(
                              f->transferred.value_or(0), bytes.size()));
                          !part.empty())
                     d.content.write(offset, detail::share(part));
             });
    }

    void write_durable(std::uint64_t offset, std::span<std::byte const> bytes,
                       std::error_code& ec) noexcept {
        call({0, call_kind::write_durable, offset, bytes.size(), {}, {}}, ec,
             [&](device& d, call_record& c, fault const* f) {
                 if (!contains(d, c))
                     return;
                 c.data = detail::share(bytes);
                 if (!f)
                     d.content.write_durable(offset, c.data);
                 else if (f->cut_power)
                     d.content.write(offset, c.data);
                 else
                     d.content.write_lost(
                         offset, detail::share(bytes.first(std::min(
                                     f->transferred.value_or(bytes.size()),
                                     bytes.size()))));
             });
    }

    void sync(std::error_code& ec) noexcept {
        call({0, call_kind::sync, 0, 0, {}, {}}, ec,
             [](device& d, call_record&, fault const* f) {
                 if (!f)
                     d.content.sync();
                 else if (!f->cut_power)
                     d.content.fail_sync();
             });
    }

    void resize(std::uint64_t bytes, std::error_code& ec) noexcept {
        call({0, call_kind::resize, bytes, 0, {}, {}}, ec,
             [&](device& d, call_record& c, fault const* f) {
                 if (bytes > d.capacity && bytes > d.content.size())
                     c.error =
                         std::make_error_code(std::errc::no_space_on_device);
                 else if (!f || f->cut_power)
                     d.content.resize(bytes);
             });
    }

    // A `shared_device`: the handles that a database has are one reader.

    /// A handle for who opens the device for reading beside a writer.
    simulated_storage beside() const {
        simulated_storage handle = *this;
        handle.reader_ = std::make_shared<reader>(device_);
        return handle;
    }
    void read_from(std::uint64_t generation, std::error_code& ec) noexcept {
        std::lock_guard const lock(device_->mutex);
        ec.clear();
        if (reader_ != nullptr)
            *reader_->generation = generation;
    }
    std::uint64_t oldest_reader(std::error_code& ec) const noexcept {
        std::lock_guard const lock(device_->mutex);
        ec.clear();
        auto const& all = device_->readers;
        auto const least = std::min_element(all.begin(), all.end());
        return least == all.end() ? std::numeric_limits<std::uint64_t>::max()
                                  : *least;
    }

    /// What succeeded so far.
    call_counts counts() const {
        std::lock_guard const lock(device_->mutex);
        return device_->counts;
    }

    /// The sequence number of the last call that could change something.
    std::uint64_t mark() const {
        std::lock_guard const lock(device_->mutex);
        return device_->sequence;
    }

    /// The recorded calls after `mark`, in order.
    std::vector<call_record> calls_since(std::uint64_t mark = 0) const {
        std::lock_guard const lock(device_->mutex);
        auto const& all = device_->records;
        auto const first = std::partition_point(
            all.begin(), all.end(),
            [&](call_record const& c) { return c.sequence <= mark; });
        return {first, all.end()};
    }

    /// What is recorded from now on; the default is calls_and_data. Drops
    /// what was recorded before.
    void record(recording what) {
        std::lock_guard const lock(device_->mutex);
        device_->what = what;
        device_->records.clear();
    }

    /// Runs before each call, also reads, without a lock held: it may use the
    /// device. Must not throw. Set it while no other thread uses the device.
    void before_each_call(std::function<void(call_record const&)> hook) {
        device_->hook = std::move(hook);
    }

    /// Arms a fault; several may be armed, and each counts calls for itself.
    void inject(fault f) {
        std::lock_guard const lock(device_->mutex);
        device_->faults.push_back(f);
    }

    /// Disarms all faults. Power stays off if it is.
    void clear_faults() {
        std::lock_guard const lock(device_->mutex);
        device_->faults.clear();
    }

    /// Power goes during the `nth` call from now on that may change something.
    void cut_power_at(std::uint64_t nth) {
        inject({.nth = nth, .cut_power = true});
    }

    /// From now on every call fails.
    void cut_power() {
        std::lock_guard const lock(device_->mutex);
        device_->powered = false;
    }

    bool powered() const {
        std::lock_guard const lock(device_->mutex);
        return device_->powered;
    }

    /// A resize that grows past `bytes` fails: no space on device. Devices
    /// made from this one have the same limit.
    void set_capacity(std::uint64_t bytes) {
        std::lock_guard const lock(device_->mutex);
        device_->capacity = bytes;
    }

    /// What a power loss now could take or leave: see `power_loss`.
    std::size_t unsynced_units() const {
        std::lock_guard const lock(device_->mutex);
        return device_->content.unsynced_units();
    }

    /// A new device with what is left of this one, all of it durable.
    simulated_storage after_power_loss(power_loss loss) const {
        std::lock_guard const lock(device_->mutex);
        return {device_->content.after_power_loss(loss), device_->capacity};
    }

    /// A new device as another process would find this one, with power on:
    /// without what a failed sync or durable write lost. What is unsynced
    /// stays so.
    simulated_storage reopen() const {
        std::lock_guard const lock(device_->mutex);
        return {device_->content.reopened(), device_->capacity};
    }

    /// A new device with the same content, durable and not.
    simulated_storage clone() const {
        std::lock_guard const lock(device_->mutex);
        return {device_->content, device_->capacity};
    }

    /// Changes content behind the user's back, durably and unrecorded; bytes
    /// past the end are ignored.
    void corrupt(std::uint64_t offset, std::span<std::byte const> bytes) {
        std::lock_guard const lock(device_->mutex);
        auto& content = device_->content;
        if (offset >= content.size())
            return;
        auto const room = content.size() - offset;
        content.write_durable(
            offset, detail::share(bytes.first(static_cast<std::size_t>(
                        std::min<std::uint64_t>(room, bytes.size())))));
    }

private:
    static constexpr auto no_capacity_limit =
        std::numeric_limits<std::uint64_t>::max();

    struct device {
        device(detail::simulated_content bytes, std::uint64_t limit)
            : block_size(bytes.block_size()),
              content(std::move(bytes)),
              capacity(limit) {}

        std::size_t const block_size;
        std::function<void(call_record const&)> hook;
        std::mutex mutex; // guards all below
        detail::simulated_content content;
        std::uint64_t capacity;
        bool powered = true;
        std::vector<fault> faults;
        std::uint64_t sequence = 0;
        recording what = recording::calls_and_data;
        std::vector<call_record> records;
        call_counts counts;
        std::list<std::uint64_t> readers; ///< generations that they need
    };

    struct reader {
        explicit reader(std::shared_ptr<device> d) : of(std::move(d)) {
            std::lock_guard const lock(of->mutex);
            generation = of->readers.insert(of->readers.end(), 0);
        }
        reader(reader const&) = delete;
        reader& operator=(reader const&) = delete;
        ~reader() {
            std::lock_guard const lock(of->mutex);
            of->readers.erase(generation);
        }
        std::shared_ptr<device> of;
        std::list<std::uint64_t>::iterator generation;
    };

    simulated_storage(detail::simulated_content content, std::uint64_t capacity)
        : device_(std::make_shared<device>(std::move(content), capacity)) {}

    static std::error_code power_is_off() noexcept {
        return std::make_error_code(std::errc::io_error);
    }

    /// Runs one call: hook, power, faults, effect, record. `effect` gets the
    /// fault that hits the call, or null.
    template <class Effect>
    void call(call_record c, std::error_code& ec, Effect effect) const noexcept
        try {
        device& d = *device_;
        if (d.hook)
            d.hook(c);
        std::lock_guard const lock(d.mutex);
        ec = d.powered ? std::error_code() : power_is_off();
        if (ec)
            return;
        auto const hit = next_fault(d, c.kind);
        effect(d, c, hit ? &*hit : nullptr);
        if (hit) {
            c.error = hit->error;
            d.powered = !hit->cut_power;
        }
        ec = c.error;
        count(d.counts, c);
        keep(d, std::move(c));
    } catch (std::bad_alloc const&) {
        ec = std::make_error_code(std::errc::not_enough_memory);
    }

    static std::optional<fault> next_fault(device& d, call_kind kind) {
        std::optional<fault> hit;
        std::erase_if(d.faults, [&](fault& f) {
            if (!(f.kinds & mask(kind)))
                return false;
            if (f.nth > 1) {
                --f.nth;
                return false;
            }
            if (!hit || f.cut_power)
                hit = f;
            return !f.sticky;
        });
        return hit;
    }

    static bool contains(device const& d, call_record& c) {
        bool const inside = c.length <= d.content.size()
                            && c.offset <= d.content.size() - c.length;
        if (!inside)
            c.error = make_error_code(errc::io);
        return inside;
    }

    static void count(call_counts& counts, call_record const& c) noexcept {
        if (c.error) {
            ++counts.failed;
            return;
        }
        switch (c.kind) {
        case call_kind::read:
            ++counts.reads;
            counts.bytes_read += c.length;
            break;
        case call_kind::write:
            ++counts.writes;
            counts.bytes_written += c.length;
            break;
        case call_kind::write_durable:
            ++counts.durable_writes;
            counts.bytes_written += c.length;
            break;
        case call_kind::sync: ++counts.syncs; break;
        case call_kind::resize: ++counts.resizes; break;
        }
    }

    static void keep(device& d, call_record c) {
        if (c.kind == call_kind::read)
            return;
        c.sequence = ++d.sequence;
        if (d.what == recording::calls)
            c.data.reset();
        if (d.what != recording::off)
            d.records.push_back(std::move(c));
    }

    std::shared_ptr<device> device_;
    std::shared_ptr<reader> reader_;
};

static_assert(storage_device<simulated_storage>);
static_assert(shared_device<simulated_storage>);

/// Calls `check` with the device after each power loss that loses whole
/// blocks: all 2^n for n unsynced units. False, without a call, when there are
/// more than `most_units`.
template <class Check>
bool for_each_power_loss(simulated_storage const& device,
                         std::size_t most_units, Check check) {
    std::size_t const units = device.unsynced_units();
    if (units > std::min<std::size_t>(most_units, 62))
        return false;
    for (std::uint64_t set = 0; set < std::uint64_t{1} << units; ++set)
        check(device.after_power_loss(power_loss::only(set)));
    return true;
}

} // namespace numstore::testing
