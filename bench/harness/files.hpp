// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../peers/store.hpp"
#include "child.hpp"
#include "data.hpp"
#include "options.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

namespace bench {

inline void empty_folder(std::string const& path) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
}

/// What is still to be written back would be paid for by whoever syncs next.
inline void write_back(std::string const& folder) {
    int const fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
    check_errno(fd >= 0, "open");
    int const result = ::syncfs(fd);
    ::close(fd);
    check_errno(result == 0, "syncfs");
}

/// From now on its reads come from the device.
inline void forget(std::string const& folder) {
    for (auto const& entry :
         std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file())
            continue;
        int const fd = ::open(entry.path().c_str(), O_RDONLY);
        check_errno(fd >= 0, "open");
        ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        ::close(fd);
    }
}

inline store_setup setup_in(options const& o, std::string const& folder,
                            bool fresh) {
    return {folder, fresh, o.elements(), o.log_bytes, o.cache_bytes};
}

/// The array of a peer in a folder that stays: written at the first call.
/// Empty if the peer cannot.
inline std::string stored_array(options const& o, peer const& p,
                                std::string const& kind = "") {
    std::string const folder = o.folder + "/" + p.name + kind;
    if (std::filesystem::exists(folder))
        return folder;
    empty_folder(folder);
    auto const done = in_child(("filling " + p.name).c_str(), [&] {
        auto const s = p.open(setup_in(o, folder, true));
        auto const piece = some_elements(piece_elements, 1);
        s->begin();
        for (std::uint64_t i = 0; i < o.elements(); i += piece.size())
            s->append(piece);
        s->commit();
        s->settle();
        return true;
    });
    write_back(o.folder);
    return done ? folder : "";
}

/// A copy that may be changed, in place of the last one.
inline std::string copied_array(options const& o, std::string const& stored) {
    std::string const folder = o.folder + "/copy";
    std::filesystem::remove_all(folder);
    std::filesystem::copy(stored, folder,
                          std::filesystem::copy_options::recursive);
    write_back(o.folder);
    return folder;
}

} // namespace bench
