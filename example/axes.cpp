// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Sea temperatures of El Nino years as a grid of years and months, to which
// a column and a row are added.
#include <numstore/numstore.hpp>

#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace ns = numstore;

namespace {

/// YEAR and twelve months to a line.
std::vector<std::vector<double>> read_years(std::string const& path) {
    std::ifstream in(path);
    std::vector<std::vector<double>> years;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::istringstream cells(line);
        std::vector<double> values;
        std::string cell;
        while (std::getline(cells, cell, ','))
            values.push_back(std::stod(cell));
        if (values.size() == 13)
            years.push_back({values.begin() + 1, values.end()});
    }
    return years;
}

double mean(std::vector<double> const& v) {
    return std::accumulate(v.begin(), v.end(), 0.)
           / static_cast<double>(v.size());
}

} // namespace

int main(int, char** argv) {
    ::unlink("axes.ns");
    ns::database db("axes.ns");
    auto const years = read_years(std::string(argv[1]) + "/elnino.csv");
    auto grid = db.create_nd<double>("elnino", ns::dextents<2>{0, 12});
    db.transact([&](ns::transaction& tx) {
        for (auto const& year : years)
            grid.in(tx).append(year);
    });

    // The mean of each year as a column of its own, in front.
    std::vector<double> means;
    for (auto const batch : grid.batches(1))
        means.push_back(mean({batch.values.begin(), batch.values.end()}));
    grid.insert(1, 0, means);
    db.checkpoint();

    double const january = mean(grid.to_vector(ns::all, 1));
    double const all = mean(grid.to_vector(ns::all, 0));
    std::printf("%llu years of %llu columns, January %.2f, year %.2f\n",
                static_cast<unsigned long long>(grid.extent(0)),
                static_cast<unsigned long long>(grid.extent(1)), january,
                all);

    // All of it or nothing: the years before the tenth go, with their column.
    db.transact([&](ns::transaction& tx) {
        auto inside = grid.in(tx);
        inside.erase_rows(ns::slice{.stop = 10});
        inside.erase(1, 0, 1);
    });
    bool const good = grid.extent(1) == 12 && years.size() > 10
                      && grid.extent(0) == years.size() - 10
                      && grid(0, 3) == years[10][3]
                      && std::abs(january - all) < 5 && db.verify().ok();
    return good ? 0 : 1;
}
