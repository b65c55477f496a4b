// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numstore/pager/leaf_memory.hpp>
#include <numstore/types.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace numstore::detail {

/// Who may change a frame in place: the edit that made it. A transaction
/// takes a new token at each savepoint, so that what came before is copied.
/// The upper 40 bits number the transaction, the lower 24 its savepoints.
enum class edit_token : std::uint64_t {};

inline constexpr edit_token published_token{0};

constexpr std::uint64_t transaction_of(edit_token t) noexcept {
    return static_cast<std::uint64_t>(t) >> 24;
}

/// Bytes of tree nodes held in memory. Shared by all frames of a database,
/// and kept alive by it: counted, never freed before the last frame.
struct memory_account {
    /// Leaves of up to `full_leaf` bytes are many; so much memory of theirs
    /// is kept for later ones.
    explicit memory_account(std::size_t full_leaf = 0,
                            std::uint64_t kept = 0) noexcept
        : leaves(full_leaf, kept) {}

    leaf_memory leaves;
    std::atomic<std::uint64_t> leaf_bytes{0};
    std::atomic<std::uint64_t> inner_bytes{0};
    std::atomic<std::uint64_t> directory_bytes{0};
    /// Of leaves and inner nodes without a place, and what they take at most
    /// once they are written: small arrays end in the catalogue instead.
    std::atomic<std::uint64_t> unwritten_bytes{0};
    std::atomic<std::uint64_t> unwritten_pages{0};
    /// Of the largest entry that a keyed tree has had in memory, in a node of
    /// its own.
    std::atomic<std::uint64_t> largest_keyed{0};

    void note_keyed(std::uint64_t bytes) noexcept {
        std::uint64_t most = largest_keyed.load(std::memory_order_relaxed);
        while (most < bytes
               && !largest_keyed.compare_exchange_weak(
                   most, bytes, std::memory_order_relaxed)) {
        }
    }

    void note_unwritten(std::uint64_t bytes, std::uint64_t pages) noexcept {
        unwritten_bytes.fetch_add(bytes, std::memory_order_relaxed);
        unwritten_pages.fetch_add(pages, std::memory_order_relaxed);
    }
    void forget_unwritten(std::uint64_t bytes, std::uint64_t pages) noexcept {
        unwritten_bytes.fetch_sub(bytes, std::memory_order_relaxed);
        unwritten_pages.fetch_sub(pages, std::memory_order_relaxed);
    }
};

enum class frame_kind : std::uint8_t { leaf, inner, keyed };

/// A tree node in memory: reference counted, changed in place only by the
/// edit that owns it, never once published. A frame without a place has not
/// been written yet; whoever writes it sets place and checksum once.
class frame {
public:
    frame(frame_kind kind, edit_token owner) noexcept
        : kind_(kind), owner_(owner) {}
    frame(frame const&) = delete;
    frame& operator=(frame const&) = delete;
    virtual ~frame() = default;

    frame_kind kind() const noexcept { return kind_; }
    edit_token owner() const noexcept { return owner_; }

    /// Where the node is on disk, or `no_page`. Pairs with `set_written`.
    page_no place() const noexcept {
        return place_.load(std::memory_order_acquire);
    }
    /// Precondition: `place() != no_page`.
    std::uint64_t checksum() const noexcept { return checksum_; }

    /// The node now stands at `place`; called once, by whoever wrote it.
    virtual void set_written(page_no place, std::uint64_t checksum) noexcept {
        checksum_ = checksum;
        place_.store(place, std::memory_order_release); // pairs with place()
    }

    /// References from trees beyond the first, while the node has no place;
    /// later `page_shares` counts them. Guarded by who publishes.
    std::uint32_t shares() const noexcept { return shares_; }
    void set_shares(std::uint32_t n) noexcept { shares_ = n; }

    friend void intrusive_ptr_add_ref(frame const* f) noexcept {
        f->references_.fetch_add(1, std::memory_order_relaxed);
    }
    friend void intrusive_ptr_release(frame const* f) noexcept {
        // Pairs with itself: the last owner sees all changes before it frees.
        if (f->references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            const_cast<frame*>(f)->dispose();
    }

protected:
    /// Nobody refers to it any more.
    virtual void dispose() noexcept { delete this; }

private:
    mutable std::atomic<std::uint32_t> references_{0};
    frame_kind kind_;
    std::uint32_t shares_ = 0;
    edit_token owner_;
    std::uint64_t checksum_ = 0;
    std::atomic<page_no> place_{no_page};
};

using frame_ptr = boost::intrusive_ptr<frame>;

/// A leaf in memory: raw elements, in the same piece of memory, right behind
/// the frame, so that whoever has its address finds them without a look at
/// what is counted there. How many elements it holds stands in its parent.
class leaf_frame final : public frame {
public:
    static constexpr std::size_t alignment = leaf_memory::alignment;
    /// What stands in front of the elements.
    static constexpr std::size_t head = alignment;

    /// With room for `capacity` bytes, to be written to `pages` pages. Throws
    /// bad_alloc.
    static boost::intrusive_ptr<leaf_frame>
    make(edit_token owner, memory_account& account, std::size_t capacity,
         std::uint64_t pages) {
        std::size_t const size = head + capacity;
        void* place = account.leaves.take(
            size, account.leaf_bytes.load(std::memory_order_relaxed));
        bool const in_slab = place != nullptr;
        if (!in_slab)
            place = ::operator new(size, std::align_val_t{alignment});
        return boost::intrusive_ptr<leaf_frame>(::new (place) leaf_frame(
            owner, account, capacity, pages, in_slab));
    }
    ~leaf_frame() override {
        account_->leaf_bytes.fetch_sub(capacity_, std::memory_order_relaxed);
        if (place() == no_page)
            forget_unwritten();
    }
    void set_written(page_no place, std::uint64_t checksum) noexcept override {
        frame::set_written(place, checksum);
        forget_unwritten();
    }

    std::byte* data() noexcept {
        return reinterpret_cast<std::byte*>(this) + head;
    }
    std::byte const* data() const noexcept {
        return reinterpret_cast<std::byte const*>(this) + head;
    }
    std::size_t capacity() const noexcept { return capacity_; }

private:
    leaf_frame(edit_token owner, memory_account& account, std::size_t capacity,
               std::uint64_t pages, bool in_slab) noexcept
        : frame(frame_kind::leaf, owner), account_(&account),
          capacity_(static_cast<std::uint32_t>(capacity)),
          pages_(static_cast<std::uint32_t>(pages) & 0x7fffffff),
          in_slab_(in_slab) {
        static_assert(sizeof(leaf_frame) <= head);
        account_->leaf_bytes.fetch_add(capacity_, std::memory_order_relaxed);
        account_->note_unwritten(capacity_, pages_);
    }
    void forget_unwritten() noexcept {
        account_->forget_unwritten(capacity_, pages_);
    }
    void dispose() noexcept override {
        leaf_memory* const from = in_slab_ ? &account_->leaves : nullptr;
        this->~leaf_frame();
        if (from != nullptr)
            from->give_back(this);
        else
            ::operator delete(this, std::align_val_t{alignment});
    }

    memory_account* account_;
    std::uint32_t capacity_;
    std::uint32_t pages_ : 31;
    std::uint32_t in_slab_ : 1;
};

using leaf_ptr = boost::intrusive_ptr<leaf_frame>;

/// How a parent refers to a child: a frame in memory, a place on disk, both
/// (a frame that was read or written), or neither: a hole of zeros. A reader
/// may install the frame that it has read; nothing else changes a reference
/// in a published node.
class child_ref {
public:
    child_ref() noexcept = default;
    explicit child_ref(frame_ptr node) noexcept : node_(node.detach()) {}
    child_ref(page_no place, std::uint64_t checksum) noexcept
        : place_(place), checksum_(checksum) {}

    /// A leaf that is on disk is copied as its place alone, so that memory
    /// goes back once the node that it was written from is gone.
    child_ref(child_ref const& other) noexcept
        : place_(other.place_), checksum_(other.checksum_) {
        frame* const f = other.node();
        if (f == nullptr)
            return;
        if (f->kind() == frame_kind::leaf && f->place() != no_page) {
            place_ = f->place();
            checksum_ = f->checksum();
            return;
        }
        intrusive_ptr_add_ref(f);
        node_.store(f, std::memory_order_relaxed);
    }
    /// Single-threaded, as `swap`.
    child_ref(child_ref&& other) noexcept
        : node_(other.node_.load(std::memory_order_relaxed)),
          place_(std::exchange(other.place_, no_page)),
          checksum_(std::exchange(other.checksum_, 0)) {
        other.node_.store(nullptr, std::memory_order_relaxed);
    }
    child_ref& operator=(child_ref other) noexcept {
        swap(other);
        return *this;
    }
    ~child_ref() {
        if (frame* const f = node_.load(std::memory_order_relaxed))
            intrusive_ptr_release(f);
    }

    /// Single-threaded; for private nodes only.
    void swap(child_ref& other) noexcept {
        frame* const mine = node_.load(std::memory_order_relaxed);
        node_.store(other.node_.load(std::memory_order_relaxed),
                    std::memory_order_relaxed);
        other.node_.store(mine, std::memory_order_relaxed);
        std::swap(place_, other.place_);
        std::swap(checksum_, other.checksum_);
    }

    /// The frame in memory, or null. Pairs with `install`.
    frame* node() const noexcept {
        return node_.load(std::memory_order_acquire);
    }
    page_no place() const noexcept {
        frame const* const f = node();
        return f != nullptr ? f->place() : place_;
    }
    /// Precondition: `place() != no_page`.
    std::uint64_t checksum() const noexcept {
        frame const* const f = node();
        return f != nullptr ? f->checksum() : checksum_;
    }
    bool is_hole() const noexcept {
        return node() == nullptr && place_ == no_page;
    }

    /// Keeps `read`, a frame just read from this place, for later readers;
    /// gives the frame to use, which may be another thread's.
    frame* install(frame_ptr read) const noexcept {
        frame* expected = nullptr;
        if (node_.compare_exchange_strong(expected, read.get(),
                                          std::memory_order_acq_rel,
                                          std::memory_order_acquire))
            return read.detach();
        return expected;
    }

private:
    mutable std::atomic<frame*> node_{nullptr};
    page_no place_{no_page};
    std::uint64_t checksum_ = 0;
};

} // namespace numstore::detail
