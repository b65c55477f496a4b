// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Cutting and splicing a recording of 16-bit samples.
#include <numstore/numstore.hpp>

#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

/// A tone of one second at 48 kHz.
std::vector<std::int16_t> tone(double hertz) {
    std::vector<std::int16_t> samples(48000);
    for (std::size_t i = 0; i != samples.size(); ++i)
        samples[i] = static_cast<std::int16_t>(
            12000 * std::sin(6.283185307179586 * hertz
                             * static_cast<double>(i) / 48000));
    return samples;
}

} // namespace

int main() {
    ::unlink("recording.ns");
    numstore::database db("recording.ns");
    auto take = db.create<std::int16_t>("take 1");
    auto const low = tone(220);
    auto const high = tone(880);
    for (int second = 0; second != 10; ++second)
        take.append(low);

    take.insert(5 * 48000, high); // splice a second in
    take.erase(0, 2 * 48000);     // cut the first two
    auto best = db.create<std::int16_t>("best");
    best.insert(0, take, numstore::slice{.start = 3 * 48000,
                                         .stop = 4 * 48000});

    bool const good = take.size() == 9 * 48000 && best.to_vector() == high
                      && db.verify().ok();
    std::printf("%llu samples in the take, %llu in the best part\n",
                static_cast<unsigned long long>(take.size()),
                static_cast<unsigned long long>(best.size()));
    return good ? 0 : 1;
}
