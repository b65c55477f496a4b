// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(NUMSTORE_BENCH_HDF5)

#include "store.hpp"

#include <hdf5.h>

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bench {

/// A chunked dataset of one dimension that can grow, 64 KiB a chunk. Durable
/// by a flush and fdatasync; not atomic. It cannot insert.
class hdf5_dataset final : public store {
public:
    explicit hdf5_dataset(store_setup const& s) {
        hid_t const access = good(::H5Pcreate(H5P_FILE_ACCESS));
        good(::H5Pset_cache(access, 0, 100003, s.cache_bytes, 0.75));
        std::string const path = s.path + "/array.h5";
        if (s.fresh) {
            file_ = good(::H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT,
                                     access));
            make();
        } else {
            file_ = good(::H5Fopen(path.c_str(), H5F_ACC_RDWR, access));
            set_ = good(::H5Dopen2(file_, "array", H5P_DEFAULT));
        }
        ::H5Pclose(access);
        hid_t const space = good(::H5Dget_space(set_));
        ::H5Sget_simple_extent_dims(space, &size_, nullptr);
        ::H5Sclose(space);
    }
    ~hdf5_dataset() override {
        ::H5Dclose(set_);
        ::H5Fclose(file_);
    }

    void begin() override { open_ = true; }
    void commit() override {
        open_ = false;
        changed();
    }
    void append(std::span<float const> v) override {
        hsize_t const from = size_;
        size_ += v.size();
        good(::H5Dset_extent(set_, &size_));
        write(from, v);
    }
    void write(std::uint64_t at, std::span<float const> v) override {
        selection const s(set_, at, v.size());
        good(::H5Dwrite(set_, H5T_NATIVE_FLOAT, s.memory, s.file, H5P_DEFAULT,
                        v.data()));
        changed();
    }

    void read(std::uint64_t at, std::span<float> out) override {
        selection const s(set_, at, out.size());
        good(::H5Dread(set_, H5T_NATIVE_FLOAT, s.memory, s.file, H5P_DEFAULT,
                       out.data()));
    }
    double read_each(std::span<std::uint64_t const> places,
                     std::span<float> block) override {
        double sum = 0;
        for (std::uint64_t const at : places) {
            read(at, block);
            sum += static_cast<double>(block[0]);
        }
        return sum;
    }
    double elements(std::span<std::uint64_t const> places) override {
        float v = 0;
        return read_each(places, {&v, 1});
    }
    std::uint64_t size() override { return size_; }

private:
    template <class Code>
    static Code good(Code code) {
        check(code >= 0, "a call of HDF5");
        return code;
    }

    struct selection {
        selection(hid_t set, hsize_t at, hsize_t n)
            : memory(good(::H5Screate_simple(1, &n, nullptr))),
              file(good(::H5Dget_space(set))) {
            good(::H5Sselect_hyperslab(file, H5S_SELECT_SET, &at, nullptr, &n,
                                       nullptr));
        }
        selection(selection const&) = delete;
        selection& operator=(selection const&) = delete;
        ~selection() {
            ::H5Sclose(memory);
            ::H5Sclose(file);
        }
        hid_t memory;
        hid_t file;
    };

    void make() {
        hsize_t const none = 0;
        hsize_t const most = H5S_UNLIMITED;
        hsize_t const chunk = 16384;
        hid_t const space = good(::H5Screate_simple(1, &none, &most));
        hid_t const layout = good(::H5Pcreate(H5P_DATASET_CREATE));
        good(::H5Pset_chunk(layout, 1, &chunk));
        set_ = good(::H5Dcreate2(file_, "array", H5T_NATIVE_FLOAT, space,
                                 H5P_DEFAULT, layout, H5P_DEFAULT));
        ::H5Pclose(layout);
        ::H5Sclose(space);
    }
    void changed() {
        if (open_)
            return;
        good(::H5Fflush(file_, H5F_SCOPE_LOCAL));
        void* handle = nullptr;
        good(::H5Fget_vfd_handle(file_, H5P_DEFAULT, &handle));
        check_errno(::fdatasync(*static_cast<int*>(handle)) == 0, "fdatasync");
    }

    hid_t file_ = -1;
    hid_t set_ = -1;
    hsize_t size_ = 0;
    bool open_ = false;
};

inline peer hdf5_peer() {
    return {"HDF5", [](store_setup const& s) {
                return std::make_unique<hdf5_dataset>(s);
            }};
}

} // namespace bench

#endif
