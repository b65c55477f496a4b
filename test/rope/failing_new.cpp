// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "failing_new.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

// In a file of its own: where compilers can see into these, they take the
// pairs for a mistake.

thread_local long rope_test::allocations_left = -1;
thread_local bool rope_test::allocations_stay_out = false;
thread_local long rope_test::allocations_alive = 0;

namespace {

void* allocate(std::size_t n, std::size_t alignment) noexcept {
    if (rope_test::allocations_left >= 0 && rope_test::allocations_spared == 0
        && rope_test::allocations_left-- == 0) {
        if (rope_test::allocations_stay_out)
            rope_test::allocations_left = 0;
        return nullptr;
    }
    ++rope_test::allocations_alive;
    std::size_t const size = n == 0 ? 1 : n;
    return alignment <= alignof(std::max_align_t)
               ? std::malloc(size)
               : std::aligned_alloc(alignment, (size + alignment - 1)
                                                   / alignment * alignment);
}

void release(void* p) noexcept {
    rope_test::allocations_alive -= p != nullptr ? 1 : 0;
    std::free(p);
}

void* allocate_or_throw(std::size_t n, std::size_t alignment) {
    if (void* const p = allocate(n, alignment))
        return p;
    throw std::bad_alloc();
}

} // namespace

void* operator new(std::size_t n) { return allocate_or_throw(n, 1); }
void* operator new[](std::size_t n) { return allocate_or_throw(n, 1); }
void* operator new(std::size_t n, std::align_val_t a) {
    return allocate_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
    return allocate_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, std::nothrow_t const&) noexcept {
    return allocate(n, 1);
}
void* operator new[](std::size_t n, std::nothrow_t const&) noexcept {
    return allocate(n, 1);
}
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
    release(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
    release(p);
}
