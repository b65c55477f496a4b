// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include <numstore/numstore.hpp>

#include <cstdio>

int main() {
    numstore::database db("quick.ns"); // made if there is none
    auto t = db.open_or_create<float>("boiler/temperature");

    t.assign({20.5F, 21.0F, 23.5F, 24.0F});
    t.insert(2, {22.0F, 22.5F}); // late samples, into the middle

    db.transact([&](numstore::transaction& tx) {
        t.in(tx).erase(0, 1); // both or neither, whatever happens
        t.in(tx).append({24.5F});
    });

    double sum = 0;
    for (float const value : t.view(numstore::every<2>{}))
        sum += static_cast<double>(value);
    std::printf("%llu samples, every second adds up to %.1f\n",
                static_cast<unsigned long long>(t.size()), sum);
    return t.size() == 6 ? 0 : 1;
}
