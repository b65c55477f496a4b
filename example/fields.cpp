// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Structs as elements, and views of single members.
#include <numstore/numstore.hpp>

#include <boost/describe.hpp>

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <numeric>

struct sample {
    double t;
    float v;
    std::uint8_t flags;
};
BOOST_DESCRIBE_STRUCT(sample, (), (t, v, flags))

int main() {
    ::unlink("fields.ns");
    numstore::database db("fields.ns");
    auto samples = db.create<sample>("samples");
    db.transact([&](numstore::transaction& tx) {
        auto in = samples.in(tx);
        for (int i = 0; i != 1000; ++i)
            in.push_back({i * 0.5, static_cast<float>(i % 10),
                          static_cast<std::uint8_t>(i % 3)});
    });

    auto const volts = samples.view(numstore::field<&sample::v>{});
    auto const every_tenth = samples.view(numstore::field<&sample::v>{},
                                          numstore::every<10, 3>{});
    float const sum = std::accumulate(volts.begin(), volts.end(), 0.0F);
    float const threes =
        std::accumulate(every_tenth.begin(), every_tenth.end(), 0.0F);
    std::printf("sum of v %.0f, of every 10th from the 3rd %.0f, t[999] %.1f\n",
                static_cast<double>(sum), static_cast<double>(threes),
                samples.view(numstore::field<&sample::t>{}).back());
    bool const good = sum > 4499 && sum < 4501 && threes > 299 && threes < 301;
    return good ? 0 : 1;
}
