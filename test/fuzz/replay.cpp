// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <vector>

// Runs the inputs in files and folders through a fuzz target, without
// libFuzzer.

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data,
                                      std::size_t size);

// Nothing that a small file says makes the library ask for so much at once.
// Sanitizers have allocation functions of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
void* operator new(std::size_t n) {
    if (n > std::size_t{64} << 20) {
        std::fprintf(stderr, "%zu bytes at once\n", n);
        std::abort();
    }
    if (void* const p = std::malloc(n == 0 ? 1 : n))
        return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

namespace {

std::vector<std::filesystem::path> inputs(int argc, char** argv) {
    std::vector<std::filesystem::path> all;
    for (int i = 1; i < argc; ++i) {
        if (!std::filesystem::is_directory(argv[i])) {
            all.emplace_back(argv[i]);
            continue;
        }
        for (auto const& e : std::filesystem::directory_iterator(argv[i]))
            all.push_back(e.path());
    }
    std::sort(all.begin(), all.end());
    return all;
}

} // namespace

int main(int argc, char** argv) {
    auto const all = inputs(argc, argv);
    for (auto const& path : all) {
        std::ifstream in(path, std::ios::binary);
        std::string const bytes(std::istreambuf_iterator<char>(in), {});
        // Said before, so that who fails is known.
        if (all.size() == 1)
            std::printf("%s\n", path.c_str());
        LLVMFuzzerTestOneInput(
            reinterpret_cast<std::uint8_t const*>(bytes.data()),
            bytes.size());
    }
    std::printf("%zu inputs\n", all.size());
    return all.empty() ? EXIT_FAILURE : EXIT_SUCCESS;
}
