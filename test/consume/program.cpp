// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/numstore.hpp>

#include <cstdio>
#include <filesystem>

int main() {
    char const* const path = "consumer.ns";
    std::filesystem::remove(path);
    {
        numstore::database db(path);
        auto a = db.create<double>("a");
        a.append({1., 2., 4.});
        a.insert(2, {3.});
    }
    numstore::database db(path);
    double sum = 0;
    for (double e : db.open<double>("a").view())
        sum = sum * 10 + e;
    std::printf("%.0f\n", sum);
    return sum == 1234 ? 0 : 1;
}
