// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Weekly atmospheric CO2 at Mauna Loa, 1958-2001: loaded, mended, decimated,
// edited in a transaction, killed in the middle of one, and recovered.
#include <numstore/numstore.hpp>

#include <boost/describe.hpp>

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

namespace ns = numstore;

/// A week. Weeks without a value hold NaN: they stay in their place, so that
/// position and time go together, and statistics leave them out.
struct week {
    std::int32_t date; // YYYYMMDD
    float ppm;
};
BOOST_DESCRIBE_STRUCT(week, (), (date, ppm))

namespace {

void expect(bool good, char const* what) {
    if (good)
        return;
    std::fprintf(stderr, "not as expected: %s\n", what);
    std::exit(1);
}

std::vector<week> read_csv(std::string const& path) {
    std::ifstream in(path);
    expect(in.is_open(), "co2.csv can be read");
    std::vector<week> all;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        auto const comma = line.find(',');
        expect(comma != std::string::npos, "a line has two fields");
        std::string const value = line.substr(comma + 1);
        bool const empty =
            value.find_first_of("0123456789") == std::string::npos;
        all.push_back({static_cast<std::int32_t>(std::stol(line)),
                       empty ? std::numeric_limits<float>::quiet_NaN()
                             : std::stof(value)});
    }
    return all;
}

template <class View>
double mean(View const& values) {
    double sum = 0;
    std::uint64_t n = 0;
    for (float const v : values)
        if (!std::isnan(v)) {
            sum += static_cast<double>(v);
            ++n;
        }
    return n == 0 ? 0 : sum / static_cast<double>(n);
}

void plot(ns::array<week> const& weeks) {
    constexpr std::uint64_t columns = 72;
    constexpr int rows = 12;
    auto const ppm = weeks.view(ns::field<&week::ppm>{});
    std::vector<double> level(columns);
    for (std::uint64_t c = 0; c != columns; ++c) {
        auto const first =
            static_cast<std::int64_t>(c * weeks.size() / columns);
        auto const last =
            static_cast<std::int64_t>((c + 1) * weeks.size() / columns);
        level[c] = mean(weeks.view(ns::field<&week::ppm>{},
                                   ns::slice{.start = first, .stop = last}));
    }
    auto const [low, high] = std::minmax_element(level.begin(), level.end());
    for (int r = rows; r-- != 0;) {
        double const at = *low + (*high - *low) * r / (rows - 1);
        std::printf("%6.1f |", at);
        for (double const l : level)
            std::putchar(std::lround((l - *low) / (*high - *low) * (rows - 1))
                                 == r
                             ? '*'
                             : ' ');
        std::putchar('\n');
    }
    std::printf("        %d%*d\n", weeks[0].date / 10000,
                static_cast<int>(columns) - 4, weeks.back().date / 10000);
    static_cast<void>(ppm);
}

/// A child process that is killed while its transaction is open.
void be_killed(std::string const& file) {
    pid_t const child = ::fork();
    expect(child >= 0, "a child process starts");
    if (child == 0) {
        ns::database db(file);
        auto weeks = db.open<week>("mauna loa");
        auto tx = db.begin();
        weeks.in(tx).erase(0, 1000);
        weeks.in(tx).append({{20991231, 999.0F}});
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
           "the child was killed");
}

} // namespace

int main(int count, char** arguments) {
    std::string const data = count > 1 ? arguments[1] : "example/data";
    std::vector<week> const csv = read_csv(data + "/co2.csv");
    std::string const file = "co2.ns";
    ::unlink(file.c_str());
    auto const half =
        csv.begin() + static_cast<std::ptrdiff_t>(csv.size() / 2);
    std::uint64_t const late = 52;

    {
        ns::database db(file, {.mode = ns::open_mode::create_new});
        auto weeks = db.create<week>("mauna loa");
        weeks.attributes().set("unit", "ppmv");

        // A year of samples is late and comes into the middle afterwards.
        weeks.append(std::vector<week>(csv.begin(), half));
        weeks.append(std::vector<week>(half + late, csv.end()));
        weeks.insert(csv.size() / 2, std::vector<week>(half, half + late));
        expect(weeks.size() == csv.size(), "all weeks are there");

        auto const before = db.snapshot();
        {
            auto tx = db.begin();
            auto inside = weeks.in(tx);
            inside.erase(0, 1000);
            expect(inside.size() == csv.size() - 1000, "the edit is seen");
            tx.rollback();
        }
        expect(weeks.size() == csv.size(), "the edit was rolled back");
        weeks.push_back({20020105, 372.0F});
        expect(weeks.in(before).size() == csv.size(),
               "the snapshot stays as it was");
        weeks.pop_back();
    }

    be_killed(file);

    ns::database db(file);
    auto weeks = db.open<week>("mauna loa");
    expect(db.verify().ok(), "the file is sound after the kill");
    expect(weeks.size() == csv.size(), "exactly what was committed is there");
    auto const dates = weeks.view(ns::field<&week::date>{});
    expect(std::ranges::equal(dates, csv, {}, {}, &week::date),
           "in its order");

    auto const ppm = weeks.view(ns::field<&week::ppm>{});
    auto const missing = std::ranges::count_if(
        ppm, [](float v) { return std::isnan(v); });
    expect(missing == 59, "59 weeks have no value");
    auto const yearly =
        weeks.view(ns::field<&week::ppm>{}, ns::every<52>{});

    std::printf("Atmospheric CO2 at Mauna Loa (%s)\n\n",
                weeks.attributes().get<std::string>("unit").c_str());
    plot(weeks);
    std::printf("\n%llu weeks, %lld without a value, mean %.2f;"
                " every 52nd week: %llu values, mean %.2f\n",
                static_cast<unsigned long long>(weeks.size()),
                static_cast<long long>(missing), mean(ppm),
                static_cast<unsigned long long>(yearly.size()), mean(yearly));
    std::printf("recovered after a kill in mid-transaction; file verified\n");
    return 0;
}
